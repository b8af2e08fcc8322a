"""Whose rows a transaction sees. Set inside the transaction, gone at its end, so a pooled connection carries nothing on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.db.engine import STEADY_PLANS

_BIND: Final = "SELECT set_config('app.tenant_id', :tenant, true), set_config('app.environment', :environment, true)"
_BIND_ONLY: Final = text(_BIND)
_BIND_STEADY: Final = text(
    _BIND + "".join(f", set_config('{name}', '{value}', true)" for name, value in STEADY_PLANS.items())
)


@asynccontextmanager
async def tenant_transaction(
    engine: AsyncEngine, tenant_id: str, environment: str, *, steady: bool = False
) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees and changes only this tenant's rows of this environment; commits at the end.

    `steady`: its statements are planned as the heart's are, by indexes and the same for every tenant, however large.
    """
    async with engine.begin() as connection:
        await connection.execute(
            _BIND_STEADY if steady else _BIND_ONLY, {"tenant": tenant_id, "environment": environment}
        )
        yield connection
