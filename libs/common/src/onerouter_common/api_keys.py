"""API keys: `unf_test_` or `unf_live_`, 32 random characters, 6 of checksum; all base 62.

The checksum tells a typo from a wrong key without any I/O, and lets secret scanners confirm a find (`PATTERN`;
docs/security.md has a rule for them). Stored and looked up only as a keyed hash.
"""

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

PATTERN: Final = "unf_(test|live)_[0-9A-Za-z]{38}"
"""What every key looks like, for scanners. It never changes: keys that leak were made long ago."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(r"unf_(test|live)_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class ParsedKey:
    environment: str
    display_prefix: str
    """What may be shown later to recognise the key: `unf_test_9aF3…`."""


def make_key(environment: str) -> SecretStr:
    """A fresh key for `test` or `live`: 190 bits of randomness."""
    body = f"unf_{environment}_" + "".join(secrets.choice(_ALPHABET) for _ in range(32))
    return SecretStr(body + _checksum(body))


def parse_key(key: str) -> ParsedKey | None:
    """None for anything that cannot be a key of ours: wrong shape or wrong checksum."""
    match = _SHAPE.fullmatch(key)
    if match is None or not hmac.compare_digest(_checksum(key[:-6]), match.group(3)):
        return None
    return ParsedKey(environment=match.group(1), display_prefix=key[:13])


def hash_key(key: str, pepper: SecretStr) -> str:
    """What is stored and compared: hex HMAC-SHA256 of the whole key."""
    return hmac.digest(pepper.get_secret_value().encode(), key.encode(), "sha256").hex()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
