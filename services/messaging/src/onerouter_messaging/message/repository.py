"""The worker's SQL on messages: whole batches, all tenants, inside the heart's transactions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from onerouter_common.contracts.callbacks import Callback
from onerouter_messaging.message.rows import LISTS, TYPES, message_of, message_row
from onerouter_messaging.message.state import Message, Suppression

_NEVER_CHANGE: Final = {"id", "channel", "direction", "tenant_id", "environment", "batch_id", "created_at"}
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in TYPES if name not in _NEVER_CHANGE)
_GIVEN: Final = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(TYPES.values(), start=1))
_TAKEN: Final = ", ".join(LISTS.get(name, name) for name in TYPES)
# One statement however many: a bulk send makes a thousand. The condition decides between two writers: `begin` saves what
# it read without a lock, and must not undo what a callback has stored in between.
_SAVE: Final = (
    f"INSERT INTO messages ({', '.join(TYPES)}) SELECT {_TAKEN} "  # noqa: S608 - made of constants
    f"FROM unnest({_GIVEN}) AS given ({', '.join(TYPES)}) "
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} "
    "WHERE excluded.revision > messages.revision AND excluded.tenant_id = messages.tenant_id"
)
# Of the rows as they are stored, whoever wrote them: whom a message is to never changes, nor when it was made.
_ADDRESS: Final = """
INSERT INTO message_addresses (tenant_id, environment, channel, address, created_at, message_id)
SELECT m.tenant_id, m.environment, m.channel, a.address, m.created_at, m.id
FROM messages m CROSS JOIN LATERAL unnest(m.addresses) AS a (address)
WHERE m.id = ANY($1::text[]) ORDER BY m.id, a.address ON CONFLICT DO NOTHING
"""
_COLUMNS: Final = ", ".join(TYPES)
_LOAD: Final = f"SELECT {_COLUMNS} FROM messages WHERE id = ANY($1::text[]) ORDER BY id"  # noqa: S608

# Bound to the connection that was called back, so that no account can speak of another's messages.
_FIND_KEYS: Final = """
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS told (callback_id, connection_id, reference, provider_id)
)
SELECT DISTINCT ON (callback_id) callback_id, key FROM (
    SELECT callback_id, 1 AS priority, m.id AS key
        FROM told JOIN messages m ON m.id = told.reference AND m.connection_id = told.connection_id
    UNION ALL
    SELECT callback_id, 2, m.id
        FROM told JOIN messages m
            ON m.provider_message_id = told.provider_id AND m.connection_id = told.connection_id
            AND m.direction = 'outbound'
) found ORDER BY callback_id, priority
"""

# Of those that are sent to one number over one connection: what the provider calls them, and which may be the one that is
# found for ours. Such a one is being asked about or sent at this moment, or is in doubt and older: of two in doubt the older
# takes the first that is found, so that they do not wait for each other.
_OTHERS: Final = """
SELECT m.provider_message_id, m.provider_message_id IS NULL AND EXISTS (
    SELECT FROM operations o WHERE o.resource_id = m.id AND o.operation = 'sms.send' AND o.open_attempt_at IS NOT NULL
        AND (o.state = 'executing' OR (o.state = 'unknown' AND (m.created_at, m.id) < ($7::timestamptz, $3)))
) AS is_under_way
FROM message_addresses a JOIN messages m ON m.id = a.message_id
WHERE a.tenant_id = $5 AND a.environment = $6 AND a.channel = 'sms' AND a.address = $2
    AND m.connection_id = $1 AND m.id <> $3 AND m.direction = 'outbound'
    AND (m.updated_at >= $4 OR m.provider_message_id IS NULL)
ORDER BY a.created_at DESC LIMIT 1000
"""

_TAKEN_BY: Final = """
SELECT id FROM messages WHERE connection_id = $1 AND provider_message_id = $2 AND id <> $3 LIMIT 1
"""


class SuppressionList(Protocol):
    """Where addresses go that must not be sent to any more."""

    async def keep(self, connection: Any, changes: Sequence[Suppression]) -> None:
        """Put them on the list or take them off it, in the caller's transaction. Repeatable."""
        ...


class MessageStore:
    """The heart's store of both channels: messages by their id."""

    def __init__(self, suppressions: SuppressionList) -> None:
        self._suppressions = suppressions

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Message]:
        rows = await connection.fetch(_LOAD + (" FOR UPDATE" if lock else ""), list(keys))
        return {row["id"]: message_of(row) for row in rows}

    async def save(self, connection: Any, resources: Sequence[Message]) -> None:
        """Stores what was changed since it was loaded, and what that does to the suppression list."""
        changed = [message for message in resources if message.revision > message.stored_revision]
        if not changed:
            return
        # In key order, so that two batches cannot wait for each other.
        rows = [message_row(message) for message in sorted(changed, key=lambda message: message.id)]
        await connection.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))
        new = sorted(message.id for message in changed if not message.stored_revision)
        if new:
            await connection.execute(_ADDRESS, new)
        listed = [one for message in changed for one in message.suppressions]
        if listed:
            await self._suppressions.keep(connection, listed)


async def find_keys(connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
    """callback_id → message id, by our own reference or the provider's id. Missing: not known (yet)."""
    rows = await connection.fetch(
        _FIND_KEYS,
        [callback.callback_id for callback in callbacks],
        [callback.connection_id for callback in callbacks],
        [callback.object.reference for callback in callbacks],
        [callback.object.provider_id for callback in callbacks],
    )
    return {row["callback_id"]: row["key"] for row in rows}


async def others_to(pool: Any, message: Message, since: datetime) -> tuple[frozenset[str], bool]:
    """The provider's ids of other messages to the same number that were touched since, and whether such a one may be what is
    found for this one."""
    rows = await pool.fetch(
        _OTHERS,
        message.connection_id,
        message.recipients[0].address,
        message.id,
        since,
        message.tenant_id,
        message.environment,
        message.created_at,
    )
    ids = frozenset(row["provider_message_id"] for row in rows if row["provider_message_id"] is not None)
    return ids, any(row["is_under_way"] for row in rows)


async def taken_by(pool: Any, row: Any, provider_id: str) -> str | None:
    """Another message of an operation's connection that is known under that id."""
    taken: str | None = await pool.fetchval(_TAKEN_BY, row["connection_id"], provider_id, row["resource_id"])
    return taken
