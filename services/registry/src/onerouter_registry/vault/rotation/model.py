"""What a rotation works on, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from onerouter_common.contracts.base import Environment
from onerouter_registry.vault.model import Purpose


class Stage(StrEnum):
    """In the order they are done; the first three only with re-encryption."""

    PEOPLE = "second factors"
    CONNECTIONS = "connections"
    CALLBACK_TOKENS = "callback addresses"
    DATA_KEYS = "data keys"
    PEOPLES_KEYS = "people's data keys"


Progress = Callable[[Stage, int], None]
"""Called after each batch with how many it was."""


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row with sealed values: all of a connection's, or its one callback token."""

    id: str
    tenant_id: str
    environment: Environment
    connection_id: str
    fields: Mapping[Purpose, Mapping[str, str]]

    @property
    def owner(self) -> tuple[str, str]:
        return self.tenant_id, self.environment


@dataclass(frozen=True, slots=True)
class SealedPerson:
    """A person's data key and what it seals."""

    id: str
    wrapped: str
    sealed: str


@dataclass(slots=True)
class Outcome:
    """What was done in one environment."""

    done: dict[Stage, int] = field(default_factory=dict)
    deleted: int = 0
    """Data keys that nothing is sealed with any more."""
    resumed: bool = False
    """An earlier re-encryption was brought to its end; no other was begun."""
    busy: int = 0
    """Rows that others held all the time; another run takes them."""
    lost: list[str] = field(default_factory=list)
    """What does not open, and why: left as it is."""

    def count(self, stage: Stage, number: int) -> None:
        self.done[stage] = self.done.get(stage, 0) + number


def unseen(stage: Stage, number: int) -> None:
    """The progress nobody watches."""
