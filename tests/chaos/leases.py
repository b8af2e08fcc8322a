"""Who held which delivery when. Triggers note every lease in the queue's own transactions, logs say which process an owner
was, and the havoc when that died: so each repeat is either explained by one lease, or a broken promise.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

STARTED: Final = "deliveries.started"
"""The line in which a process says as whom it leases."""
_WRITTEN_WITHIN: Final = timedelta(seconds=5)
"""Of the database's return: a result that could not be written is tried again at least every two seconds."""

# `let go`: the lease was taken from its owner, who has said nothing of what came of it.
INSTALL: Final = """
CREATE SCHEMA witness;
CREATE TABLE witness.leases (
  event_id text NOT NULL, endpoint_id text NOT NULL, owner text NOT NULL, lease_until timestamptz NOT NULL,
  how text NOT NULL, at timestamptz NOT NULL
);
CREATE FUNCTION witness.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP <> 'DELETE' AND NEW.state = 1 THEN
    INSERT INTO witness.leases
    VALUES (NEW.event_id, NEW.endpoint_id, NEW.owner, NEW.lease_until, 'taken', clock_timestamp());
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.state = 1 AND NEW.attempts = OLD.attempts THEN
    INSERT INTO witness.leases
    VALUES (OLD.event_id, OLD.endpoint_id, OLD.owner, OLD.lease_until, 'let go', clock_timestamp());
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_new AFTER INSERT ON delivery_queue FOR EACH ROW WHEN (NEW.state = 1) EXECUTE FUNCTION witness.note();
CREATE TRIGGER note_change AFTER UPDATE ON delivery_queue FOR EACH ROW EXECUTE FUNCTION witness.note();
"""
_LET_GO: Final = "SELECT event_id, endpoint_id, owner, lease_until, at FROM witness.leases WHERE how = 'let go'"
_OWNERS: Final = "SELECT DISTINCT owner FROM witness.leases"
_TAKEN: Final = "SELECT count(*) FROM witness.leases WHERE how = 'taken'"


@dataclass(slots=True)
class Deaths:
    """What the havoc did, by the clock that the database and the logs have, too."""

    processes: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    without_database: list[tuple[datetime, datetime]] = field(default_factory=list)

    def of(self, name: str, started_at: datetime) -> datetime | None:
        """When the process that started then was killed; None: it lives."""
        return min((at for at in self.processes[name] if at >= started_at), default=None)

    def kept_from_writing(self, lease_until: datetime) -> bool:
        """Whether a living process could not say before the end of its lease what came of it."""
        return any(began <= lease_until <= ended + _WRITTEN_WITHIN for began, ended in self.without_database)


@dataclass(frozen=True, slots=True)
class Explained:
    """What the leases tell of repeats."""

    taken: int
    """Leases in all."""
    let_go: Counter[tuple[str, str]]
    """Event and endpoint → leases that ended with their process, or while the database was away."""
    unknown: Sequence[str]
    """Owners that no process was."""


async def install(admin_dsn: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(INSTALL)
    finally:
        await connection.close()


async def explain(
    connection: "asyncpg.Connection[asyncpg.Record]", logs: Mapping[str, Path], deaths: Deaths
) -> Explained:
    """`logs`: process → its log, over all its lives."""
    died = {
        owner: deaths.of(name, started_at) for name, log in logs.items() for owner, started_at in owners_of(_lines(log))
    }
    owners = {row["owner"] for row in await connection.fetch(_OWNERS)}
    let_go = Counter(
        (row["event_id"], row["endpoint_id"])
        for row in await connection.fetch(_LET_GO)
        if is_explained(died.get(row["owner"]), row["lease_until"], row["at"], deaths)
    )
    return Explained(int(await connection.fetchval(_TAKEN)), let_go, sorted(owners - died.keys()))


def is_explained(died_at: datetime | None, lease_until: datetime, at: datetime, deaths: Deaths) -> bool:
    """Whether a lease that was taken from its owner at `at` may have been a request that nobody knows the answer of."""
    return (died_at is not None and died_at <= at) or deaths.kept_from_writing(lease_until)


def owners_of(lines: Iterable[str]) -> list[tuple[str, datetime]]:
    """As whom a process leased in each of its lives, and since when."""
    told = (json.loads(line) for line in lines if f'"{STARTED}"' in line)
    return [(line["owner"], datetime.fromisoformat(line["timestamp"])) for line in told]


def _lines(log: Path) -> Iterator[str]:
    with log.open(errors="replace") as lines:
        yield from lines


def now() -> datetime:
    return datetime.now(UTC)
