"""SQL on the suppression lists. One address may be on a list for several reasons; each comes off by itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.ids import SUPPRESSION, new_id
from onerouter_common.reads.paging import Page, position_of
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.message.state import Suppression

# Callbacks tell late and twice: of one address and reason the latest word holds. Only what changes the list is audited.
_KEEP: Final = """
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::boolean[], $10::timestamptz[])
    AS given (id, tenant_id, environment, channel, address, reason, source, message_id, is_on, as_of)
), before AS (
    SELECT s.tenant_id, s.environment, s.channel, s.address, s.reason, s.is_on
    FROM suppressions s JOIN given USING (tenant_id, environment, channel, address, reason)
), kept AS (
    INSERT INTO suppressions AS s (id, tenant_id, environment, channel, address, reason, source, message_id, is_on, as_of,
        created_at)
    SELECT *, now() FROM given ORDER BY tenant_id, environment, channel, address, reason
    ON CONFLICT (tenant_id, environment, channel, address, reason) DO UPDATE SET
        is_on = excluded.is_on, as_of = excluded.as_of, source = excluded.source, message_id = excluded.message_id,
        note = NULL, created_at = CASE WHEN s.is_on THEN s.created_at ELSE excluded.created_at END
    WHERE excluded.as_of > s.as_of
    RETURNING tenant_id, environment, channel, address, reason, source, message_id, is_on
)
INSERT INTO suppression_audit (tenant_id, environment, channel, address, action, reason, by_whom, message_id)
SELECT k.tenant_id, k.environment, k.channel, k.address, CASE WHEN k.is_on THEN 'added' ELSE 'removed' END, k.reason,
    k.source, k.message_id
FROM kept k LEFT JOIN before b USING (tenant_id, environment, channel, address, reason)
WHERE k.is_on IS DISTINCT FROM coalesce(b.is_on, false)
"""

_ON_LIST: Final = """
SELECT DISTINCT s.tenant_id, s.environment, s.channel, s.address
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked (tenant_id, environment, channel, address)
JOIN suppressions s USING (tenant_id, environment, channel, address) WHERE s.is_on
"""

_OVERRIDDEN: Final = """
INSERT INTO suppression_audit (tenant_id, environment, channel, address, action, by_whom, note, message_id)
SELECT $1, $2, $3, address, 'overridden', $5, $6, $7 FROM unnest($4::text[]) AS given (address)
ON CONFLICT (message_id, address) WHERE action = 'overridden' DO NOTHING
"""

_COLUMNS: Final = "id, channel, address, reason, source, note, message_id, created_at"
_PAGE: Final = text(f"""
SELECT {_COLUMNS} FROM suppressions WHERE channel = :channel AND is_on
AND (CAST(:address AS text) IS NULL OR address = CAST(:address AS text))
AND (CAST(:reason AS text) IS NULL OR reason = CAST(:reason AS text))
AND (CAST(:created_at AS timestamptz) IS NULL OR (created_at, id) < (CAST(:created_at AS timestamptz), :after))
AND (CAST(:since AS timestamptz) IS NULL OR created_at > CAST(:since AS timestamptz))
AND (CAST(:until AS timestamptz) IS NULL OR created_at < CAST(:until AS timestamptz))
ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - made of constants
_ADD: Final = text(f"""
INSERT INTO suppressions AS s (id, tenant_id, environment, channel, address, reason, source, note, is_on, as_of, created_at)
VALUES (:id, :tenant_id, :environment, :channel, :address, :reason, 'api', :note, true, now(), now())
ON CONFLICT (tenant_id, environment, channel, address, reason) DO UPDATE SET
    is_on = true, as_of = now(), source = 'api', note = excluded.note, message_id = NULL, created_at = now()
WHERE NOT s.is_on
RETURNING {_COLUMNS}
""")  # noqa: S608 - made of constants
_REMOVE: Final = text(f"""
UPDATE suppressions SET is_on = false, as_of = now() WHERE id = :id AND channel = :channel AND is_on RETURNING {_COLUMNS}
""")  # noqa: S608 - made of constants
_AUDIT: Final = text("""
INSERT INTO suppression_audit (tenant_id, environment, channel, address, action, reason, by_whom, note)
VALUES (:tenant_id, :environment, :channel, :address, :action, :reason, :by, :note)
""")
_HISTORY: Final = text("""
SELECT action, reason, by_whom, note, message_id, at FROM suppression_audit
WHERE channel = :channel AND address = :address ORDER BY id DESC LIMIT 100
""")

Row = dict[str, Any]
Asked = tuple[str, str, str, str]
"""(tenant, environment, channel, address)."""


class SuppressionList:
    """What callbacks do to the lists: the message store's own transaction."""

    async def keep(self, connection: Any, changes: Sequence[Suppression]) -> None:
        """Put them on the list or take them off it. Repeatable, and the same in whatever order they come."""
        latest: dict[tuple[str, ...], Suppression] = {}
        for one in sorted(changes, key=lambda change: change.at):
            latest[one.tenant_id, one.environment, one.channel, one.address, one.reason] = one
        kept = list(latest.values())
        await connection.execute(
            _KEEP,
            [new_id(SUPPRESSION) for _ in kept],
            [one.tenant_id for one in kept],
            [one.environment for one in kept],
            [one.channel for one in kept],
            [one.address for one in kept],
            [one.reason for one in kept],
            [one.source for one in kept],
            [one.message_id for one in kept],
            [one.is_on for one in kept],
            [one.at for one in kept],
        )


async def on_list(connection: Any, asked: Sequence[Asked]) -> set[Asked]:
    """Which of these are; one query however many. `connection` is the worker's."""
    rows = await connection.fetch(_ON_LIST, *(list(column) for column in zip(*asked, strict=True)))
    return {tuple(row) for row in rows}


async def note_override(
    connection: Any,
    *,
    whose: tuple[str, str, str],
    addresses: Sequence[str],
    by: str,
    why: str,
    message_id: str,
) -> None:
    """That a message goes to them although they are on the list; once a message, however often it is tried."""
    await connection.execute(_OVERRIDDEN, *whose, list(addresses), by, why, message_id)


async def page(
    connection: AsyncConnection, channel: str, asked: Page, *, address: str | None = None, reason: str | None = None
) -> list[Row]:
    """The page's and one more."""
    created_at, after = position_of(asked.cursor) if asked.cursor is not None else (None, "")
    given = {
        "channel": channel,
        "address": address,
        "reason": reason,
        "created_at": created_at,
        "after": after,
        "since": asked.created_after,
        "until": asked.created_before,
        "limit": asked.limit + 1,
    }
    return [dict(row) for row in (await connection.execute(_PAGE, given)).mappings()]


async def add(connection: AsyncConnection, tenant: TenantContext, row: Mapping[str, Any], *, by: str) -> Row | None:
    """The row that was added; None: it was there. `row` is channel, address, reason, note."""
    whose = {"tenant_id": tenant.tenant_id, "environment": tenant.environment}
    rows = (await connection.execute(_ADD, {**row, **whose, "id": new_id(SUPPRESSION)})).mappings().all()
    if rows:
        await connection.execute(_AUDIT, {**row, **whose, "action": "added", "by": by})
    return dict(rows[0]) if rows else None


async def remove(
    connection: AsyncConnection, tenant: TenantContext, channel: str, id_: str, *, by: str, note: str | None
) -> Row | None:
    """The row that was removed; None: there is none."""
    rows = (await connection.execute(_REMOVE, {"id": id_, "channel": channel})).mappings().all()
    if not rows:
        return None
    row = dict(rows[0])
    given = {name: row[name] for name in ("channel", "address", "reason")}
    whose = {"tenant_id": tenant.tenant_id, "environment": tenant.environment}
    await connection.execute(_AUDIT, {**given, **whose, "action": "removed", "by": by, "note": note})
    return row


async def history(connection: AsyncConnection, channel: str, address: str) -> list[Row]:
    """What was done about an address, newest first."""
    rows = await connection.execute(_HISTORY, {"channel": channel, "address": address})
    return [dict(row) for row in rows.mappings()]
