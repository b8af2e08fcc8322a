"""Telling a database that is away from one that refuses what it was asked."""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,  # its disk
    asyncpg.ReadOnlySQLTransactionError,  # it is another's standby now
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,  # a password that is being changed
    asyncpg.InvalidCachedStatementError,  # it was migrated under this connection
    asyncpg.UndefinedTableError,  # it is not migrated yet
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that the server ended between two statements
    OSError,
    TimeoutError,
)
"""What a query raises when the database is away, restarting, full, read-only, not migrated yet, broke a deadlock or a lock
took too long: none of that says anything of what is to be stored, and the same work is tried again."""


def is_away(error: BaseException) -> bool:
    """Also through SQLAlchemy, which wraps what the driver raised."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        driver = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or isinstance(driver, DATABASE_AWAY)
    return isinstance(error, DATABASE_AWAY)
