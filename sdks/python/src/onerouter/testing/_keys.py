"""Keys with a right checksum, that open nothing."""

from __future__ import annotations

from typing import Final, Literal

from onerouter._keys import checksum


def api_key(environment: Literal["test", "live"] = "test", seed: str = "0") -> str:
    """One with a right checksum, that opens nothing."""
    body = f"unf_{environment}_" + (seed * 32)[:32]
    return body + checksum(body)


API_KEY: Final = api_key()
