"""SQL on bytes that a service keeps until what names them is done. The same are there once for a tenant and environment.

A service has a table of them (`id, tenant_id, environment, content, size_bytes, content_type, handed_over_at, needed_until`)
and one of how many bytes each tenant keeps (`tenant_id, environment, bytes`).
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_common.web.internal import TenantContext

_HAND_OVER: Final = """
UPDATE {table} SET {counted}handed_over_at = now(), content_type = :content_type,
    needed_until = greatest(needed_until, now() + make_interval(secs => :unused_s))
WHERE id = :id RETURNING id
"""
_INSERT: Final = """
INSERT INTO {table} (id, tenant_id, environment, content, size_bytes, content_type, handed_over_at, needed_until)
VALUES (:id, :tenant_id, :environment, :content, :size_bytes, :content_type, now(), now() + make_interval(secs => :unused_s))
ON CONFLICT (id) DO UPDATE SET {counted}handed_over_at = now(), content_type = excluded.content_type,
    needed_until = greatest({table}.needed_until, excluded.needed_until)
RETURNING xmax = 0 AS is_new
"""
_TOTAL: Final = "SELECT bytes FROM {totals} WHERE tenant_id = :tenant_id AND environment = :environment"
_COUNT: Final = """
INSERT INTO {totals} (tenant_id, environment, bytes) VALUES (:tenant_id, :environment, :size_bytes)
ON CONFLICT (tenant_id, environment) DO UPDATE SET bytes = {totals}.bytes + excluded.bytes
RETURNING bytes
"""
_LOAD: Final = "SELECT content FROM {table} WHERE id = $1 AND tenant_id = $2 AND environment = $3"
# In key order, so that two statements cannot wait for each other. Who handed the same over since is about to name it, however
# long that takes in the log.
_RELEASE: Final = """
UPDATE {table} c SET awaited = greatest(0, c.awaited - done.times),
    needed_until = CASE WHEN c.awaited > done.times THEN c.needed_until ELSE least(c.needed_until, now()) END
FROM (
    SELECT kept.id, ended.times FROM {table} kept
    JOIN (SELECT id, count(*)::int AS times FROM unnest($1::text[]) AS id GROUP BY id) ended ON ended.id = kept.id
    ORDER BY kept.id FOR UPDATE OF kept
) done
WHERE c.id = done.id
"""
_NEEDED: Final = """
SELECT due.*, ({needed_at}) AS needed_at
FROM (
    SELECT a.id, a.tenant_id, a.environment, a.handed_over_at < now() - make_interval(secs => $2) AS is_too_old
    FROM {table} a WHERE a.needed_until < now() ORDER BY a.needed_until LIMIT $1 FOR UPDATE SKIP LOCKED
) due
"""
_PUT_OFF: Final = """
UPDATE {table} a SET needed_until = greatest(needed.at, now()) + make_interval(secs => $3)
FROM unnest($1::text[], $2::timestamptz[]) AS needed (id, at) WHERE a.id = needed.id
"""
_DELETE: Final = "DELETE FROM {table} WHERE id = ANY($1::text[]) RETURNING tenant_id, environment, size_bytes"
_FREE: Final = """
UPDATE {totals} SET bytes = greatest(0, bytes - $3) WHERE tenant_id = $1 AND environment = $2
"""


class ContentTable:
    def __init__(self, table: str, totals: str, *, needed_at: str, counts: bool = False) -> None:
        """`counts`: the table has a column `awaited int NOT NULL DEFAULT 1`: how often the bytes were handed over for what
        has not ended yet (`release`).

        `needed_at`: an SQL expression on `due` (`id, tenant_id, environment`), the latest moment that unfinished work
        needs it at; NULL where none does. It should be found by an index."""

        def of(statement: str) -> str:
            counted = f"awaited = {table}.awaited + 1, " if counts else ""
            return statement.format(table=table, totals=totals, needed_at=needed_at, counted=counted)

        self._hand_over, self._insert = text(of(_HAND_OVER)), text(of(_INSERT))
        self._total, self._count = text(of(_TOTAL)), text(of(_COUNT))
        self._load, self._release = of(_LOAD), of(_RELEASE)
        self._put_off = of(_PUT_OFF)
        self.needed: Final = of(_NEEDED)
        """Which are looked at, and until when each is needed; $1: at most, $2: seconds that any is kept."""
        self._delete, self._free = of(_DELETE), of(_FREE)

    async def hand_over(self, connection: AsyncConnection, id_: str, content_type: str, *, unused_s: float) -> bool:
        """Says again that the bytes are needed; False: they are not there."""
        given = {"id": id_, "content_type": content_type, "unused_s": unused_s}
        return (await connection.execute(self._hand_over, given)).first() is not None

    async def insert(
        self,
        connection: AsyncConnection,
        tenant: TenantContext,
        id_: str,
        content: bytes,
        content_type: str,
        *,
        unused_s: float,
    ) -> int:
        """Stores the bytes. How many the tenant has then; 0: somebody else has just stored them."""
        whose = {"tenant_id": tenant.tenant_id, "environment": tenant.environment, "size_bytes": len(content)}
        given: dict[str, Any] = {"id": id_, "content_type": content_type, "unused_s": unused_s, "content": content}
        if not (await connection.execute(self._insert, {**given, **whose})).scalar_one():
            return 0
        # Last, so that a tenant's files wait for each other no longer than for this.
        return int((await connection.execute(self._count, whose)).scalar_one())

    async def total(self, connection: AsyncConnection, tenant: TenantContext) -> int:
        """Bytes that are kept for the tenant in this environment."""
        whose = {"tenant_id": tenant.tenant_id, "environment": tenant.environment}
        return (await connection.execute(self._total, whose)).scalar() or 0

    async def load(self, pool: Pool, tenant_id: str, environment: str, id_: str) -> bytes | None:
        found: bytes | None = await pool.fetchval(self._load, id_, tenant_id, environment)
        return found

    async def release(self, connection: Any, ids: Sequence[str]) -> None:
        """Something that named these has ended, each once for every time that it is here: they are looked at next, unless
        they were handed over more often than that. Only of a table that `counts`."""
        await connection.execute(self._release, list(ids))

    async def forget(self, pool: Pool, *, unused_s: float, kept_s: float, most: int) -> int:
        """Looks at those whose time has passed, and removes what nothing unfinished names, or is older still. How many it
        saw."""
        async with pool.acquire() as connection, connection.transaction():
            seen: list[Any] = await connection.fetch(self.needed, most, kept_s)
            needed = [one for one in seen if one["needed_at"] is not None and not one["is_too_old"]]
            kept = {one["id"] for one in needed}
            if needed:
                await connection.execute(
                    self._put_off, [one["id"] for one in needed], [one["needed_at"] for one in needed], unused_s
                )
            gone = await connection.fetch(self._delete, [one["id"] for one in seen if one["id"] not in kept])
            freed: dict[tuple[str, str], int] = {}
            for row in gone:
                whose = (row["tenant_id"], row["environment"])
                freed[whose] = freed.get(whose, 0) + row["size_bytes"]
            # In one order, so that two processes never wait for each other.
            await connection.executemany(self._free, [(*whose, size) for whose, size in sorted(freed.items())])
        return len(seen)
