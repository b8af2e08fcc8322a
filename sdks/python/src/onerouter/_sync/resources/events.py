# Written by scripts/make_sync.py from resources/events.py: change that, then `make sdk`.
"""What happened, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onerouter._options import RequestOptions
from onerouter._request import segment
from onerouter._sync._event_pages import SyncEventPage, poll
from onerouter._sync._events import SyncEventStream, stream
from onerouter._sync._resource import SyncResource
from onerouter.resources._body import present
from onerouter.types.events import Event, EventWithDeliveries, Redelivery

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SyncEvents(SyncResource):
    """What happened, in the order in which it was stored."""

    _of_several_requests = frozenset({"stream"})

    def list(
        self,
        *,
        after: str | None = None,
        types: str | Sequence[str] | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncEventPage[Event]:
        """List events, a page at a time: who goes on with `iterator` misses none and gets none twice.

        Args:
            after: The `iterator` of the page before, or an event's `id`; `now`: from now on. Absent: from the oldest that is
                kept.
            types: Only these: `payment.succeeded`, or `refund.*` for all below a name.
            limit: Most events of one page.
        """
        return poll(self._client, Event, after=after, types=types, limit=limit, options=options)

    def stream(
        self,
        *,
        after: str | None = None,
        types: str | Sequence[str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncEventStream:
        """Events as they come, without an end.

        A connection that breaks is made again and goes on behind the last event; where streams do not get through it
        asks for pages instead. No event comes twice. Keep `event.cursor`: `stream(after=cursor)` goes on behind it.
        Close it, or use it in a `with`, when you stop before your program does.

        Args:
            after: The `cursor` or the `id` of the last event you have, or a page's `iterator`. Absent: from this moment on.
            types: Only these: `payment.succeeded`, or `refund.*` for all below a name.
        """
        return stream(self._client, after=after, types=types, options=options)

    def get(self, event_id: str, **options: Unpack[RequestOptions]) -> EventWithDeliveries:
        """Get an event as it was delivered, and what became of its deliveries."""
        return self._call(EventWithDeliveries, "GET", f"/v1/events/{segment(event_id, 'event_id')}", options=options)

    def redeliver(
        self, event_id: str, *, endpoint_id: str | None = None, **options: Unpack[RequestOptions]
    ) -> Redelivery:
        """Send an event once more, under the same id. What was planned anyway goes on until it is taken.

        Args:
            endpoint_id: Only there. Absent: to each endpoint that is enabled and takes its type.
        """
        return self._call(
            Redelivery,
            "POST",
            f"/v1/events/{segment(event_id, 'event_id')}/redeliver",
            body=present({"endpoint_id": endpoint_id}),
            options=options,
        )
