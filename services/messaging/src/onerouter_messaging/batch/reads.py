"""Reads of batches on behalf of a tenant; what became of the messages is counted when it is asked."""

from pydantic import JsonValue
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import NotFound
from onerouter_common.reads.paging import Page, list_view
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.batch.rows import batch_of
from onerouter_messaging.batch.views import batch_view
from onerouter_messaging.message.recipients import FINAL
from onerouter_messaging.message.rows import message_of
from onerouter_messaging.message.state import Channel
from onerouter_messaging.message.tables import messages
from onerouter_messaging.message.views import message_view

View = dict[str, JsonValue]

_BATCH = text("SELECT * FROM batches WHERE id = :id AND channel = :channel")
# More is to come of those that wait, that are being sent, and that a provider has and is still asked about.
_COUNTS = text("""
SELECT status, count(*) AS number, count(*) FILTER (
    WHERE NOT (
        status = ANY(:final) OR (status = 'sent' AND NOT is_tracked)
        OR (provider_message_id IS NOT NULL AND poll_at IS NULL)
    )
) AS moving
FROM messages WHERE batch_id = :id AND channel = :channel GROUP BY status
""")


class BatchReads:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._rows = TenantRows(engine)

    async def one(self, tenant: TenantContext, channel: Channel, id_: str) -> View:
        """Raises NotFound."""
        named = {"id": id_, "channel": channel}
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as connection:
            row = (await connection.execute(_BATCH, named)).mappings().first()
            counted = (await connection.execute(_COUNTS, {**named, "final": sorted(FINAL)})).mappings().all()
        if row is None:
            raise _absent(id_)
        counts = {one["status"]: one["number"] for one in counted}
        return batch_view(batch_of(dict(row)), counts, still_moving=sum(one["moving"] for one in counted))

    async def messages(self, tenant: TenantContext, channel: Channel, id_: str, page: Page, status: str | None) -> View:
        """Newest first. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as connection:
            if (await connection.execute(_BATCH, {"id": id_, "channel": channel})).first() is None:
                raise _absent(id_)
        rows = await self._rows.page(
            tenant,
            messages,
            page,
            (messages.c.batch_id, id_),
            (messages.c.channel, channel),
            (messages.c.status, status),
        )
        return list_view(
            rows, page, lambda row: message_view(message_of(row)), lambda row: (row["created_at"], row["id"])
        )


def _absent(id_: str) -> NotFound:
    return NotFound(f"There is no batch {id_[:40]}.", code="BATCH_NOT_FOUND")
