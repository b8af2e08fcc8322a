"""SQL of those who look into deliveries, always within one tenant's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.ids import made_at
from onerouter_webhooks.event.reading import SKEW

_LAST: Final = "dlv_" + "z" * 26
"""Sorts after every delivery."""
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)

# What is not finished lives in the queue, what is in `deliveries`: one shape for both.
_QUEUED = """
SELECT id, event_id, event_type, endpoint_id, CASE state WHEN 2 THEN 'held' ELSE 'pending' END AS status, trigger,
       attempts AS attempt_count, CASE state WHEN 0 THEN next_at END AS next_attempt_at, created_at,
       CAST(NULL AS timestamptz) AS finished_at
FROM delivery_queue"""
_FINISHED = """
SELECT id, event_id, event_type, endpoint_id, outcome, trigger, attempts, CAST(NULL AS timestamptz), created_at,
       finished_at
FROM deliveries"""
# Always from a moment to a moment, and from an id on: else a plan for any of them opens every day there is, and walks over
# what the pages before showed.
_PERIOD = """created_at >= :since AND created_at < :until AND id < :cursor
  AND (CAST(:type AS text) IS NULL OR event_type = :type)"""

_PAGE = text(f"""
SELECT * FROM (
  ({_QUEUED}
   WHERE endpoint_id = :endpoint AND state <> 1 AND {_PERIOD}
     AND (CAST(:status AS text) IS NULL OR :status = CASE state WHEN 2 THEN 'held' ELSE 'pending' END)
   ORDER BY id DESC LIMIT :limit)
  UNION ALL
  -- Few are under way, whosever they are.
  ({_QUEUED}
   WHERE endpoint_id = :endpoint AND state = 1 AND {_PERIOD} AND COALESCE(CAST(:status AS text), 'pending') = 'pending'
   ORDER BY id DESC LIMIT :limit)
  UNION ALL
  ({_FINISHED}
   WHERE endpoint_id = :endpoint AND {_PERIOD} AND (CAST(:status AS text) IS NULL OR outcome = :status)
   ORDER BY id DESC LIMIT :limit)
) all_kinds ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - made of constants

# Its id tells its day: of all the partitions three are opened at most.
GET = text(
    f"{_QUEUED} WHERE id = :id UNION ALL {_FINISHED} WHERE id = :id AND created_at >= :since AND created_at < :until"
)

# A page may hold a thousand attempts: of each answer its beginning, the rest is with the one delivery. The only one of a
# delivery that was taken at once is kept with its outcome.
ATTEMPTS = text("""
SELECT * FROM (
  SELECT id, delivery_id, number, trigger, created_at AS at, duration_ms, status, failure, remote_address,
         response_headers, substring(response_body FOR :bytes) AS response_body,
         response_truncated OR length(response_body) > :bytes AS response_truncated, resent
  FROM delivery_attempts
  WHERE delivery_id = ANY(:deliveries) AND created_at >= :since AND created_at < :until
  UNION ALL
  SELECT attempt_id, id, attempts, trigger, attempted_at, duration_ms, status, CAST(NULL AS text), remote_address,
         response_headers, substring(response_body FOR :bytes),
         response_truncated OR length(response_body) > :bytes, resent IS TRUE
  FROM deliveries
  WHERE id = ANY(:deliveries) AND attempt_id IS NOT NULL AND created_at >= :since AND created_at < :until
) both_places
ORDER BY delivery_id, at, number
""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of an endpoint's deliveries; None: any."""

    status: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class DeliveryReads:
    """Within one `tenant_transaction`: row-level security limits every statement to the tenant it names."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(
        self, endpoint_id: str, wanted: Wanted, cursor: str | None, limit: int, now: datetime
    ) -> list[dict[str, Any]]:
        """Newest first, finished or not, those before the cursor."""
        last = (made_at(cursor) if cursor is not None else None) or now
        rows = await self._connection.execute(
            _PAGE,
            {
                "endpoint": endpoint_id,
                "status": wanted.status,
                "type": wanted.type,
                "since": wanted.since or _BEGINNING,
                "until": min(last + SKEW, wanted.until or now + SKEW),
                "cursor": cursor or _LAST,
                "limit": limit,
            },
        )
        return [dict(row) for row in rows.mappings()]

    async def find(self, delivery_id: str) -> dict[str, Any] | None:
        made = made_at(delivery_id)
        if made is None:
            return None
        period = {"since": made - SKEW, "until": made + SKEW}
        row = (await self._connection.execute(GET, {"id": delivery_id, **period})).mappings().first()
        return None if row is None else dict(row)

    async def attempts(
        self, deliveries: Sequence[Mapping[str, Any]], most_bytes: int, now: datetime
    ) -> dict[str, list[dict[str, Any]]]:
        """By delivery, in order; of each answer's body at most so much. Only the days are opened in which they were made."""
        if not deliveries:
            return {}
        found: dict[str, list[dict[str, Any]]] = {}
        asked = {
            "deliveries": [one["id"] for one in deliveries],
            "bytes": most_bytes,
            "since": min(one["created_at"] for one in deliveries) - SKEW,
            "until": max(one["finished_at"] or now for one in deliveries) + SKEW,
        }
        rows = await self._connection.execute(ATTEMPTS, asked)
        for row in rows.mappings():
            values = dict(row)
            found.setdefault(values.pop("delivery_id"), []).append(values)
        return found
