"""Keys that were rotated into one another. They share the limits of the newest and are counted together: to rotate a key
is no way to have its limits twice."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import Conflict
from onerouter_registry.actor import Actor
from onerouter_registry.api_key import repository
from onerouter_registry.api_key.issuing import KeyAudit, tell
from onerouter_registry.api_key.model import ApiKey, described

LIMITS: Final = frozenset({"rate_limit_per_s", "rate_burst", "quotas"})
"""Settings that count requests or operations."""


def require_newest(key: ApiKey, changed: frozenset[str]) -> None:
    """Raises Conflict when limits of a key would change that follows another's."""
    if key.replaced_by is not None and changed & LIMITS:
        raise Conflict(f"This API key has the limits of {key.replaced_by}, which replaces it: change them there.")


async def follow(
    tx: AsyncConnection, audit: KeyAudit, newest: ApiKey, changed: frozenset[str], by: Actor, now: datetime
) -> None:
    """Give changed limits to the keys it was rotated from, as long as they work."""
    limits = changed & LIMITS
    if not limits:
        return
    values = {name: getattr(newest, name) for name in limits}
    for before in await repository.predecessors(tx, newest, now):
        await repository.change(tx, before.id, values)
        await tell(tx, before, "updated", now)
        was, becomes = described(before, limits), described(newest, limits)
        await audit.changed(tx, before, by, "api_key.updated", before=was, after=becomes)
