"""Resend's callbacks, signed as Svix does: base64 of HMAC-SHA256 over `<id>.<time>.<raw body>`, several may be given.

The key is what follows `whsec_`, decoded from base64. Headers: `svix-id`, `svix-timestamp`, `svix-signature: v1,<base64> …`,
or the same as `webhook-…`. The id is the event's and the same for each redelivery; each delivery is signed anew, and what is
more than five minutes off is refused. An event may name several recipients: `parse_all` tells of each by itself.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pydantic_core
from pydantic import JsonValue, SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.json_text import without_nul
from onerouter_providers.email.composing import REFERENCE, our_id
from onerouter_providers.email.resend.mapping import bare, moment
from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header

TOLERANCE_S: Final = 300
_SECRETS: Final = ("webhook_secret", "webhook_secret_previous")
_MOST_SIGNATURES: Final = 16
"""More are not compared: one comes for each live secret."""
_LATEST: Final = 32_503_680_000
"""The year 3000."""

FOLLOWED: Final[Mapping[str, str]] = {
    "email.scheduled": "scheduled",
    "email.sent": "sent",
    "email.delivered": "delivered",
    "email.delivery_delayed": "deferred",
    "email.bounced": "bounced",
    "email.failed": "failed",
    "email.suppressed": "failed",
    "email.opened": "unchanged",
    "email.clicked": "unchanged",
    "email.complained": "unchanged",
}
"""Resend's event → the status it tells."""
_TELLS: Final[Mapping[str, str]] = {
    "email.opened": "opened",
    "email.clicked": "clicked",
    "email.complained": "complained",
    "email.suppressed": "suppressed",
}
_BOUNCE_TYPE: Final[Mapping[str, str]] = {"Permanent": "hard", "Transient": "soft"}
_BOUNCE_REASON: Final[Mapping[str, str]] = {
    "ContentRejected": "content_rejected",
    "AttachmentRejected": "content_rejected",
    "MessageTooLarge": "payload_too_large",
    "Suppressed": "suppressed",
    "OnAccountSuppressionList": "suppressed",
    "NoEmail": "invalid_recipient",
}
_FAILED_REASON: Final[Mapping[str, str]] = {
    "reached_daily_quota": "insufficient_credit",
    "reached_monthly_quota": "insufficient_credit",
}
_SUPPRESSED_FOR: Final[Mapping[str, str]] = {"previous_bounce": "bounce", "previous_complaint": "complaint"}
_SMTP_STATUS: Final = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], *, now: float | None = None
) -> None:
    """Raises SignatureInvalid unless one signature fits the current or the previous secret and is of this time."""
    event_id, at, given = (_header(headers, name) for name in ("id", "timestamp", "signature"))
    if not (event_id and at and given):
        raise SignatureInvalid("The callback is not signed.")
    if not (at.isascii() and at.isdigit() and len(at) <= len(str(_LATEST))):
        raise SignatureInvalid("The callback's signature does not say when it was made.")
    message = b".".join((event_id.encode("utf-8", "surrogateescape"), at.encode(), body))
    expected = [
        hmac.new(key, message, hashlib.sha256).digest()
        for name in _SECRETS
        if (key := _key(secrets.get(name))) is not None
    ]
    if not expected:
        raise SignatureInvalid("This connection has no callback secret, so no callback can be verified.")
    fits = [
        hmac.compare_digest(one, other) for one in _signatures(given) for other in expected
    ]  # all: no early way out
    if not any(fits):
        raise SignatureInvalid("The callback's signature does not fit.")
    if abs(int(at) - (time.time() if now is None else now)) > TOLERANCE_S:
        raise SignatureInvalid("The callback's signature is not of this time.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    event_id = _header(headers, "id")
    if not event_id:
        raise CallbackUnreadable("The callback has no id.")
    return event_id, _text(_read(body), "type")


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """Of an event that names several recipients, what holds for all of them. None for a kind we do not follow."""
    read = _event(body, headers)
    if read is None:
        return None
    event_id, kind, at, data = read
    people = _people(data)
    return ProviderEvent(event_id, kind, at, _object(kind, data, people[0] if len(people) == 1 else None, 0))


def parse_all(body: bytes, headers: Mapping[str, str]) -> tuple[ProviderEvent, ...]:
    """One event a recipient. A status of the whole message is told with each."""
    read = _event(body, headers)
    if read is None:
        return ()
    event_id, kind, at, data = read
    people = _people(data)
    if len(people) <= 1:
        return (ProviderEvent(event_id, kind, at, _object(kind, data, people[0] if people else None, 0)),)
    return tuple(
        ProviderEvent(f"{event_id}:{place}", kind, at, _object(kind, data, recipient, place))
        for place, recipient in enumerate(people)
    )


def _event(body: bytes, headers: Mapping[str, str]) -> tuple[str, str, datetime, Mapping[str, Any]] | None:
    event_id, kind = identify(body, headers)
    if kind not in FOLLOWED:
        return None
    event = _read(body)
    data, at = event.get("data"), moment(event.get("created_at"))
    if not isinstance(data, dict):
        raise CallbackUnreadable("The callback does not carry what it speaks of.")
    if at is None:
        raise CallbackUnreadable("The callback does not say when it happened.")
    return event_id, kind, at, data


def _object(kind: str, data: Mapping[str, Any], recipient: str | None, place: int) -> CallbackObject:
    tags = data.get("tags")
    told = _trouble(kind, data, place)
    facts: dict[str, JsonValue] = {"recipient": recipient, "event": _TELLS.get(kind), **told.pop("facts", {})}
    return CallbackObject(
        kind="email",
        status=FOLLOWED[kind],
        provider_id=_text(data, "email_id"),
        reference=our_id(tags.get(REFERENCE)) if isinstance(tags, dict) else None,
        facts={name: value for name, value in facts.items() if value is not None},
        **told,
    )


def _trouble(kind: str, data: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What went wrong, and what was clicked; `place`: of the recipient among those the event names."""
    if kind == "email.bounced":
        bounce = _part(data, "bounce")
        hard = _BOUNCE_TYPE.get(str(bounce.get("type")), "undetermined")
        sub_type = str(bounce.get("subType"))
        return {
            "error_reason": _BOUNCE_REASON.get(sub_type, "invalid_recipient" if hard == "hard" else "unknown"),
            "error_code": sub_type,
            "error_message": _words(bounce.get("message")),
            "facts": {"bounce_type": hard, "smtp_status": _smtp_status(bounce, place)},
        }
    if kind == "email.suppressed":
        suppressed = _part(data, "suppressed")
        why = _words(suppressed.get("reason"))
        return {
            "error_reason": "suppressed",
            "error_code": why,
            "error_message": _words(suppressed.get("message")),
            "facts": {
                "smtp_status": _smtp_status(suppressed, place),
                "suppressed_for": _SUPPRESSED_FOR.get(why or ""),
            },
        }
    if kind == "email.failed":
        reason = _words(_part(data, "failed").get("reason"))
        return {"error_reason": _FAILED_REASON.get(reason or "", "unknown"), "error_code": reason}
    if kind == "email.clicked":
        return {"facts": {"url": _part(data, "click").get("link")}}
    return {}


def _smtp_status(told: Mapping[str, Any], place: int) -> str | None:
    """Of what the receiving server said to this recipient; one line stands for all where there is only one."""
    lines = told.get("diagnosticCode")
    lines = [str(line) for line in lines] if isinstance(lines, list) else []
    line = lines[place] if place < len(lines) else (lines[0] if len(lines) == 1 else str(told.get("message")))
    found = _SMTP_STATUS.search(line)
    return None if found is None else found.group()


def _people(data: Mapping[str, Any]) -> Sequence[str]:
    to = data.get("to")
    return [bare(one) for one in to if isinstance(one, str)] if isinstance(to, list) else []


def _signatures(given: str) -> list[bytes]:
    """Every `v1`; other versions (`v1a` is of another kind) prove nothing."""
    found = list[bytes]()
    for item in given.split(" ")[:_MOST_SIGNATURES]:
        version, _, value = item.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(value.encode("utf-8", "surrogateescape"), validate=True))
            except binascii.Error:
                continue
    return found


def _key(secret: SecretStr | None) -> bytes | None:
    """The bytes of a secret, whose padding may be missing; None where it is none."""
    text = "" if secret is None else secret.get_secret_value().removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return header(headers, f"svix-{name}") or header(headers, f"webhook-{name}")


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        event = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(event, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return event


def _part(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = thing.get(name)
    return value if isinstance(value, dict) else {}


def _words(value: object) -> str | None:
    return value[:MESSAGE_CHARS] if isinstance(value, str) else None


def _text(thing: Mapping[str, Any], name: str) -> str:
    value = thing.get(name)
    if not isinstance(value, str) or not value:
        raise CallbackUnreadable(f"The callback does not say its {name}.")
    return value
