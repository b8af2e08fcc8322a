"""Connections to a service's database, by what they may see.

A plain connection logs in as the service's login role, which is bound by row-level security: without a tenant it sees no
tenant's row (`tenancy.py`). The worker's batch writer mixes tenants, so its connections take the role
`onerouter_<service>_worker` at start-up, whose policies admit all rows.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_COMMAND_TIMEOUT_S = 15.0
_CONNECT_TIMEOUT_S = 5.0


_BOUNDS: Final = {
    "idle_in_transaction_session_timeout": "10000",
    "statement_timeout": str(int((_COMMAND_TIMEOUT_S + 5.0) * 1000)),
}
"""What the server ends by itself, in ms: a transaction that is left open keeps readers of events waiting, and dead rows from
being removed. A statement is given up here before; this is for when we cannot say so any more.
"""

# The hot statements work on a few rows of large tables and have an index for each step. A table that was not analyzed yet
# looks small to the planner, which then reads all of it; a batch that once was large makes it hash what it should look up.
STEADY_PLANS: Final = {
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


def worker_role(service: str) -> str:
    return f"onerouter_{service}_worker"


def tenant_role(service: str) -> str:
    return f"onerouter_{service}_tenant"


@asynccontextmanager
async def worker_pool(
    dsn: str, service: str, *, size: int = 8, plans: Mapping[str, str] = STEADY_PLANS
) -> AsyncIterator[Pool]:
    """A pool for the heart's own SQL: all tenants' rows, no ownership of tables. JSON columns take and give objects.

    `plans` are the planner's settings.
    """
    async with asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=_COMMAND_TIMEOUT_S,
        server_settings={
            "role": worker_role(service),
            "application_name": f"onerouter-{service}",
            **_BOUNDS,
            **plans,
        },
        init=_use_orjson,
        reset=_nothing_to_reset,
    ) as pool:
        yield pool


@asynccontextmanager
async def tenant_engine(
    dsn: str, *, size: int = 8, lock_timeout_s: float | None = None, check_first: bool = False
) -> AsyncIterator[AsyncEngine]:
    """A SQLAlchemy engine whose transactions see only the tenant they name (`tenancy.tenant_transaction`).

    `lock_timeout_s` is how long a statement waits for what another transaction has locked; then it fails, and the database
    counts as away (`availability.is_away`). None: as long as any statement may take. `check_first` costs a round trip a
    transaction, and replaces a connection that a restarted database left behind instead of failing the request that gets it.
    """
    settings = dict(_BOUNDS)
    if lock_timeout_s is not None:
        settings["lock_timeout"] = str(int(lock_timeout_s * 1000))
    engine = create_async_engine(
        dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_CONNECT_TIMEOUT_S,
        pool_pre_ping=check_first,
        hide_parameters=True,  # an error's text reaches the logs; what a statement was given must not
        connect_args={
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": _COMMAND_TIMEOUT_S,
            "server_settings": settings,
        },
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    try:
        yield engine
    finally:
        await engine.dispose()


async def _use_orjson(connection: Any) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


async def _nothing_to_reset(_: Any) -> None:
    """asyncpg would ask the server to forget session state after each use. The heart sets none: only `SET LOCAL`."""
