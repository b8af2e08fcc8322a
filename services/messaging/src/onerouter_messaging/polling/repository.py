"""Which messages are due to be asked about."""

from datetime import datetime
from typing import Any, Final

from onerouter_messaging.message.rows import message_of
from onerouter_messaging.message.schedule import WAITS_S
from onerouter_messaging.message.state import Message

# Claiming is moving on to the next date: a process that dies after it costs one question. Past the last wait it is asked
# about once more, and again should the process die before that is concluded (`stop_asking`).
_CLAIM: Final = """
UPDATE messages m SET polls = m.polls + 1,
    poll_at = $1 + make_interval(secs => COALESCE(($2::float8[])[m.polls + 1], $4))
FROM (SELECT id FROM messages WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE m.id = due.id
RETURNING m.*
"""
# Not when something was told of it meanwhile: then the asking has begun anew.
_STOP: Final = """
UPDATE messages SET poll_at = NULL WHERE id = $1 AND poll_at IS NOT NULL AND polls >= $2 RETURNING true
"""
_POSTPONE: Final = """
UPDATE messages SET polls = polls - 1, poll_at = $3 WHERE id = $1 AND poll_at IS NOT NULL AND polls = $2
"""
CONCLUDED_WITHIN_S: Final = 600.0
"""A last question that was not concluded within this is asked again."""


async def claim(connection: Any, now: datetime, limit: int) -> list[Message]:
    """Take what is due, oldest first, and set each one's next date. No two processes get the same."""
    return [message_of(row) for row in await connection.fetch(_CLAIM, now, WAITS_S, limit, CONCLUDED_WITHIN_S)]


def is_last(message: Message) -> bool:
    """Of a claimed one: there will be no further question."""
    return message.polls > len(WAITS_S)


async def postpone(connection: Any, message: Message, until: datetime) -> None:
    """It was not asked about: as if it had not been claimed, but later. Not when something was told of it meanwhile."""
    await connection.execute(_POSTPONE, message.id, message.polls, until)


async def stop_asking(connection: Any, message: Message) -> bool:
    """There will be no further question. False: somebody else has stopped, or it goes on, as something was told of it."""
    return bool(await connection.fetchval(_STOP, message.id, message.polls))
