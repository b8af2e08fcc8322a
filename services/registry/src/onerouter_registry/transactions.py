"""The two ways to change what tenants configure: as one tenant, bound by row-level security, or as the operator.

Both take their role explicitly, so that row-level security binds whichever login the operator's tools were given.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.db import tenancy
from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_registry.metadata import SERVICE

_BECOME_TENANT: Final = text(f"SET LOCAL ROLE {tenant_role(SERVICE)}")
_NO_ENVIRONMENT: Final = "-"
_BECOME_OPERATOR: Final = text(f"SET LOCAL ROLE {worker_role(SERVICE)}")


@asynccontextmanager
async def tenant_transaction(engine: AsyncEngine, tenant_id: str, environment: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees and changes only this tenant's rows of this environment; commits at the end."""
    async with tenancy.tenant_transaction(engine, tenant_id, environment) as connection:
        await connection.execute(_BECOME_TENANT)
        yield connection


@asynccontextmanager
async def keyed_operator_transaction(engine: AsyncEngine, whose: str) -> AsyncIterator[AsyncConnection]:
    """The operator's, with the idempotency keys of a tenant or a person: what is done belongs to no environment."""
    async with tenancy.tenant_transaction(engine, whose, _NO_ENVIRONMENT) as connection:
        await connection.execute(_BECOME_OPERATOR)
        yield connection


@asynccontextmanager
async def operator_transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees every tenant; commits at the end."""
    async with engine.begin() as connection:
        await connection.execute(_BECOME_OPERATOR)
        yield connection
