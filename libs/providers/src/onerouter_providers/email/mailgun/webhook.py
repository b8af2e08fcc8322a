"""Mailgun's callbacks: HMAC-SHA256 of `timestamp + token`, in hex, inside the body.

The body itself is not signed: who has seen one callback could send any other under its signature. Hence

- the token is what a callback is known by (`identify`), so that it is taken once and never again;
- a signature older than nine hours, when Mailgun has given up, is refused;
- `reference` is told only where the event's variable and its Message-Id, both written by us, agree; and a message is only
  changed by a callback that names the id it was sent under.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pydantic_core
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.json_text import without_nul
from onerouter_providers.email.composing import REFERENCE, our_id
from onerouter_providers.email.mailgun.mapping import Event, message_id_of, moment_of, told_by
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, require_signature

TOLERANCE_S: Final = 9 * 3_600
AHEAD_S: Final = 600
"""How much Mailgun's clock may be ahead of ours."""
_SECRETS: Final = ("webhook_signing_key", "webhook_signing_key_previous")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{16,128}")


def verify(
    body: bytes,
    headers: Mapping[str, str],  # noqa: ARG001 - all of it is in the body
    secrets: Mapping[str, SecretStr],
    *,
    now: float | None = None,
) -> None:
    """Raises SignatureInvalid unless the current or the previous signing key fits, and it is not too old."""
    try:
        signature = _section(_read(body), "signature")
    except CallbackUnreadable:
        raise SignatureInvalid("The callback is not signed.") from None
    timestamp, token, given = (signature.get(name) for name in ("timestamp", "token", "signature"))
    if not (isinstance(timestamp, str) and _TIMESTAMP.fullmatch(timestamp)):
        raise SignatureInvalid("The callback's signature does not say when it was made.")
    if not (isinstance(token, str) and _TOKEN.fullmatch(token) and isinstance(given, str)):
        raise SignatureInvalid("The callback is not signed.")
    message = (timestamp + token).encode()
    expected = [
        hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
        for name in _SECRETS
        if (secret := secrets.get(name)) is not None and secret.get_secret_value()
    ]
    require_signature(given, expected)
    at = time.time() if now is None else now
    if not at - TOLERANCE_S <= int(timestamp) <= at + AHEAD_S:
        raise SignatureInvalid("The callback was signed too long ago, or in the future.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG001 - all of it is in the body
    """The token, which Mailgun wants used once, and the event's name."""
    callback = _read(body)
    token = _required(_section(callback, "signature"), "token")
    return token, _required(_section(callback, "event-data"), "event")


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:  # noqa: ARG001
    """None for a kind we do not follow. Raises CallbackUnreadable."""
    event = _section(_read(body), "event-data")
    kind = _required(event, "event")
    told = told_by(event)
    if told is None:
        return None
    at = moment_of(event)
    if at is None:
        raise CallbackUnreadable("The callback does not say when it happened.")
    message_id = message_id_of(event)
    if not message_id:
        raise CallbackUnreadable("The callback does not say which message it is about.")
    return ProviderEvent(
        _event_id(event, at),
        f"{kind}.{event['severity']}" if event.get("severity") in ("temporary", "permanent") else kind,
        at,
        CallbackObject(
            kind="email",
            status=told.status,
            reference=_reference(event, message_id),
            provider_id=message_id,
            facts=told.facts,
            error_reason=told.error_reason,
            error_code=told.error_code,
            error_message=told.error_message,
        ),
    )


def _event_id(event: Event, at: datetime) -> str:
    """Mailgun's id of an event is unique within a day only."""
    return f"{at:%Y-%m-%d}:{_required(event, 'id')}"


def _reference(event: Event, message_id: str) -> str | None:
    """Our id, where the variable and the Message-Id agree on it."""
    variables = event.get("user-variables")
    ours = our_id(variables.get(REFERENCE)) if isinstance(variables, Mapping) else None
    return ours if ours is not None and message_id.startswith(f"{ours}@") else None


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        callback = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(callback, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return callback


def _section(callback: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = callback.get(name)
    if not isinstance(section, dict):
        raise CallbackUnreadable(f"The callback has no {name}.")
    return section


def _required(section: Mapping[str, Any], name: str) -> str:
    value = section.get(name)
    if not isinstance(value, str) or not value:
        raise CallbackUnreadable(f"The callback does not say its {name}.")
    return value
