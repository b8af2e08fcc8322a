"""Server-sent events out of the bytes of an answer. Pure, and what it holds is bounded.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read August 2026). A lone
CR, which ends a line there as well, is not taken for an end: our API never sends one.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_BYTES: Final = 1024 * 1024
"""Of one event. Ours are below 20 kB."""
_LONGEST_RETRY_S: Final = 60.0


class TooLarge(Exception):
    """What comes is no stream of events: none is that large."""


class Told(NamedTuple):
    """One block of the stream."""

    cursor: str
    """Who asks with it goes on right behind this block."""
    type: str
    body: bytes | None
    """The event; None: nothing but a place."""


class Frames:
    """Of one connection: what came of a block when it broke is forgotten with it."""

    def __init__(self) -> None:
        self.retry_s: float | None = None
        """How long the API asks to wait before coming back."""
        self._cursor = ""
        self._rest = b""
        self._begin()

    def feed(self, chunk: bytes) -> Iterator[Told]:
        """The blocks that are complete with it. Raises TooLarge."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if (told := self._line(line.removesuffix(b"\r"))) is not None:
                yield told
        if len(self._rest) + self._held > MOST_BYTES:
            raise TooLarge

    def _begin(self) -> None:
        self._id: str | None = None
        self._type = ""
        self._data: list[bytes] = []
        self._held = 0

    def _line(self, line: bytes) -> Told | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        self._held += len(line)
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry_s = min(int(value[:9]) / 1000, _LONGEST_RETRY_S)
        return None

    def _end(self) -> Told | None:
        has_place, data, type_ = self._id is not None, self._data, self._type
        self._cursor = self._cursor if self._id is None else self._id
        self._begin()
        if not data and not has_place:
            return None
        return Told(self._cursor, type_, b"\n".join(data) if data else None)
