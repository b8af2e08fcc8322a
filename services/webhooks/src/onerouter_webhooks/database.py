"""What the database may answer instead of a result."""

from typing import Final

import asyncpg

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
