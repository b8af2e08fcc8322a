"""An idempotency key as services know it: two digests, made with a secret of the gateway's where the key came in. Pure.

Nobody keeps what a caller wrote: a key may name an order or a person, and a body may hold a password.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

HEADER: Final = "X-OneRouter-Once"
"""Between our own services."""
REPLAYED: Final = "Idempotency-Replayed"
KEPT: Final = timedelta(hours=48)
"""Promised are 24 hours."""
MISMATCH: Final = (
    "This Idempotency-Key was used with another request. Use a new key for a new request, or repeat the first one "
    "exactly."
)
_HEADER: Final = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Key:
    digest: str
    """Hex, of the key."""
    fingerprint: str
    """Hex, of what was asked for under it: method, path and body."""

    def __str__(self) -> str:
        return f"{self.digest}.{self.fingerprint}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """Of a header. Raises ValueError."""
        match = _HEADER.fullmatch(value)
        if match is None:
            raise ValueError(f"{HEADER} is not two digests")
        return cls(*match.groups())
