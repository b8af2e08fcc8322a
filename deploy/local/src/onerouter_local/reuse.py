"""Making a used test database look as if it had just been made: many times faster than making one."""

from typing import Final

import asyncpg

_KEPT: Final = "alembic_version"
_MOST_BYTES: Final = 32 * 1024 * 1024
"""A larger one is not worth emptying."""

_SHAPE: Final = """
WITH tables AS (SELECT oid, xmin FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT md5(string_agg(row, ',' ORDER BY row)) FROM (
  SELECT format('class %s %s', oid, xmin) FROM tables
  UNION ALL SELECT format('column %s %s %s', attrelid, attnum, a.xmin) FROM pg_attribute a JOIN tables ON oid = attrelid
  UNION ALL SELECT format('constraint %s %s', oid, xmin) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT format('trigger %s %s', oid, xmin) FROM pg_trigger
  UNION ALL SELECT format('policy %s %s', oid, xmin) FROM pg_policy
  UNION ALL SELECT format('function %s %s', oid, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT format('type %s %s', oid, xmin) FROM pg_type WHERE typnamespace = 'public'::regnamespace
  UNION ALL SELECT format('namespace %s %s', oid, xmin) FROM pg_namespace WHERE nspname !~ '^pg_t'
  UNION ALL SELECT format('version %s', version_num) FROM alembic_version
  UNION ALL SELECT format('database %s %s', datallowconn, datconnlimit) FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT format('setting %s', setconfig) FROM pg_db_role_setting JOIN pg_database ON setdatabase = pg_database.oid
    WHERE datname = current_database()
) AS everything(row)
"""
"""Changes with every change of the schema: each writes rows of the catalogue anew. That of a copy is its template's."""

_TABLES: Final = f"""
SELECT format('%I', relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> '{_KEPT}'
"""
_WRITTEN: Final = f"""
SELECT format('%I', relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '{_KEPT}' AND pg_relation_size(oid) > 0
"""
"""Few of them were, while a DELETE of a partitioned table looks at each of its parts."""
_SEQUENCES: Final = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


async def shape_of(dsn: str) -> str | None:
    """What tells its schema from any other; None where its tables hold rows to begin with, which would be lost."""
    connection = await asyncpg.connect(dsn)
    try:
        for table in await _tables(connection):
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):
                return None
        return str(await connection.fetchval(_SHAPE))
    finally:
        await connection.close()


async def emptied(dsn: str, shape: str) -> bool:
    """Remove every row, and count from one again. False where a test has changed the schema: then it is of no use."""
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT pg_database_size(current_database())") > _MOST_BYTES:
            return False
        if await connection.fetchval(_SHAPE) != shape:
            return False
        await _remove_rows(connection)
        await connection.execute(_SEQUENCES)
        return True
    finally:
        await connection.close()


async def remove_rows(dsn: str) -> None:
    """Of every table; sequences go on. TRUNCATE would make each table, partition and index anew, used or not."""
    connection = await asyncpg.connect(dsn)
    try:
        await _remove_rows(connection)
    finally:
        await connection.close()


async def _remove_rows(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    # A replica's session fires no triggers: neither those of foreign keys nor those that keep the audit log whole.
    deletes = [f"DELETE FROM {row[0]}" for row in await connection.fetch(_WRITTEN)]
    await connection.execute("; ".join(["SET session_replication_role = replica", *deletes]))


async def _tables(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    return [row[0] for row in await connection.fetch(_TABLES)]
