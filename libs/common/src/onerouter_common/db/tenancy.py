"""Whose rows a transaction sees. Set inside the transaction, gone at its end, so a pooled connection carries nothing on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_BIND = text("SELECT set_config('app.tenant_id', :tenant, true), set_config('app.environment', :environment, true)")


@asynccontextmanager
async def tenant_transaction(engine: AsyncEngine, tenant_id: str, environment: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees and changes only this tenant's rows of this environment; commits at the end."""
    async with engine.begin() as connection:
        await connection.execute(_BIND, {"tenant": tenant_id, "environment": environment})
        yield connection
