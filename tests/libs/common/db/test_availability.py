"""Whether what is to be stored is to blame, or the database."""

import asyncpg
import pytest

from onerouter_common.db.availability import is_away


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.PostgresIOError("could not extend file"),
        asyncpg.UndefinedColumnError("column does not exist"),
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_of_the_rows_is_tried_again(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
        asyncpg.InsufficientPrivilegeError("new row violates row-level security policy"),
        ValueError("a defect of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_something_of_them_is_not(error: Exception) -> None:
    assert not is_away(error)
