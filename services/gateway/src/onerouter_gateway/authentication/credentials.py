"""The API key a request presents, and the signature it may carry."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from starlette.datastructures import Headers

from onerouter_common.errors import Unauthenticated

_SIGNATURE_WINDOW_S: Final = 300
_LATEST_SECONDS: Final = 10**11  # a larger timestamp is in milliseconds


def presented_key(headers: Headers) -> str:
    """The key in `Authorization: Bearer` or `X-API-Key`. Raises Unauthenticated for none, or two different ones."""
    bearer = _bearer(headers)
    direct = headers.get("x-api-key", "").strip() or None
    if bearer is not None and direct is not None and not hmac.compare_digest(bearer.encode(), direct.encode()):
        raise Unauthenticated("Authorization and X-API-Key hold different keys; send one of them, or the same in both.")
    key = bearer or direct
    if key is None:
        raise Unauthenticated("Send your API key as 'Authorization: Bearer unf_…' or in X-API-Key.")
    return key


def check_signature(headers: Headers, *, method: str, target: str, body: bytes, key: str, now: datetime) -> None:
    """If `X-Signature` is there it must be right: hex HMAC-SHA256 of `METHOD\\npath+query\\ntimestamp\\nbody` by the key.

    `X-Request-Timestamp` is Unix time in seconds (or milliseconds), at most five minutes off. Raises Unauthenticated.
    """
    given = headers.get("x-signature")
    if given is None:
        return
    timestamp = headers.get("x-request-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise Unauthenticated("X-Signature needs X-Request-Timestamp, the Unix time in seconds that was signed.")
    seconds = int(timestamp) / 1000 if int(timestamp) > _LATEST_SECONDS else int(timestamp)
    if abs(now.timestamp() - seconds) > _SIGNATURE_WINDOW_S:
        raise Unauthenticated("X-Request-Timestamp is more than five minutes away from our clock.")
    message = f"{method}\n{target}\n{timestamp}\n".encode() + body
    expected = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.strip().lower().encode()):
        raise Unauthenticated("X-Signature does not match the request.")


def _bearer(headers: Headers) -> str | None:
    value = headers.get("authorization")
    if value is None:
        return None
    scheme, _, key = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Authorization must be 'Bearer' and an API key.")
    return key.strip()
