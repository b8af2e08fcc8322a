"""SendGrid's callbacks: a JSON array of events, signed with ECDSA P-256 and SHA-256 over `<time><raw body>`.

The public key is the connection's (base64 of DER), the signature base64 of ASN.1 DER in
`X-Twilio-Email-Event-Webhook-Signature`, the time in `…-Timestamp`. The body usually ends with CRLF, which is signed too.
Whether a retry is signed anew is not told, and they go on for a day: a time may be 25 hours old. Each event has its own id.
"""

import base64
import binascii
import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import pydantic_core
import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import JsonValue, SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.json_text import without_nul
from onerouter_providers.email.composing import REFERENCE, our_id
from onerouter_providers.email.sendgrid.mapping import BATCH, id_of
from onerouter_providers.email.sendgrid.states import BOUNCE_TYPE, bounce_reason, drop_facts, drop_reason
from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header

log = structlog.get_logger()

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
TOLERANCE_S: Final = 25 * 3_600
_AHEAD_S: Final = 300
_LATEST: Final = 32_503_680_000
"""The year 3000."""

FOLLOWED: Final[Mapping[str, str]] = {
    "processed": "sent",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "failed",
    "open": "unchanged",
    "click": "unchanged",
    "spamreport": "unchanged",
    "unsubscribe": "unchanged",
    "group_unsubscribe": "unchanged",
    "group_resubscribe": "unchanged",
}
"""SendGrid's event → the status it tells."""
_TELLS: Final[Mapping[str, str]] = {
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",
}


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], *, now: float | None = None
) -> None:
    """Raises SignatureInvalid unless the connection's key signed it, lately enough for a retry."""
    given, at = header(headers, SIGNATURE_HEADER), header(headers, TIMESTAMP_HEADER)
    if not (given and at):
        raise SignatureInvalid("The callback is not signed.")
    if not (at.isascii() and at.isdigit() and len(at) <= len(str(_LATEST))):
        raise SignatureInvalid("The callback's signature does not say when it was made.")
    secret = secrets.get("webhook_public_key")
    key = _public_key("" if secret is None else secret.get_secret_value())
    if key is None:
        raise SignatureInvalid("This connection has no verification key, so no callback can be verified.")
    try:
        signature = base64.b64decode(given.encode("utf-8", "surrogateescape"), validate=True)
        key.verify(signature, at.encode() + body, ec.ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error):
        raise SignatureInvalid("The callback's signature does not fit.") from None
    age_s = (time.time() if now is None else now) - int(at)
    if not -_AHEAD_S <= age_s <= TOLERANCE_S:
        raise SignatureInvalid("The callback's signature is too old.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG001 - all is in the body
    """Of a single event its own id and name; of a batch one made of all its bytes, which a retry brings unchanged."""
    events = _read(body)
    if len(events) == 1:
        event = _whole(events[0])
        return _required(event, "sg_event_id"), _required(event, "event")
    return f"batch_{hashlib.sha256(body).hexdigest()[:32]}", "batch"


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:  # noqa: ARG001
    """Of a callback with one event. Raises CallbackUnreadable for a batch: that is for `parse_all`."""
    events = _read(body)
    if len(events) != 1:
        raise CallbackUnreadable("The callback tells of several events.")
    return _event(events[0])


def parse_all(body: bytes, headers: Mapping[str, str]) -> tuple[ProviderEvent, ...]:  # noqa: ARG001
    """Each event by itself. One that cannot be read is left out, and logged: it must not cost the others."""
    events = _read(body)
    found: list[ProviderEvent] = []
    unreadable = 0
    for event in events:
        try:
            read = _event(event)
        except CallbackUnreadable:
            unreadable += 1
            continue
        if read is not None:
            found.append(read)
    if unreadable:
        log.warning("sendgrid.events_unreadable", unreadable=unreadable, events=len(events))
    return tuple(found)


def count(body: bytes, headers: Mapping[str, str]) -> int:  # noqa: ARG001
    return len(_read(body))


def _event(given: object) -> ProviderEvent | None:
    event = _whole(given)
    kind = _required(event, "event")
    if kind not in FOLLOWED:
        return None
    at = event.get("timestamp")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at < _LATEST:
        raise CallbackUnreadable("The event does not say when it happened.")
    moment = datetime.fromtimestamp(at, UTC)
    return ProviderEvent(_required(event, "sg_event_id"), kind, moment, _object(kind, event))


def _object(kind: str, event: Mapping[str, Any]) -> CallbackObject:
    told = _trouble(kind, event)
    facts: dict[str, JsonValue] = {
        "recipient": (_text(event, "email") or "").lower() or None,
        "event": _TELLS.get(kind),
        "url": _text(event, "url") if kind == "click" else None,
        "is_machine": True if event.get("sg_machine_open") is True else None,
        "smtp_status": _text(event, "status"),
        **told.pop("facts", {}),
    }
    return CallbackObject(
        kind="email",
        status=FOLLOWED[kind],
        provider_id=id_of(_required(event, "sg_message_id"), _text(event, BATCH)),
        reference=our_id(event.get(REFERENCE)),
        facts={name: value for name, value in facts.items() if value is not None},
        **told,
    )


def _trouble(kind: str, event: Mapping[str, Any]) -> dict[str, Any]:
    text = _text(event, "reason") or _text(event, "response")
    message = None if text is None else text[:MESSAGE_CHARS]
    if kind == "bounce":
        bounce_type = BOUNCE_TYPE.get(_text(event, "type") or "", "undetermined")
        return {
            "error_reason": bounce_reason(bounce_type, _text(event, "bounce_classification")),
            "error_code": _text(event, "status"),
            "error_message": message,
            "facts": {"bounce_type": bounce_type},
        }
    if kind == "dropped":
        reason = drop_reason(text)
        return {
            "error_reason": reason,
            "error_code": _text(event, "status"),
            "error_message": message,
            "facts": drop_facts(text),
        }
    return {"error_message": message} if kind == "deferred" else {}


@lru_cache(maxsize=1_024)
def _public_key(text: str) -> ec.EllipticCurvePublicKey | None:
    """None for what is no key on the curve P-256."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None


def _read(body: bytes) -> Sequence[object]:
    try:
        events = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(events, list) or not events:
        raise CallbackUnreadable("The callback is not an array of events.")
    return events


def _whole(event: object) -> Mapping[str, Any]:
    if not isinstance(event, dict):
        raise CallbackUnreadable("The event is not a JSON object.")
    return event


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) and value else None


def _required(event: Mapping[str, Any], name: str) -> str:
    value = _text(event, name)
    if value is None:
        raise CallbackUnreadable(f"The event does not say its {name}.")
    return value
