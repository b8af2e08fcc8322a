"""What processes tell each other of circuits. A circuit that is not told of is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from onerouter_common.worker.circuit.rule import Open


class SharedAway(Exception):
    """Nobody can be told now; each process goes by what it sees itself."""


@dataclass(frozen=True, slots=True)
class Told:
    """An open circuit as it is shared."""

    provider: str
    circuit: Open


@dataclass(frozen=True, slots=True)
class Change:
    """Of one connection's circuit: applied if nobody has changed it since `version`."""

    connection_id: str
    version: int
    """0: nothing is shared of it."""
    told: Told | None
    """None: it is closed."""
    keep_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    now: float
    """Seconds, by the clock of all."""
    head: int
    """Version of the newest change; smaller than before: all was lost."""
    read_to: int
    """Up to which version `news` reaches."""
    kept: Mapping[str, int]
    """The new version of each change that was applied."""
    news: Mapping[str, tuple[int, Told | None]]
    """What has changed since the version asked from: its version, and what it is now."""


class Shared(Protocol):
    async def exchange(self, since: int, changes: Sequence[Change]) -> Answer:
        """Tell and hear, in one round trip. Raises SharedAway."""
        ...


_TOLD: TypeAdapter[Told] = TypeAdapter(Told)


def encode(told: Told) -> str:
    return _TOLD.dump_json(told).decode()


def decode(text: str | bytes) -> Told | None:
    """None: of a version that we do not know. Then this process goes by what it sees itself."""
    try:
        return _TOLD.validate_json(text)
    except ValidationError:
        return None
