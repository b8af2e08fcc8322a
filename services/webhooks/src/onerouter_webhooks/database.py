"""Connections for the service's own SQL, and what the database may answer instead of a result."""

from contextlib import AbstractAsyncContextManager
from typing import Final

import asyncpg

from onerouter_common.db.engine import STEADY_PLANS, Pool, worker_pool, worker_role

SERVICE: Final = "webhooks"

# The queue is empty most of the time, and autovacuum counts it then. To a planner that believes it so, reading what an index
# gives in any order and sorting it costs no more than taking the first few of the index that has them in order; but it is
# asked when there is a backlog, and then that reads all of it. Each of our statements that wants an order has its index.
_PLANS: Final = {**STEADY_PLANS, "enable_sort": "off"}

SESSION: Final = {"role": worker_role(SERVICE), "application_name": f"onerouter-{SERVICE}", **_PLANS}
"""Settings of a connection of its own for one who sees all tenants' rows."""

DATABASE_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that the server ended between two statements
)
"""It cannot be asked now: lost, restarting, too slow. Nothing is known about a write that ended so."""

ITEM_WRONG: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""One row of a batch cannot be stored; the others can."""


def database_pool(dsn: str, *, size: int) -> AbstractAsyncContextManager[Pool]:
    """A pool for all tenants' rows (`worker_pool`)."""
    return worker_pool(dsn, SERVICE, size=size, plans=_PLANS)
