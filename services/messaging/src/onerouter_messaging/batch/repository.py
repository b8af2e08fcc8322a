"""The worker's SQL on batches: inside the heart's transactions; and on what their messages have in common."""

from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

import orjson

from onerouter_common.contracts.messages import EmailContent, SmsContent
from onerouter_common.db.engine import Pool
from onerouter_messaging.batch.rows import batch_of
from onerouter_messaging.batch.state import Batch
from onerouter_messaging.message.state import Message

# Who waits is asked without a lock: the rule of each message decides when its own turn comes.
_LOAD: Final = """
SELECT b.*, ARRAY(
    SELECT m.id FROM messages m
    WHERE m.batch_id = b.id AND m.tenant_id = b.tenant_id AND m.status IN ('queued', 'scheduled')
        AND (m.connection_id IS NULL OR (m.is_put_off AND m.provider_message_id IS NULL))
    ORDER BY m.id
) AS waiting
FROM batches b WHERE b.id = ANY($1::text[]) ORDER BY b.id
"""
_SAVE: Final = """
INSERT INTO batches (id, tenant_id, environment, channel, total, rejected, send_at, canceled_at, created_at)
SELECT id, tenant_id, environment, channel, total, rejected::jsonb, send_at, canceled_at, created_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::timestamptz[], $8::timestamptz[],
        $9::timestamptz[])
    AS given (id, tenant_id, environment, channel, total, rejected, send_at, canceled_at, created_at)
ON CONFLICT (id) DO UPDATE SET canceled_at = excluded.canceled_at WHERE excluded.tenant_id = batches.tenant_id
"""
_SAVE_CONTENTS: Final = """
INSERT INTO batch_contents (batch_id, tenant_id, environment, content, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])
ON CONFLICT (batch_id) DO NOTHING
"""
_LOAD_CONTENT: Final = """
SELECT content FROM batch_contents WHERE batch_id = $1 AND tenant_id = $2 AND environment = $3
"""
# What was sent first is what is sent to all, and what is shown.
_KEEP_TEXT: Final = """
UPDATE batch_contents SET content = content || jsonb_build_object('text', $4::text)
WHERE batch_id = $1 AND tenant_id = $2 AND environment = $3 AND NOT content ? 'text'
"""


class Messages(Protocol):
    """Where the messages of a batch are stored."""

    async def save(self, connection: Any, resources: Sequence[Message]) -> None: ...


class BatchStore:
    """The heart's store of batches by their id."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Batch]:
        rows = await connection.fetch(_LOAD + (" FOR UPDATE OF b" if lock else ""), list(keys))
        return {row["id"]: batch_of(dict(row)) for row in rows}

    async def save(self, connection: Any, resources: Sequence[Batch]) -> None:
        """With all messages of those that are new: one statement for the batches, one for what they say, one for all
        their messages."""
        kept = sorted(resources, key=lambda batch: batch.id)
        await connection.execute(
            _SAVE,
            [one.id for one in kept],
            [one.tenant_id for one in kept],
            [one.environment for one in kept],
            [one.channel for one in kept],
            [one.total for one in kept],
            # As text: in an array, lists would be taken for a further dimension.
            [orjson.dumps([rejected.model_dump(mode="json") for rejected in one.rejected]).decode() for one in kept],
            [one.send_at for one in kept],
            [one.canceled_at for one in kept],
            [one.created_at for one in kept],
        )
        new = [one for one in kept if one.common is not None]
        if new:
            await connection.execute(_SAVE_CONTENTS, *_content_columns(new))
        messages = [item.message for one in kept for item in one.items]
        if messages:
            await self._messages.save(connection, messages)


async def load_content(
    pool: Pool, channel: Literal["sms", "email"], batch_id: str, tenant_id: str, environment: str
) -> SmsContent | EmailContent | None:
    """None: there is no such batch of theirs, or its time is over."""
    stored = await pool.fetchval(_LOAD_CONTENT, batch_id, tenant_id, environment)
    if stored is None:
        return None
    return SmsContent.model_validate(stored) if channel == "sms" else EmailContent.model_validate(stored)


async def keep_text(pool: Pool, batch_id: str, tenant_id: str, environment: str, text: str) -> None:
    """What was made of its html, for those who read text only. Repeatable."""
    await pool.execute(_KEEP_TEXT, batch_id, tenant_id, environment, text)


def _content_columns(batches: Sequence[Batch]) -> list[list[Any]]:
    contents = [
        None if one.common is None else one.common.model_dump(mode="json", exclude_none=True) for one in batches
    ]
    return [
        [one.id for one in batches],
        [one.tenant_id for one in batches],
        [one.environment for one in batches],
        contents,
        [one.created_at for one in batches],
    ]
