"""The chain: each entry's hash covers the entry and the hash before it, under a key that the database does not hold.

So an entry cannot be changed, removed from the middle, or moved to another tenant by someone who has only the database.
Removal from the end shows where the head's sequence is known elsewhere (`onerouter admin audit verify` prints it).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

GENESIS: Final = "0" * 64
PLATFORM: Final = "platform"
"""In place of a tenant's id: what operators change for everyone."""

_WHOLE: Final = range(-(2**63), 2**64)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. `before` and `after` hold what may be shown: a secret's place says only that it changed."""

    id: str
    tenant_id: str
    sequence: int
    environment: str | None
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str | None
    action: str
    target_kind: str
    target_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    ip: str | None
    user_agent: str | None
    request_id: str | None


def hash_of(entry: Entry, previous: str, key: bytes) -> str:
    """Hex HMAC-SHA256 over the previous hash and the entry as JSON with sorted names; the same before and after storing."""
    fields = {
        **asdict(entry),
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "before": _as_stored(entry.before),
        "after": _as_stored(entry.after),
    }
    message = previous.encode() + b"\n" + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _as_stored(value: Any) -> Any:
    """JSON as PostgreSQL gives it back: a jsonb number has no exponent, so that 1e16 returns as a whole number."""
    if isinstance(value, Mapping):
        return {name: _as_stored(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_stored(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        # By its shortest decimals, as it is written: 1.2208474517949638e17 returns as …380, though it is …384.
        written = int(Decimal(repr(value)))
        return written if written in _WHOLE else value
    return value
