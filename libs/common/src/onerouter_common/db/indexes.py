"""Indexes of large tables, made beside those who write.

`CREATE INDEX` inside a migration keeps every writer of the table waiting until it is built. These are built after it and
`CONCURRENTLY`; where the table has partitions, one of them at a time, and the index of the whole counts once each has its
own. Whatever interrupts that, running it again goes on where it stopped.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, text

_LOCK: Final = "hashtext('onerouter.indexes')"
_ASK_AGAIN_S: Final = 0.1
_WAIT: Final = "SET lock_timeout = 0"
"""What is done concurrently waits without keeping anybody from working."""

_IS_VALID: Final = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
_IS_PARTITIONED: Final = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:table)")
# Partitions of the table that have no index in the one of the whole yet.
_MISSING: Final = text("""
SELECT c.relname FROM pg_inherits t JOIN pg_class c ON c.oid = t.inhrelid
WHERE t.inhparent = to_regclass(:table) AND NOT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
    WHERE i.inhparent = to_regclass(:name) AND x.indrelid = c.oid
) ORDER BY c.relname
""")


@dataclass(frozen=True, slots=True)
class Index:
    """Of a table that may be partitioned by time. A changed one needs a new name."""

    name: str
    table: str
    definition: str
    """What follows the table's name: columns in parentheses, INCLUDE, WHERE."""
    replaces: str | None = None
    """An index that nobody needs once this one is there."""


def build(engine: Engine, indexes: Sequence[Index], *, lock_timeout_s: float) -> None:
    """Those that are missing. Raises OperationalError when the table cannot be had for a moment in that time."""
    if not indexes:
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Never waited for inside a statement: a build waits for every statement that is under way, and so for the waiter.
        while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar():
            time.sleep(_ASK_AGAIN_S)
        try:
            for index in indexes:
                if connection.execute(_IS_PARTITIONED, {"table": index.table}).scalar():
                    _build_of_partitions(connection, index, lock_timeout_s)
                else:
                    _build(connection, index.name, index.table, index.definition)
                    _drop(connection, index.replaces)
        finally:
            connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))


def _build_of_partitions(connection: Any, index: Index, lock_timeout_s: float) -> None:
    short = f"SET lock_timeout = '{int(lock_timeout_s * 1000)}ms'"
    if not connection.execute(_IS_VALID, {"name": index.name}).scalar():
        connection.exec_driver_sql(short)
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {index.name} ON ONLY {index.table} {index.definition}")
        for partition in connection.execute(_MISSING, {"name": index.name, "table": index.table}).scalars().all():
            part = index.name + partition.removeprefix(index.table)
            _build(connection, part, partition, index.definition)
            connection.exec_driver_sql(short)
            connection.exec_driver_sql(f"ALTER INDEX {index.name} ATTACH PARTITION {part}")
    if index.replaces is not None and connection.execute(_IS_VALID, {"name": index.replaces}).scalar():
        connection.exec_driver_sql(short)
        connection.exec_driver_sql(f"DROP INDEX {index.replaces}")  # there is no other way for an index of partitions


def _build(connection: Any, name: str, table: str, definition: str) -> None:
    """On a table that has no partitions."""
    is_valid = connection.execute(_IS_VALID, {"name": name}).scalar()
    if is_valid is False:  # of a build that was interrupted
        _drop(connection, name)
    if not is_valid:
        connection.exec_driver_sql(_WAIT)
        connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY {name} ON {table} {definition}")


def _drop(connection: Any, name: str | None) -> None:
    """One of a table that has no partitions."""
    if name is not None:
        connection.exec_driver_sql(_WAIT)
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
