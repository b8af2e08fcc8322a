"""Optional persistence: a write-behind journal of the sandbox's objects in one SQLite file.

Objects live in memory; a change only marks the object, and a task writes the marked ones every moment in one
transaction. A crash loses at most that moment, which is fine for a simulator and costs the request path nothing.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

log = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (provider, kind, id))
"""
# An update keeps `seq`, so that objects are read back in the order in which they were made.
_SAVE: Final = """
INSERT INTO records (provider, kind, id, body) VALUES (?, ?, ?, ?)
ON CONFLICT (provider, kind, id) DO UPDATE SET body = excluded.body
"""
_DROP: Final = "DELETE FROM records WHERE provider = ? AND kind = ? AND id = ?"
_LOAD: Final = "SELECT body FROM records WHERE provider = ? AND kind = ? ORDER BY seq"


class Recordable(Protocol):
    """Anything that can be written down; `record` is read when the batch is written, not when it is marked."""

    def record(self) -> dict[str, Any]: ...


class Journal:
    """Remembers objects in a file, or, without a file, does nothing."""

    def __init__(self, path: Path | None, *, flush_s: float = 0.2) -> None:
        self._flush_s = flush_s
        self._dirty: dict[tuple[str, str, str], Recordable | None] = {}
        self._db: sqlite3.Connection | None = None if path is None else _open(path)

    def mark(self, provider: str, kind: str, object_id: str, thing: Recordable) -> None:
        """Have this object's state written with the next batch."""
        if self._db is not None:
            self._dirty[provider, kind, object_id] = thing

    def drop(self, provider: str, kind: str, object_id: str) -> None:
        """Have this object forgotten with the next batch."""
        if self._db is not None:
            self._dirty[provider, kind, object_id] = None

    def load(self, provider: str, kind: str) -> Iterator[dict[str, Any]]:
        """Every saved object of a kind, oldest first."""
        if self._db is None:
            return
        for (body,) in self._db.execute(_LOAD, (provider, kind)).fetchall():
            yield json.loads(body)

    async def run(self) -> None:
        """Write batches until cancelled; `close` writes the last one."""
        while self._db is not None:
            await asyncio.sleep(self._flush_s)
            if self._dirty:
                await self._write_batch()

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._db is not None:
            self._write(*self._take())
            self._db.close()
            self._db = None

    async def _write_batch(self) -> None:
        batch = self._dirty
        # Serialized here, where nothing can change under us; written on a thread, as a disk may be slow.
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, *self._take()))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing  # a thread cannot be cancelled, and `close` must not meet it
            raise
        except sqlite3.Error:
            log.exception("journal.write.failed objects=%d", len(batch))
            self._dirty = batch | self._dirty  # again with the next batch

    def _take(self) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str]]]:
        dirty, self._dirty = self._dirty, {}
        saves = [(*key, json.dumps(thing.record())) for key, thing in dirty.items() if thing is not None]
        return saves, [key for key, thing in dirty.items() if thing is None]

    def _write(self, saves: list[tuple[str, str, str, str]], drops: list[tuple[str, str, str]]) -> None:
        if self._db is not None:
            with self._db:
                self._db.executemany(_SAVE, saves)
                self._db.executemany(_DROP, drops)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # it holds the accounts' test secrets
    # The writer thread and the closing one never run at the same time: close comes after run has ended.
    db = sqlite3.connect(path, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_SCHEMA)
    return db
