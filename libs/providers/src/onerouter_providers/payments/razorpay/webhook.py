"""Razorpay's callbacks: HMAC-SHA256 of the raw body, keyed with the webhook secret (not the API secret), in hex.

There is no timestamp in the signature, so there is no replay window: redeliveries are told by the event id. Bodies are
snapshots at the time of the event and arrive unordered.
What the events say is read in `events.py`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pydantic_core
from pydantic import SecretStr

from onerouter_common.json_text import without_nul
from onerouter_providers.payments.razorpay import fields
from onerouter_providers.payments.razorpay.events import FOLLOWED, OF_LINKED_ACCOUNTS
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header, require_signature

SIGNATURE_HEADER: Final = "X-Razorpay-Signature"
EVENT_ID_HEADER: Final = "X-Razorpay-Event-Id"
_SECRETS: Final = ("webhook_secret", "webhook_secret_previous")


def verify(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Raises SignatureInvalid unless the current or the previous secret fits, and the account is the connected one."""
    expected = [
        hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        for name in _SECRETS
        if (secret := secrets.get(name)) is not None and secret.get_secret_value()
    ]
    require_signature(header(headers, SIGNATURE_HEADER), expected)
    account = secrets.get("account_id")
    if (
        account is not None
        and account.get_secret_value()
        and _account_of(body) not in (None, account.get_secret_value())
    ):
        raise SignatureInvalid("The callback is signed, but of another Razorpay account.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """The id is a header, not in the body; without it the body's digest tells redeliveries, which are byte for byte."""
    return _event_id(body, headers), _event_type(_read(body))


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """None for a kind we do not follow. Raises CallbackUnreadable."""
    event = _read(body)
    kind = _event_type(event)
    read = FOLLOWED.get(kind)
    made = None if read is None else read(fields.part(event, "payload"))
    if made is None:
        return None
    return ProviderEvent(id=_event_id(body, headers), type=kind, occurred_at=_moment(event), object=made)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        event = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(event, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return event


def _account_of(body: bytes) -> object:
    """The merchant's account. None for a body that names none (an event of a linked account names that one instead) or
    cannot be read: what it says is for `parse` to judge.
    """
    try:
        event = _read(body)
        return None if _event_type(event).startswith(OF_LINKED_ACCOUNTS) else event.get("account_id")
    except CallbackUnreadable:
        return None


def _event_id(body: bytes, headers: Mapping[str, str]) -> str:
    return header(headers, EVENT_ID_HEADER) or f"sha256:{hashlib.sha256(body).hexdigest()}"


def _event_type(event: Mapping[str, Any]) -> str:
    kind = event.get("event")
    if not isinstance(kind, str) or not kind:
        raise CallbackUnreadable("The callback does not say of which event it is.")
    return kind


def _moment(event: Mapping[str, Any]) -> datetime:
    at = event.get("created_at")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at < fields.LATEST:
        raise CallbackUnreadable("The callback does not say when it happened.")
    return datetime.fromtimestamp(at, UTC)
