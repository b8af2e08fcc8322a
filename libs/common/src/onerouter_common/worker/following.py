"""Operations that follow from a settlement and do not go through the log: rows, stored by the very commit.

They are then claimed like anything that is due. A process that dies before the commit leaves none of them, one that dies
after it leaves all; settled again they are recognised by their ids, which follow from their causes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from onerouter_common.contracts.commands import Command
from onerouter_common.worker.tags import INSERT_TAGS, METADATA

_PAGE: Final = 1_000
_PAGE_BYTES: Final = 4_000_000
"""Of payloads, so that no statement takes longer than it may."""

# The ids decide who is new. They are numbered in the order they were asked for.
_STORE: Final = f"""
WITH new AS (
    INSERT INTO operation_ids (operation_id, tenant_id, environment, created_at)
    SELECT id, tenant_id, environment, $14
    FROM unnest($1::text[], $2::text[], $3::text[]) AS n (id, tenant_id, environment)
    ON CONFLICT (operation_id) DO NOTHING
    RETURNING operation_id
), made AS (
    INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
        made_by, api_key_id, traceparent, not_before, priority, state, due_at, accepted_at, created_at)
    SELECT id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint, made_by,
        api_key_id, traceparent, not_before, priority, CASE WHEN not_before > $14 THEN 'scheduled' ELSE 'accepted' END,
        GREATEST(now(), not_before), $14, $14
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::timestamptz[], $15::int[]) WITH ORDINALITY
        AS o (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint, made_by,
            api_key_id, traceparent, not_before, priority, place)
    JOIN new ON new.operation_id = o.id
    ORDER BY place
    RETURNING id, tenant_id, environment, created_at, {METADATA} AS metadata
)
{INSERT_TAGS}"""  # noqa: S608 - made of constants


async def store(connection: Any, commands: Sequence[tuple[Command, str | None]], *, now: datetime) -> None:
    """Inside the caller's transaction: each of the commands, with the traceparent it carries on, as an operation."""
    once = list({command.operation_id: (command, traceparent) for command, traceparent in commands}.values())
    for page in _pages(once):
        await connection.execute(_STORE, *_columns(page), now, [c.priority for c, _ in page])


def _pages(commands: Sequence[tuple[Command, str | None]]) -> Iterator[Sequence[tuple[Command, str | None]]]:
    page: list[tuple[Command, str | None]] = []
    room = _PAGE_BYTES
    for one in commands:
        size = len(orjson.dumps(one[0].payload))
        if page and (size > room or len(page) == _PAGE):
            yield page
            page, room = [], _PAGE_BYTES
        page.append(one)
        room -= size
    if page:
        yield page


def due_in_s(commands: Iterable[tuple[Command, str | None]], *, now: datetime) -> float | None:
    """When the first of them is; None: there is none."""
    waits = (0.0 if c.not_before is None else (c.not_before - now).total_seconds() for c, _ in commands)
    first = min(waits, default=None)
    return None if first is None else max(0.0, first)


def _columns(commands: Sequence[tuple[Command, str | None]]) -> list[list[Any]]:
    return [
        [c.operation_id for c, _ in commands],
        [c.tenant_id for c, _ in commands],
        [c.environment for c, _ in commands],
        [c.category for c, _ in commands],
        [c.operation for c, _ in commands],
        [c.resource_id for c, _ in commands],
        [c.ordering_key for c, _ in commands],
        [c.payload for c, _ in commands],
        [c.fingerprint for c, _ in commands],
        [c.command_id for c, _ in commands],
        [c.api_key_id for c, _ in commands],
        [traceparent for _, traceparent in commands],
        [c.not_before for c, _ in commands],
    ]
