"""API keys: `unf_test_` or `unf_live_`, 32 characters, 6 of checksum; all base 62. Pure.

The checksum is the CRC-32 of all before it, in base 62, most significant digit first. It tells a typing error from a
wrong key before anything is sent. Source: docs/security.md, "Leaked keys".
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from onerouter._errors import ConfigurationError
from onerouter._secret import Secret

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(r"unf_(test|live)_[0-9A-Za-z]{38}")
_CHECKSUM: Final = 6


def checked(key: str) -> Secret:
    """The key, if it can be one. Raises ConfigurationError, which never repeats it."""
    if not key:
        raise ConfigurationError(
            "There is no API key: give `api_key`, or set ONEROUTER_API_KEY. You find it in the dashboard, under API keys."
        )
    key = Secret(key.strip())
    if not key.startswith(("unf_test_", "unf_live_")):
        raise ConfigurationError("This is not an API key of OneRouter: they begin with unf_test_ or unf_live_.")
    if _SHAPE.fullmatch(key) is None or checksum(key[:-_CHECKSUM]) != key[-_CHECKSUM:]:
        raise ConfigurationError(
            "The API key is not complete or has a typing error: its checksum does not match. Copy it once more."
        )
    return key


def checksum(body: str) -> str:
    """The last six characters of the key that begins with `body`."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
