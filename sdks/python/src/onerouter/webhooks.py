"""Messages OneRouter sends to your endpoints: are they real, and what do they say. Works without a client.

    event = webhooks.unwrap(await request.body(), request.headers, secret=os.environ["ONEROUTER_WEBHOOK_SECRET"])

Signatures are those of Standard Webhooks 1.0.0 over `id.timestamp.body`: v1 (HMAC-SHA256, secrets `whsec_…`) and v1a
(ed25519, public keys `whpk_…`).
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets as randomness
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from onerouter import _ed25519
from onerouter._answer import build
from onerouter._errors import WebhookVerificationError
from onerouter._secret import several
from onerouter.types.events import Event

__all__ = ["Event", "WebhookVerificationError", "Webhooks", "sign", "unwrap", "verify"]

TOLERANCE_S: Final = 300
ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

_SECRET: Final = "whsec_"  # noqa: S105
_PUBLIC: Final = "whpk_"
_MOST_SIGNATURES: Final = 32


class _Items(Protocol):
    def items(self) -> Iterable[tuple[Any, Any]]: ...


Body = bytes | bytearray | memoryview | str
Headers = _Items | Iterable[tuple[Any, Any]]
"""Any framework's: a mapping in any spelling (a WSGI environment too), or pairs, of str or bytes."""
Secrets = str | Sequence[str]


def unwrap(body: Body, headers: Headers, secret: Secrets | None = None, *, tolerance: float = TOLERANCE_S) -> Event:
    """The event, once it is known to be real. Give the body as it came, before any parsing.

    `secret` may be several: during a rotation both are good. Absent: ONEROUTER_WEBHOOK_SECRET, in which several are
    separated by spaces. `tolerance` is how many seconds it may be old. Raises WebhookVerificationError, for everything.
    """
    content = verify(body, headers, secret, tolerance=tolerance)
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise WebhookVerificationError("The body is signed, but is no JSON.") from None
    if not isinstance(fields, dict):
        raise WebhookVerificationError("The body is signed, but is no event.")
    return build(Event, fields)


def verify(body: Body, headers: Headers, secret: Secrets | None = None, *, tolerance: float = TOLERANCE_S) -> bytes:
    """The body, once it is known to be real. As `unwrap`, for bodies that are not events of ours."""
    content = _bytes(body)
    found = _found(headers)
    message_id, sent_at, signatures = found[ID], found[TIMESTAMP], found[SIGNATURE]
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 20):
        raise WebhookVerificationError(f"The header {TIMESTAMP} is no number of seconds.")
    signed = f"{message_id}.{sent_at}.".encode() + content
    if not _is_signed(signed, signatures, _keys(secret)):
        raise WebhookVerificationError(
            "No signature matches. Is it this endpoint's secret, and the body as it came, byte for byte?"
        )
    if abs(time.time() - int(sent_at)) > tolerance:
        raise WebhookVerificationError("The message is too old, or from the future: it may be a replay.")
    return content


def sign(
    body: Body, secret: Secrets | None = None, *, message_id: str | None = None, timestamp: float | None = None
) -> dict[str, str]:
    """The three headers of a delivery, for tests of your own handler. One signature a secret, as in a rotation."""
    message_id = message_id or f"evt_{randomness.token_hex(13)}"
    sent_at = str(int(time.time() if timestamp is None else timestamp))
    signed = f"{message_id}.{sent_at}.".encode() + _bytes(body)
    symmetric = [key for kind, key in _keys(secret) if kind == "v1"]
    if not symmetric:
        raise WebhookVerificationError("Only a secret (whsec_…) can sign here.")
    return {
        ID: message_id,
        TIMESTAMP: sent_at,
        SIGNATURE: " ".join("v1," + base64.b64encode(_hmac(key, signed)).decode() for key in symmetric),
    }


class Webhooks:
    """The same with a secret that is said once: `client.webhooks`."""

    def __init__(self, secret: Secrets | None = None) -> None:
        self._secret = several(secret)

    def unwrap(
        self, body: Body, headers: Headers, secret: Secrets | None = None, *, tolerance: float = TOLERANCE_S
    ) -> Event:
        """See `onerouter.webhooks.unwrap`."""
        return unwrap(body, headers, secret or self._secret, tolerance=tolerance)

    def verify(
        self, body: Body, headers: Headers, secret: Secrets | None = None, *, tolerance: float = TOLERANCE_S
    ) -> bytes:
        """See `onerouter.webhooks.verify`."""
        return verify(body, headers, secret or self._secret, tolerance=tolerance)

    def __repr__(self) -> str:
        return "Webhooks()"


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise WebhookVerificationError(
        f"The body must be as it came, bytes or str, not a {type(body).__name__}: read it before it is parsed."
    )


def _found(headers: Any) -> dict[str, str]:
    """The three headers. Each may be spelled as its framework likes: `Webhook-Id`, `HTTP_WEBHOOK_ID`, `b"webhook-id"`."""
    found: dict[str, str] = {}
    try:
        for name, value in headers.items() if hasattr(headers, "items") else headers:
            key = _str(name).lower().replace("_", "-").removeprefix("http-")
            if key in {ID, TIMESTAMP, SIGNATURE}:
                found[key] = _str(value[0] if isinstance(value, (list, tuple)) else value).strip()
    except (TypeError, ValueError, AttributeError, IndexError):
        raise WebhookVerificationError("The headers are neither a mapping nor pairs.") from None
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not found.get(name):
            raise WebhookVerificationError(f"The header {name} is missing.")
    return found


def _str(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _several(secret: Any) -> list[str]:
    given = secret.split() if isinstance(secret, str) else [str(each).strip() for each in secret]
    return [each for each in given if each]


def _keys(secret: Any) -> list[tuple[str, bytes]]:
    """Each with the scheme it is for."""
    given = _several(os.environ.get("ONEROUTER_WEBHOOK_SECRET", "") if secret is None else secret)
    if not given:
        raise WebhookVerificationError("There is no secret: give `secret`, or set ONEROUTER_WEBHOOK_SECRET.")
    return [_key(each) for each in given]


def _key(secret: str) -> tuple[str, bytes]:
    scheme, prefix = ("v1a", _PUBLIC) if secret.startswith(_PUBLIC) else ("v1", _SECRET)
    encoded = secret.removeprefix(prefix)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or (scheme == "v1a" and len(key) != 32):
        raise WebhookVerificationError("The secret is not one of an endpoint: they begin with whsec_ or whpk_.")
    return scheme, key


def _is_signed(signed: bytes, signatures: str, keys: list[tuple[str, bytes]]) -> bool:
    """All are compared, so that the time tells nothing."""
    matches = False
    for entry in signatures.split()[:_MOST_SIGNATURES]:
        scheme, _, encoded = entry.partition(",")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        for kind, key in keys:
            if kind != scheme:
                continue
            if kind == "v1":
                matches |= hmac.compare_digest(given, _hmac(key, signed))
            else:
                matches |= _ed25519.is_signed(key, signed, given)
    return matches


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()
