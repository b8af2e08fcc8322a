"""SQL of endpoints' health: what requests showed is written with their results, and what is to be told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from onerouter_common.contracts.events import Event
from onerouter_webhooks.delivery import outbox
from onerouter_webhooks.delivery.health import GONE, Change, Health, Result, after_results
from onerouter_webhooks.delivery.notices import find_exhausted, is_about_webhooks, of_endpoint
from onerouter_webhooks.delivery.queue import MANUAL, Completion, Hold
from onerouter_webhooks.delivery.transport import UNSIGNED

_HEALTH: Final = (
    "consecutive_failures",
    "first_failed_at",
    "window_at",
    "window_attempts",
    "window_failures",
    "breaker_opens",
    "breaker_until",
    "told",
)

# A healthy endpoint's row is not touched: one write a delivery to one row would be the slowest thing here. Locked in the
# order of ids, so that two processes cannot wait for each other.
_LOCK = f"""
SELECT id, tenant_id, environment, url, status, events_told, now() AS now, {", ".join(_HEALTH)}
FROM webhook_endpoints
WHERE id = ANY($1::text[])
  AND (id = ANY($2::text[]) OR consecutive_failures > 0 OR window_at IS NOT NULL OR breaker_opens > 0 OR told > 0)
ORDER BY id FOR UPDATE
"""  # noqa: S608 - only our own column names are put in

_WRITE = """
UPDATE webhook_endpoints w
SET consecutive_failures = h.consecutive_failures, first_failed_at = h.first_failed_at, window_at = h.window_at,
    window_attempts = h.window_attempts, window_failures = h.window_failures, breaker_opens = h.breaker_opens,
    breaker_until = h.breaker_until, told = h.told, events_told = h.events_told
FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::int[], $6::int[], $7::int[],
            $8::timestamptz[], $9::smallint[], $10::int[])
  AS h(id, consecutive_failures, first_failed_at, window_at, window_attempts, window_failures, breaker_opens,
       breaker_until, told, events_told)
WHERE w.id = h.id AND w.id = ANY($1::text[])
"""

_DISABLE = """
UPDATE webhook_endpoints
SET status = 'disabled', disabled_reason = $2, version = version + 1, updated_at = now()
WHERE id = $1
"""


async def note(connection: Any, completions: Sequence[Completion]) -> None:
    """Within the transaction that writes their results: what these, all applied, show of their endpoints."""
    shown = _shown(completions)
    events: list[Event] = []
    if shown:
        failed = [id_ for id_, results in shown.items() if not all(one.delivered for one in results)]
        rows = await connection.fetch(_LOCK, sorted(shown), failed)
        events += await _apply(connection, rows, shown)
    ended = [one for one in (find_exhausted(one, one.at) for one in completions) if one is not None]
    await outbox.add(connection, [*events, *ended])


async def _apply(connection: Any, rows: Sequence[Any], shown: Mapping[str, Sequence[Result]]) -> list[Event]:
    events: list[Event] = []
    written: list[tuple[object, ...]] = []
    for row in rows:
        before = Health(**{name: row[name] for name in _HEALTH})
        change = after_results(before, shown[row["id"]], row["now"], is_enabled=row["status"] == "enabled")
        # What else it is owed is put aside a few at a time by whoever claims: it may be a million deliveries.
        if change.disable is not None:
            await connection.execute(_DISABLE, row["id"], change.disable)
        told = _told(row, before, change, row["now"])
        events += told
        if told or change.health != before:
            sequence = row["events_told"] + len(told)
            written.append((row["id"], *(getattr(change.health, name) for name in _HEALTH), sequence))
    if written:
        await connection.execute(_WRITE, *(list(column) for column in zip(*written, strict=True)))
    return events


def _told(row: Any, before: Health, change: Change, now: datetime) -> list[Event]:
    first = row["events_told"] + 1
    return [
        of_endpoint(fact, row, before, change.health, change.disable, number, now)
        for number, fact in enumerate(change.facts, start=first)
    ]


def _shown(completions: Sequence[Completion]) -> dict[str, list[Result]]:
    """By endpoint: what was answered."""
    shown: dict[str, list[Result]] = {}
    for one in completions:
        if one.attempt is not None and one.attempt.answer.failure != UNSIGNED:
            result = Result(
                delivered=one.attempt.answer.delivered,
                is_probe=one.work.is_probe,
                gone=isinstance(one.decision, Hold) and one.decision.disable == GONE,
                counts=not is_about_webhooks(one.work.event_type),
                asked=one.work.trigger == MANUAL,
            )
            shown.setdefault(one.work.endpoint_id, []).append(result)
    return shown
