"""What a tenant decides about which connection an operation takes: kept by the registry, followed by the workers.

One policy a tenant, environment and category. The first rule whose conditions all match decides; where none does the
default; where there is none the connections in their order of priority. Bounds and references to connections are checked
where a policy is written (the registry); what is read here is only of the right shape.
"""

from decimal import Decimal

from pydantic import ConfigDict, Field

from onerouter_common.contracts.base import Contract


class AmountRange(Contract):
    """Major units of whatever currency the operation is in; both ends included, an absent end is open."""

    min: Decimal | None = None
    max: Decimal | None = None


class Conditions(Contract):
    """All that are given must match; of a list one value must. What the operation does not say matches no condition."""

    # Kept, not dropped: a rule with a condition this version does not know must match nothing, rather than too much.
    model_config = ConfigDict(extra="allow")

    currency: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    """ISO 3166 alpha-2, of the customer."""
    amount: AmountRange | None = None
    method: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    """Whatever words the tenant uses: web, app, pos, …"""
    metadata: dict[str, str] = {}
    """Each of these must be in the operation's metadata, with this very value."""


class WeightedConnection(Contract):
    connection: str
    weight: int = Field(ge=1)
    """Its share is this of the sum of the split's weights."""


class Targets(Contract):
    """Where operations go: one of the split by weight, then the rest of the split, then the failover in this order."""

    split: tuple[WeightedConnection, ...] = ()
    failover: tuple[str, ...] = ()


class RoutingRule(Targets):
    name: str
    when: Conditions = Conditions()
    """Nothing given: matches every operation."""


class ProviderOverride(Contract):
    """What a tenant lets a provider take, whichever rule decides. Absent: whatever the provider itself takes."""

    enabled: bool = True
    currencies: tuple[str, ...] | None = None
    countries: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    amount: AmountRange | None = None
    connection: str | None = None
    """The one that is used when a request names the provider."""


class RoutingPolicy(Contract):
    version: int = 0
    """Grows with each change."""
    rules: tuple[RoutingRule, ...] = ()
    default: Targets | None = None
    """Absent: the connections in their order of priority."""
    overrides: dict[str, ProviderOverride] = {}
    """By provider."""

    @property
    def is_empty(self) -> bool:
        """It says nothing: the order of priority decides."""
        return not self.rules and self.default is None and not self.overrides
