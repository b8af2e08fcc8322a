"""Removing what was said, and keeping that it was said: statuses, costs and addresses stay."""

from datetime import datetime
from typing import Any, Final

from onerouter_common.db.engine import Pool
from onerouter_common.worker.tags import METADATA

_WITHOUT_NAMES: Final = (
    "(SELECT coalesce(jsonb_agg(one - 'name' ORDER BY place), '[]') "
    "FROM jsonb_array_elements({}) WITH ORDINALITY AS each (one, place))"
)
_ERASE: Final = f"""
UPDATE messages m SET content = NULL, sender = sender - 'name', recipients = {_WITHOUT_NAMES.format("recipients")},
    reply_to = {_WITHOUT_NAMES.format("reply_to")}
FROM (
    SELECT id FROM messages WHERE content IS NOT NULL AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
) old
WHERE m.id = old.id
RETURNING m.id, m.batch_id
"""  # noqa: S608 - made of constants
# What was asked and answered: the same words once more. Only of what has ended: the rest still has to be sent. The
# metadata is the tenant's own note, which the message keeps as well.
_ERASE_OPERATIONS: Final = f"""
UPDATE operations SET payload = jsonb_strip_nulls(jsonb_build_object('metadata', {METADATA})),
    result = result - ARRAY['body', 'subject', 'html', 'text']
        - CASE category WHEN 'email' THEN ARRAY['from', 'to', 'cc', 'bcc', 'reply_to'] ELSE ARRAY[]::text[] END
WHERE resource_id = ANY($1::text[]) AND due_at IS NULL AND payload - 'metadata' <> '{{}}'
"""  # noqa: S608 - made of constants
# What its messages have in common goes with them, unless one of them still has to be sent or asked about.
_ERASE_BATCHES: Final = """
DELETE FROM batch_contents WHERE batch_id IN (
    SELECT batch_id FROM batch_contents c WHERE created_at < $1 AND NOT EXISTS (
        SELECT FROM messages m JOIN operations o ON o.resource_id = m.id
        WHERE m.batch_id = c.batch_id AND o.due_at IS NOT NULL
    ) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
_BATCHES_MOST: Final = 50


async def erase(pool: Pool, before: datetime, most: int) -> int:
    """Remove the content of messages older than that, oldest first; how many there were."""
    async with pool.acquire() as connection, connection.transaction():
        rows: list[Any] = await connection.fetch(_ERASE, before, most)
        ids = {row["id"] for row in rows} | {row["batch_id"] for row in rows if row["batch_id"] is not None}
        if ids:
            await connection.execute(_ERASE_OPERATIONS, sorted(ids))
        await connection.execute(_ERASE_BATCHES, before, _BATCHES_MOST)
    return len(rows)
