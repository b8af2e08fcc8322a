"""What is decided about, and what is chosen from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.routing.decision import Decision


@dataclass(frozen=True, slots=True)
class Facts:
    """What an operation says of itself that rules can ask for. None: it does not say."""

    currency: str | None = None
    amount: Decimal | None = None
    """Major units."""
    country: str | None = None
    """Of the customer; ISO 3166 alpha-2."""
    method: str | None = None
    channel: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """One operation, as far as its route is concerned."""

    capability: str
    facts: Facts = NO_FACTS
    provider: str | None = None
    """Asked for by name."""
    ordering_key: str | None = None
    """Decides where in a split it falls, the same at each try. None (to explain): where most of them fall."""
    providers: tuple[str, ...] = ()
    """Only connections of these, those of the earlier first. Empty: of any. `provider` outweighs it."""

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The providers that may take it, the best first; empty: any."""
        return self.providers if self.provider is None else (self.provider,)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connection that could be taken."""

    connection_id: str
    provider: str
    enabled: bool = True
    switched_off: bool = False
    """The operator keeps new operations from its provider, or from the category."""
    capabilities: frozenset[str] | None = None
    """None: the provider is not installed in this process."""
    currencies: frozenset[str] | None = None
    """None: the provider decides."""
    instead: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By capability it lacks: a sentence for the caller about what to do instead."""

    @property
    def takes_new(self) -> bool:
        return self.enabled and not self.switched_off


@dataclass(frozen=True, slots=True)
class Route:
    """A tenant's choice of connections in one environment and category."""

    candidates: tuple[Candidate, ...]
    """In order of priority, also those that take no new operation now. What is disconnected is none."""
    policy: RoutingPolicy | None = None
    suspended: bool = False
    """The tenant is: nothing new may be begun."""
    remembered: dict[tuple[str, tuple[str, ...], str | None], Decision] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Decisions without a policy, by capability, providers asked for and currency (`decide_for`)."""
