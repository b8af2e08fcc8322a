"""Server-sent events out of bytes. Pure. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one event: more is no event of ours."""


class Frame(NamedTuple):
    """`id` is where the reader stands behind it. A frame without `data` only says so."""

    id: str | None
    data: str | None


class FrameTooLarge(Exception):
    """Whoever sends this is not our server."""


class Decoder:
    """Fed with what arrives, in whatever pieces."""

    def __init__(self) -> None:
        self.retry_s: float | None = None
        """How long the server wants a reader to wait before it comes back."""
        self._rest = b""
        self._id: str | None = None
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Raises FrameTooLarge. What is not complete is kept for the next piece, and lost with the connection."""
        lines = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        self._rest = lines.pop()
        self._size += len(piece)
        for line in lines:
            if line:
                self._take(line.decode("utf-8", "replace"))
                continue
            if self._id is not None or self._data:
                yield Frame(self._id, "\n".join(self._data) if self._data else None)
            self._id, self._data, self._size = None, [], len(self._rest)
        if self._size > MOST_BYTES:
            raise FrameTooLarge

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdigit() and len(value) < 7:
            self.retry_s = int(value) / 1000
