"""What is different from one kind of resource to the next. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

if TYPE_CHECKING:  # a kind shows resources, and a resource has a kind
    from onerouter_payments.resource.state import Resource

FIRST_POLL: Final = timedelta(minutes=1)
_LIVE: Final = 1
"""The weight of a status that is neither the beginning nor the end, and of facts told without a status."""


def _nobody_asks(client: Any, resource: "Resource") -> Any:  # noqa: ARG001
    raise LookupError(f"a {resource.kind.name} is told of by callbacks alone")


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of resource. There is one object of each: they are compared by identity."""

    name: str
    """`subscription`: names its operations, events and the objects of callbacks."""
    prefix: str
    """Of its ids."""
    weights: Mapping[str, int]
    """Every status by its weight; of one weight, the later in this order wins a tie."""
    view: "Callable[[Resource], dict[str, JsonValue]]"
    get: "Callable[[Any, Resource], Any]" = _nobody_asks
    """`(client, resource)`: the provider's read of it, a ResourceSnapshot to await. Absent: it is never polled."""
    final: frozenset[str] = frozenset()
    """Statuses that nothing leaves any more."""
    polled: frozenset[str] = frozenset()
    """Statuses that the provider will leave: asked about when no callback comes."""
    quiet: frozenset[str] = frozenset()
    """Of these, those in which silence is ordinary (a payer went away): giving up on them alarms nobody."""
    events: Mapping[str | tuple[str, str], str] = field(default_factory=dict)
    """The event that a change to this status is, or a change from the first to the second; others are `….updated`."""
    next_look: "Callable[[Resource], datetime | None] | None" = None
    """When the provider should have called back about something that is not polled otherwise."""
    implied: "Callable[[Resource], tuple[str, datetime] | None] | None" = None
    """A status that follows from its facts, and since when, where providers do not tell of it."""
    alias: str | None = None
    """Name of what the tenant asked for that it is also found by."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Query parameter → column, for lists."""

    @property
    def is_read(self) -> bool:
        """Whether the provider can be asked how it stands."""
        return self.get is not _nobody_asks

    def knows(self, status: str) -> bool:
        return status in self.weights

    def weight(self, status: str) -> int:
        return self.weights.get(status, _LIVE)

    @property
    def first(self) -> str:
        """What it is once the provider has it, where no more is known."""
        return next(status for status, weight in self.weights.items() if weight >= 0)

    def place(self, status: str) -> int:
        return list(self.weights).index(status)

    def poll_at(self, resource: "Resource", at: datetime) -> datetime | None:
        """When to ask about it next, given how it stands now."""
        if resource.status in self.polled and resource.is_at_provider:
            return at + FIRST_POLL
        return None if self.next_look is None else self.next_look(resource)

    def event_of(self, before: str, after: str) -> str | None:
        return self.events.get((before, after)) or self.events.get(after)


def statuses(*steps: str | tuple[str, ...], unmade: bool = True) -> dict[str, int]:
    """Weights: each step weighs more than the one before; those of one step come and go.

    `unmade` puts in front what every resource is before the provider's first word: `pending`, and `failed` when it refused.
    """
    ladder: list[tuple[str, ...]] = [step if isinstance(step, tuple) else (step,) for step in steps]
    weights = {"pending": -2, "failed": -1} if unmade else {}
    return weights | {status: weight for weight, step in enumerate(ladder) for status in step}
