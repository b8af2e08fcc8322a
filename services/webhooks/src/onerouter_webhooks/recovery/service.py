"""A tenant starts recoveries of its endpoints, follows and cancels them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import DELIVERY, EVENT, RECOVERY, first_id, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.endpoint.repository import EndpointRow, Endpoints
from onerouter_webhooks.recovery.model import progress_of
from onerouter_webhooks.recovery.reading import RecoveryReads
from onerouter_webhooks.recovery.schemas import Recovery, RecoveryList, StartRecovery

_SKEW: Final = timedelta(days=1)
"""Ids begin with the time of another machine than the moments beside them."""
_OLDEST: Final = datetime(2000, 1, 2, tzinfo=UTC)
_RECOVERY: Final = TypeAdapter(Recovery)


@dataclass(frozen=True, slots=True)
class RecoveryAccess:
    engine: AsyncEngine
    wake: Callable[[], None]
    clock: Clock

    async def start(
        self, owner: TenantContext, endpoint_id: str, wish: StartRecovery, once: Once = UNKEYED
    ) -> Recovery:
        """Raises NotFound, InvalidRequest (`since`, `until`), Conflict (it is not enabled, or one runs) and
        IdempotencyMismatch.
        """
        now = self.clock.now()
        if wish.since >= now:
            raise InvalidRequest.of("since", "must be in the past")
        if wish.until is not None and wish.until <= wish.since:
            raise InvalidRequest.of("until", "must be later than since")

        async def act() -> Recovery:
            return await _start(connection, owner, endpoint_id, wish, now)

        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            recovery = await once.carry_out(connection, now, act, _RECOVERY)
        self.wake()
        return recovery

    async def get(self, owner: TenantContext, endpoint_id: str, id_: str) -> Recovery:
        """Raises NotFound, also for another tenant's."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            row = await RecoveryReads(connection, owner.tenant_id, owner.environment).find(endpoint_id, id_)
        if row is None:
            raise _unknown(id_)
        return _recovery(row)

    async def page(self, owner: TenantContext, endpoint_id: str, cursor: str | None, limit: int) -> RecoveryList:
        """Newest first. Raises NotFound."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            await _endpoint(Endpoints(connection, owner.tenant_id, owner.environment), endpoint_id)
            reads = RecoveryReads(connection, owner.tenant_id, owner.environment)
            rows = await reads.page(endpoint_id, cursor, limit + 1)
        has_more = len(rows) > limit
        return RecoveryList(
            data=[_recovery(row) for row in rows[:limit]],
            has_more=has_more,
            next_cursor=rows[limit - 1]["id"] if has_more else None,
        )

    async def cancel(self, owner: TenantContext, endpoint_id: str, id_: str) -> Recovery:
        """What it has put on its way still arrives; one that is at its end stays as it ended. Raises NotFound."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            reads = RecoveryReads(connection, owner.tenant_id, owner.environment)
            row = await reads.cancel(endpoint_id, id_, self.clock.now()) or await reads.find(endpoint_id, id_)
        if row is None:
            raise _unknown(id_)
        return _recovery(row)


async def _start(
    connection: AsyncConnection, owner: TenantContext, endpoint_id: str, wish: StartRecovery, now: datetime
) -> Recovery:
    endpoint = await _endpoint(Endpoints(connection, owner.tenant_id, owner.environment), endpoint_id)
    if endpoint.status != "enabled":
        raise Conflict(f"The endpoint is {endpoint.status}; enable it first.")
    first = max(wish.since, _OLDEST) - _SKEW
    row = await RecoveryReads(connection, owner.tenant_id, owner.environment).add(
        {
            "id": new_id(RECOVERY),
            "endpoint": endpoint_id,
            "what": wish.what,
            "since": wish.since,
            "until": min(wish.until or now, now),
            "types": wish.types,
            "cursor": first_id(EVENT if wish.what == "all" else DELIVERY, first),
            "now": now,
        }
    )
    if row is None:
        raise Conflict("A recovery of this endpoint is running; wait for it or cancel it.")
    return _recovery(row)


async def _endpoint(endpoints: Endpoints, endpoint_id: str) -> EndpointRow:
    endpoint = await endpoints.find(endpoint_id)
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.")
    return endpoint


def _unknown(id_: str) -> NotFound:
    return NotFound(f"There is no recovery {id_[:64]} of this endpoint.")


def _recovery(row: Mapping[str, Any]) -> Recovery:
    values = dict(row)
    reached_at = values.pop("reached_at")
    progress = progress_of(values["status"], values["since"], values["until"], reached_at)
    return Recovery(**values, progress=progress)
