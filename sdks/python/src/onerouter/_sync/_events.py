# Written by scripts/make_sync.py from _events.py: change that, then `make sdk`.
"""Events as they come."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from onerouter._answer import Answer, build, error_of
from onerouter._errors import APIConnectionError, APIError, OneRouterError
from onerouter._object import Object
from onerouter._options import RequestOptions, check_names, refuse_key
from onerouter._request import build as build_call
from onerouter._retry import backoff_s, may_repeat
from onerouter._sse import Decoder, Frame, FrameTooLarge
from onerouter._sync._event_pages import SyncEventPages
from onerouter.types.events import Event

if TYPE_CHECKING:
    from typing_extensions import Self

    from onerouter._sync._base import SyncBase

_STREAM: Final = "/v1/events/stream"
_MEDIA_TYPE: Final = "text/event-stream"
_PAGE: Final = 100
_SILENCE_S: Final = 45.0
"""Three heartbeats without one: the other end is gone."""
_POLL_S: Final = 2.0
_FRUITLESS: Final = 2
"""So many streams in a row that brought nothing, not even their first line, and pages are asked for instead."""
_POLLING_S: Final = 60.0
"""After which a stream is tried again."""
_NO_STREAMS: Final = frozenset({404, 405, 406, 415, 501})
_REMEMBERED: Final = 10_000
"""Ids of events that were read, of which none is told twice."""


class StreamedEvent(Event):
    """An event, and the place behind it."""

    cursor: str
    """Where to go on: `stream(after=event.cursor)` begins with the event after this one."""


def stream(
    client: SyncBase,
    *,
    after: str | None = None,
    types: str | Sequence[str] | None = None,
    options: RequestOptions | None = None,
) -> SyncEventStream:
    """Events as they come; `after` is a cursor or `iterator`, absent: from this moment on."""
    return SyncEventStream(client, after=after, types=types, options=options)


class SyncEventStream:
    """Events as they come, without an end: it reconnects, and goes on behind the last one.

    Where streams do not get through it asks for pages instead. No event comes twice. A refusal that repeating cannot
    change (a key that may not, say) is raised. `close` it, or use it in a `with`, when you stop before your program does.
    """

    def __init__(
        self,
        client: SyncBase,
        *,
        after: str | None,
        types: str | Sequence[str] | None,
        options: RequestOptions | None,
    ) -> None:
        self._client = client
        self._types = types
        self._options = options
        check_names(options or {})
        refuse_key(options or {})
        self._after = None if after == "now" else after
        self._seen: set[str] = set()
        self._order: deque[str] = deque()
        self._decoder = Decoder()
        self._fruitless = 0
        self._failures = 0
        self._poll_until: float | None = None
        self._events = self._read()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamedEvent:
        return self._events.__next__()

    def close(self) -> None:
        """Ends it: the next one asked for is none."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    @property
    def cursor(self) -> str | None:
        """Behind what was read so far. None: nothing has been heard of yet."""
        return self._after

    def _read(self) -> Generator[StreamedEvent, None, None]:
        while True:
            polls = self._poll_until is not None and monotonic() < self._poll_until
            try:
                with closing(self._paged() if polls else self._streamed()) as events:
                    for event in events:
                        yield event
            except OneRouterError as error:
                self._note(error, polls=polls)
                asked_for = error.retry_after or self._decoder.retry_s or 0.0
                wait = max(backoff_s(self._failures - 1, random.random()), min(asked_for, 60.0))  # noqa: S311
                self._client._log.warning("events: %s; again in %.1f s", type(error).__name__, wait)
                self._client._sleep(wait)
            else:
                if polls:
                    self._client._sleep(_POLL_S)

    def _streamed(self) -> Generator[StreamedEvent, None, None]:
        """Until the server ends it. Raises OneRouterError."""
        call = build_call(
            "GET",
            _STREAM,
            body=None,
            query={"after": self._after, "types": self._types},
            options=self._options or {},
            defaults=self._client._defaults,
        )
        call.headers["Accept"] = _MEDIA_TYPE
        if self._after is not None:
            call.headers["Last-Event-ID"] = self._after
        self._fruitless += 1
        self._decoder = Decoder()
        with self._client._transport.open(call, call.headers, _SILENCE_S) as (status, headers, pieces):
            if status != 200:
                content = b"".join([piece for piece in pieces])
                raise error_of(Answer(status, headers, content), has_effect=False)
            if not headers.get("content-type", "").startswith(_MEDIA_TYPE):
                raise _no_stream()
            for piece in pieces:
                for frame in self._frames(piece):
                    self._fruitless = self._failures = 0
                    event = self._taken(frame)
                    if event is not None:
                        yield event
        raise APIConnectionError("The stream ended.")

    def _frames(self, piece: bytes) -> Iterator[Frame]:
        try:
            yield from self._decoder.feed(piece)
        except FrameTooLarge:
            raise APIConnectionError("The stream sent an event that is too large.") from None

    def _taken(self, frame: Frame) -> StreamedEvent | None:
        """None: only a place, or an event that was told before."""
        event = None
        if frame.data is not None:
            try:
                event = self._new(json.loads(frame.data), frame.id)
            except ValueError:
                raise APIConnectionError("The stream sent an event that cannot be read.") from None
        if frame.id is not None:
            self._after = frame.id
        return event

    def _new(self, fields: Any, cursor: str | None) -> StreamedEvent | None:
        """Raises ValueError for what is no event."""
        if not isinstance(fields, dict) or not isinstance(fields.get("id"), str):
            raise ValueError  # noqa: TRY004  (it is the JSON that is wrong)
        name = fields["id"]
        if name in self._seen:
            return None
        self._seen.add(name)
        self._order.append(name)
        if len(self._order) > _REMEMBERED:
            self._seen.discard(self._order.popleft())
        event = build(StreamedEvent, fields)
        event["cursor"] = cursor or self._after
        return event

    def _paged(self) -> Generator[StreamedEvent, None, None]:
        """What there is now. Raises OneRouterError."""
        pages = SyncEventPages(self._client, Object, {"types": self._types, "limit": _PAGE}, self._options)
        done = False
        while not done:
            page = pages.page("now" if self._after is None else self._after)
            self._failures = 0
            for fields in page.data:
                # A page tells no places but its end; the id of an event stands for the place behind it.
                event = self._new(dict(fields), fields.get("id"))
                if event is not None:
                    self._after = event["cursor"]
                    yield event
            self._after = page.iterator
            done = page.done

    def _note(self, error: OneRouterError, *, polls: bool) -> None:
        """Raises the error when trying again cannot help."""
        self._failures += 1
        if polls:
            if not may_repeat(error):
                raise error
            return
        if isinstance(error, APIError) and error.status_code not in _NO_STREAMS and not may_repeat(error):
            raise error
        never = isinstance(error, APIError) and error.status_code in _NO_STREAMS
        if never or self._fruitless >= _FRUITLESS:
            self._poll_until = monotonic() + _POLLING_S
            self._fruitless = self._failures = 0


def _no_stream() -> APIError:
    return APIError("What answered does not stream.", status_code=406)
