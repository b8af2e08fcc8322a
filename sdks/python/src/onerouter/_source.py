"""Where an upload's bytes come from: read piece by piece, so that never more than one piece is held."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol


class Readable(Protocol):
    """A file, opened in binary mode, or whatever reads like one."""

    def read(self, size: int, /) -> bytes: ...


From = bytes | bytearray | memoryview | str | os.PathLike[str] | Readable | Iterable[bytes]
"""The bytes; the path of a file; an open file; or pieces of any size."""


class Source:
    """Reads, and waits for the disk. `size` is what is left to read; None: nobody knows."""

    def __init__(self, of: From) -> None:
        """Raises OSError for a file that cannot be read, TypeError for what is no source of bytes."""
        self._own: BinaryIO | None = None
        self._reader: Readable
        self.size: int | None = None
        if isinstance(of, (bytes, bytearray, memoryview)):
            self._reader = Pieces(iter([bytes(of)]))
            self.size = len(bytes(of))
        elif isinstance(of, (str, os.PathLike)):
            self._reader = self._own = Path(of).open("rb")  # noqa: SIM115 - closed with the source
            self.size = os.fstat(self._own.fileno()).st_size
        elif hasattr(of, "read"):
            self._reader = of  # type: ignore[assignment]  # it reads, so it is one
            self.size = _left(self._reader)
        elif isinstance(of, Iterable):
            self._reader = Pieces(iter(of))
        else:
            raise TypeError(
                f"A {type(of).__name__} is no source of bytes: give bytes, a path, a file or pieces of bytes."
            )

    def read(self, size: int) -> bytes:
        """So many bytes, fewer only at the end. Raises TypeError for text."""
        found = bytearray()
        while len(found) < size:
            piece = checked(self._reader.read(size - len(found)))
            if not piece:
                break
            found += piece
        return bytes(found)

    def close(self) -> None:
        """What was opened here."""
        if self._own is not None:
            self._own.close()


class Pieces:
    """Pieces of any size, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = checked(piece)
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def beside(path: Path) -> Path:
    """A new file in the same directory, which nobody else has a name for."""
    return path.with_name(f"{path.name[:48]}.{secrets.token_hex(8)}.part")


def checked(piece: object) -> bytes:
    """Raises TypeError for what is no bytes: of a number, as many zeros would be made."""
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"Only bytes can be uploaded, not {type(piece).__name__}: open a file in binary mode.")
    return bytes(piece)


def _left(of: Readable) -> int | None:
    """Of a file that can be wound."""
    try:
        here = of.tell()  # type: ignore[attr-defined]
        end = of.seek(0, os.SEEK_END)  # type: ignore[attr-defined]
        of.seek(here)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None
    return int(end) - int(here) if isinstance(end, int) and isinstance(here, int) else None
