"""The counters' SQL."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.throttle.model import Rule

# One statement counts and decides, so that many tries at once are no more than as many one after the other.
_COUNT: Final = text("""
INSERT INTO throttles AS t (key, failures, blocked_until, window_ends_at)
VALUES (:key, 1, :now, :forgotten_at)
ON CONFLICT (key) DO UPDATE
SET failures = CASE WHEN t.window_ends_at <= :now THEN 1 ELSE t.failures + 1 END,
    blocked_until = CAST(:now AS timestamptz) + make_interval(secs => CASE
        WHEN t.window_ends_at <= :now OR t.failures + 1 < CAST(:free AS int) THEN 0
        ELSE least(CAST(:first AS float8) * power(2, least(t.failures + 1 - CAST(:free AS int), 30)), CAST(:most AS float8))
    END),
    window_ends_at = :forgotten_at
WHERE t.blocked_until <= :now
RETURNING failures
""")
_BLOCKED_UNTIL: Final = text("SELECT blocked_until FROM throttles WHERE key = :key")
_CLEAR: Final = text("DELETE FROM throttles WHERE key = :key")
_GIVE_BACK: Final = text(
    "UPDATE throttles SET failures = greatest(failures - 1, 0), blocked_until = :now WHERE key = :key"
)
_SWEEP: Final = text("DELETE FROM throttles WHERE window_ends_at <= :now AND blocked_until <= :now")


async def count(tx: AsyncConnection, key: str, rule: Rule, *, now: datetime, forgotten_at: datetime) -> int | None:
    """How many tries this makes, None when it is not time for another."""
    values = {
        "key": key,
        "now": now,
        "forgotten_at": forgotten_at,
        "free": rule.free,
        "first": rule.first_wait_s,
        "most": rule.most_wait_s,
    }
    return (await tx.execute(_COUNT, values)).scalar_one_or_none()


async def blocked_until(tx: AsyncConnection, key: str) -> datetime | None:
    return (await tx.execute(_BLOCKED_UNTIL, {"key": key})).scalar_one_or_none()


async def clear(tx: AsyncConnection, key: str) -> None:
    await tx.execute(_CLEAR, {"key": key})


async def give_back(tx: AsyncConnection, key: str, *, now: datetime) -> None:
    await tx.execute(_GIVE_BACK, {"key": key, "now": now})


async def sweep(tx: AsyncConnection, *, now: datetime) -> None:
    await tx.execute(_SWEEP, {"now": now})
