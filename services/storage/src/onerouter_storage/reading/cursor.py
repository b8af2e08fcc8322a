"""Where a list goes on: the provider's token, signed, so that it is good for that list of that tenant alone. Pure."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from pydantic import SecretStr

from onerouter_common.errors import InvalidRequest

MOST_CHARS: Final = 8_000
_MAC_BYTES: Final = 16


class Cursors:
    def __init__(self, secrets: SecretStr) -> None:
        """One secret or several, separated by commas: the first signs, all are believed."""
        self._secrets = [secret.strip().encode() for secret in secrets.get_secret_value().split(",")]
        if not all(self._secrets):
            raise ValueError("a cursor secret is empty: anybody could sign")

    def sign(self, token: str, *bound_to: str) -> str:
        given = token.encode()
        return base64.urlsafe_b64encode(_mac(self._secrets[0], given, bound_to) + given).decode().rstrip("=")

    def open(self, cursor: str, *bound_to: str) -> str:
        """The token. Raises InvalidRequest for what was signed for another list, or by nobody."""
        invalid = InvalidRequest.of("cursor", "is not one that this list has given, with the same prefix and delimiter")
        if len(cursor) > MOST_CHARS:
            raise invalid
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise invalid from None
        mac, token = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        matches = [hmac.compare_digest(mac, _mac(secret, token, bound_to)) for secret in self._secrets]
        if not any(matches):
            raise invalid
        return token.decode()


def _mac(secret: bytes, token: bytes, bound_to: tuple[str, ...]) -> bytes:
    """Parts are length-prefixed before they are hashed, so that ("ab", "c") and ("a", "bc") differ."""
    parts = [token, *(part.encode() for part in bound_to)]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(secret, message, hashlib.sha256).digest()[:_MAC_BYTES]
