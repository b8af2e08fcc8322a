"""SQL of the order of events: one that overtook the one before waits for it, where an endpoint wants a resource's events in
order.

The queue keeps those in order that it has. What it cannot see is one that is still on its way, so what was stored of each
resource is noted, for tenants with such an endpoint alone. Always within the transaction that stores the events: nobody sees
that one is known before its deliveries are queued.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

WAIT_S: Final = 10.0
"""A worker that dies between its commit and the log leaves its events to the relay, which takes them after 3 s, looks every
second, and may itself be the one that is just started again. What takes longer is not waited for: one that never comes (it
is past its retention, or from before its resource was known here) would hold up its resource for ever.
"""

_MOST: Final = 1_000
"""Of one resource, how many are brought forward at once; those behind them wait for them, or out their time."""

# What begins behind a gap opens the time in which it may be filled; what only goes on behind an older gap does not.
_NOTE: Final = """
INSERT INTO known_sequences AS s (tenant_id, environment, resource_kind, resource_id, known, settles_at, touched_on)
SELECT r.tenant_id, r.environment, r.resource_kind, r.resource_id, r.known::int8multirange,
       CASE WHEN EXISTS (SELECT FROM unnest(r.known::int8multirange) AS part WHERE lower(part) > 1)
         THEN now() + make_interval(secs => $6) END,
       (now() AT TIME ZONE 'UTC')::date
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
  AS r(tenant_id, environment, resource_kind, resource_id, known)
ON CONFLICT (tenant_id, environment, resource_kind, resource_id) DO UPDATE
SET known = s.known + excluded.known, touched_on = excluded.touched_on,
    settles_at = CASE WHEN EXISTS (
        SELECT FROM unnest(excluded.known) AS part WHERE lower(part) > 1 AND NOT s.known @> lower(part) - 1)
      THEN excluded.settles_at ELSE s.settles_at END
RETURNING tenant_id, environment, resource_kind, resource_id, known,
          extract(epoch FROM greatest(settles_at, now()) - now())::float8 AS settles_in_s
"""

# Each by an index probe. What was tried before waits for its retry.
_BRING_FORWARD: Final = """
UPDATE delivery_queue SET next_at = now() WHERE id = ANY(ARRAY(
  SELECT early.id FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
    AS gap(endpoint_id, resource, behind, before)
  CROSS JOIN LATERAL (
    SELECT q.id FROM delivery_queue q
    WHERE q.endpoint_id = gap.endpoint_id AND q.resource = gap.resource
      AND q.position > gap.behind AND q.position < gap.before
      AND q.state <> 1 AND q.attempts = 0 AND q.next_at > now()
    ORDER BY q.resource, q.position, q.id LIMIT $5 FOR UPDATE SKIP LOCKED) early))
RETURNING endpoint_id
"""


class Resource(NamedTuple):
    tenant_id: str
    environment: str
    kind: str
    id: str


class Place(NamedTuple):
    """An event's, in the order of its resource."""

    resource: Resource
    sequence: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of resources, with the events that are about to be stored."""

    _known: Mapping[Resource, tuple[Sequence[Any], float]]

    def wait_s(self, place: Place) -> float:
        """How long it waits for what is missing before it; 0: nothing is, or it was waited for long enough."""
        ranges, settles_in_s = self._known[place.resource]
        return 0.0 if _around(ranges, place.sequence).lower <= 1 else settles_in_s

    def end(self, place: Place) -> int:
        """The first behind it that is not known."""
        return int(_around(self._known[place.resource][0], place.sequence).upper)


async def note(connection: Any, places: Iterable[Place]) -> Order:
    """They are stored now. One order for all, or two batches could wait for each other."""
    sequences: dict[Resource, set[int]] = {}
    for place in places:
        sequences.setdefault(place.resource, set()).add(place.sequence)
    resources = sorted(sequences)
    texts = ["{" + ",".join(f"[{one},{one}]" for one in sorted(sequences[resource])) + "}" for resource in resources]
    columns = [list(column) for column in zip(*resources, strict=True)]
    rows = await connection.fetch(_NOTE, *columns, texts, WAIT_S)
    return Order({Resource(*row[:4]): (row["known"], row["settles_in_s"]) for row in rows})


async def bring_forward(
    connection: Any, order: Order, places: Iterable[Place], endpoints: Mapping[tuple[str, str], Collection[str]]
) -> set[str]:
    """What waited for these waits no longer, at these endpoints of each tenant and environment; answers which had such."""
    rows = [
        (endpoint_id, place.resource.id, place.sequence, end)
        for place in places
        if (end := order.end(place)) > place.sequence + 1 and not order.wait_s(place)
        for endpoint_id in endpoints[place.resource.tenant_id, place.resource.environment]
    ]
    if not rows:
        return set()
    found = await connection.fetch(_BRING_FORWARD, *(list(column) for column in zip(*rows, strict=True)), _MOST)
    return {row["endpoint_id"] for row in found}


def _around(ranges: Sequence[Any], sequence: int) -> Any:
    return next(one for one in ranges if one.lower <= sequence < one.upper)
