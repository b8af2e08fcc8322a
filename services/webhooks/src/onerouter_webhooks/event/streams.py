"""Events as they come (server-sent events): each reader reads from the database at its own pace."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from onerouter_common.db.availability import is_away
from onerouter_common.errors import Overloaded
from onerouter_common.web.internal import TenantContext
from onerouter_common.web.streaming import Stream
from onerouter_webhooks.event.access import EventAccess, EventPage
from onerouter_webhooks.event.cursor import Position, cursor_of
from onerouter_webhooks.event.feed import EventFeed
from onerouter_webhooks.event.reading import ReadEvent, Wanted

log = structlog.get_logger()

MEDIA_TYPE: Final = "text/event-stream"
_PAGE: Final = 20
"""Events held for one reader at most: with those of 20 kB it is 400 kB."""
_RETRY_MS: Final = 2_000
_RETRY_AFTER_S: Final = 5.0
_SOONEST_S: Final = 0.02
_LATEST_S: Final = 2.0
"""How long a reader waits at most for what nobody told it of."""
_LOOK_UP_S: Final = 1.0
"""How often it is asked whether the process is to stop."""


@dataclass(frozen=True, slots=True)
class Pace:
    heartbeat_s: float = 15.0
    stall_s: float = 30.0
    """A reader that takes nothing for so long is cut off."""


class EventStreams:
    """At most `most` at once in this process."""

    def __init__(
        self, access: EventAccess, feed: EventFeed, *, most: int, is_draining: Callable[[], bool], pace: Pace
    ) -> None:
        self._access = access
        self._feed = feed
        self._most = most
        self._is_draining = is_draining
        self._pace = pace
        self.open = 0

    def stream(self, owner: TenantContext, after: Position, wanted: Wanted) -> Stream:
        """The answer. Raises Overloaded when there are too many."""
        if self.open >= self._most:
            raise Overloaded("There are too many event streams here. Try again.", retry_after_s=_RETRY_AFTER_S)
        self.open += 1
        return Stream(
            self.frames(owner, after, wanted),
            media_type=MEDIA_TYPE,
            stall_s=self._pace.stall_s,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            on_end=self._ended,
        )

    def _ended(self) -> None:
        self.open -= 1

    async def frames(self, owner: TenantContext, after: Position, wanted: Wanted) -> AsyncGenerator[bytes, None]:
        """The first names the place it begins at, so that who is cut off at once misses nothing either."""
        yield f"retry: {_RETRY_MS}\nid: {cursor_of(after)}\n\n".encode()
        beats_at = monotonic() + self._pace.heartbeat_s
        wait_s = _SOONEST_S
        with self._feed.listening(owner.tenant_id, owner.environment) as bell:
            while not self._is_draining():
                rung = bell.is_set()
                bell.clear()
                page = await self._page(owner, after, wanted)
                if page is not None and page.events:
                    for event in page.events:
                        yield frame_of(event)
                    beats_at = monotonic() + self._pace.heartbeat_s
                if page is not None:
                    after = page.position
                    if not page.done:
                        if monotonic() >= beats_at:
                            # Much was looked at and nothing of it is wanted: who comes back need not go through it again.
                            yield b":hb\nid: %b\n\n" % cursor_of(after).encode()
                            beats_at = monotonic() + self._pace.heartbeat_s
                        continue
                # What was told of may still be held up by an older transaction: it is looked for again, ever later.
                wait_s = _SOONEST_S if rung else min(wait_s * 2, _LATEST_S)
                is_told = self._feed.is_live and page is not None and not page.is_held_up
                until = monotonic() + (self._pace.heartbeat_s if is_told else wait_s)
                while not bell.is_set() and monotonic() < until and not self._is_draining():
                    await _wait(bell, min(until, beats_at) - monotonic())
                    if monotonic() >= beats_at:
                        yield b":hb\n\n"
                        beats_at = monotonic() + self._pace.heartbeat_s

    async def _page(self, owner: TenantContext, after: Position, wanted: Wanted) -> EventPage | None:
        """None: the database is away, and is asked again."""
        try:
            return await self._access.page(owner, after, wanted, _PAGE)
        except Exception as error:
            if not is_away(error):
                raise
            log.info("events.stream.waits", why=type(error).__name__)
            return None


def frame_of(event: ReadEvent) -> bytes:
    """The body is one line: JSON has no line break that is not escaped."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor_of(event.position).encode(), event.type.encode(), event.body)


async def _wait(bell: asyncio.Event, most_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, min(most_s, _LOOK_UP_S))):
            await bell.wait()
