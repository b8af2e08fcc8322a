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
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that the server ended between two statements
    OSError,
    TimeoutError,
)
"""What a query raises when the database is away, restarting, full, broke a deadlock or a lock took too long: the same work is
tried again."""


def is_away(error: BaseException) -> bool:
    """Also through SQLAlchemy, which wraps what the driver raised."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        driver = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or isinstance(driver, DATABASE_AWAY)
    return isinstance(error, DATABASE_AWAY)
