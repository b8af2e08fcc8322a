"""What a tenant does with its suppression lists."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock, SystemClock, isoformat
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import NotFound
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.reads.paging import Page, list_view
from onerouter_common.recipients import email_of, phone_number_of
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.suppression import repository
from onerouter_messaging.suppression.schemas import AddSuppression, Channel

View = dict[str, JsonValue]
_VIEW: Final[TypeAdapter[View]] = TypeAdapter(View)


def normalized(channel: Channel, address: str) -> str:
    """As messages have it. Raises InvalidRequest."""
    return email_of("address", address) if channel == "email" else phone_number_of("address", address).e164


class Suppressions:
    def __init__(self, engine: AsyncEngine, clock: Clock | None = None) -> None:
        self._engine = engine
        self._clock = clock or SystemClock()

    async def list(
        self, tenant: TenantContext, channel: Channel, page: Page, *, address: str | None, reason: str | None
    ) -> View:
        wanted = None if address is None else normalized(channel, address)
        async with self._transaction(tenant) as connection:
            rows = await repository.page(connection, channel, page, address=wanted, reason=reason)
        return list_view(rows, page, _view, lambda row: (row["created_at"], row["id"]))

    async def add(self, tenant: TenantContext, channel: Channel, asked: AddSuppression, once: Once = UNKEYED) -> View:
        """The address is on the list for this reason, whether it was before or not. Raises IdempotencyMismatch."""
        address = normalized(channel, asked.address)
        row = {"channel": channel, "address": address, "reason": asked.reason, "note": asked.note}

        async def act() -> View:
            added = await repository.add(connection, tenant, row, by=asked.by)
            if added is None:
                added = (await repository.page(connection, channel, Page(1), address=address, reason=asked.reason))[0]
            return _view(added)

        async with self._transaction(tenant) as connection:
            return await once.carry_out(connection, self._clock.now(), act, _VIEW)

    async def remove(self, tenant: TenantContext, channel: Channel, id_: str, *, by: str, note: str | None) -> View:
        """Raises NotFound."""
        async with self._transaction(tenant) as connection:
            removed = await repository.remove(connection, tenant, channel, id_, by=by, note=note)
        if removed is None:
            raise NotFound(f"There is no suppression {id_[:40]}.", code="SUPPRESSION_NOT_FOUND")
        return {**_view(removed), "deleted": True}

    async def check(self, tenant: TenantContext, channel: Channel, address: str) -> View:
        """Whether it is on the list, for which reasons, and what was done about it so far."""
        wanted = normalized(channel, address)
        async with self._transaction(tenant) as connection:
            rows = await repository.page(connection, channel, Page(10), address=wanted)
            audit = await repository.history(connection, channel, wanted)
        found = [_view(row) for row in rows]
        return {
            "address": wanted,
            "channel": channel,
            "suppressed": bool(found),
            "suppression": found[0] if found else None,
            "suppressions": list(found),
            "history": [{**entry, "at": isoformat(entry["at"])} for entry in audit],
        }

    def _transaction(self, tenant: TenantContext) -> AbstractAsyncContextManager[AsyncConnection]:
        return tenant_transaction(self._engine, tenant.tenant_id, tenant.environment)


def _view(row: Mapping[str, Any]) -> View:
    return {
        "id": row["id"],
        "object": "suppression",
        "channel": row["channel"],
        "address": row["address"],
        "reason": row["reason"],
        "source": row["source"],
        "note": row["note"],
        "message_id": row["message_id"],
        "created_at": isoformat(row["created_at"]),
    }
