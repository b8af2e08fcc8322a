"""What is wrong with a policy, field by field. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

from onerouter_common.contracts.base import Category
from onerouter_common.contracts.payments import PaymentMethod
from onerouter_common.contracts.routing import AmountRange, RoutingPolicy, Targets
from onerouter_common.countries import COUNTRIES
from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_common.money import exponent_of
from onerouter_registry.connection.model import Connection
from onerouter_registry.routing.reach import is_covered

_METHODS: Final[Mapping[str, frozenset[str]]] = {"payments": frozenset(get_args(PaymentMethod))}
_MOST_PROBLEMS: Final = 100

Problems = Iterator[FieldError]


def problems_with(
    policy: RoutingPolicy, category: Category, connections: Mapping[str, Connection], providers: frozenset[str]
) -> Sequence[FieldError]:
    """`connections` are all of the tenant's environment, of every category; `providers` those installed of this one."""
    found = Checks(category, connections, providers).of(policy)
    return [problem for problem, _ in zip(found, range(_MOST_PROBLEMS), strict=False)]


class Checks:
    def __init__(self, category: Category, connections: Mapping[str, Connection], providers: frozenset[str]) -> None:
        self._category = category
        self._connections = connections
        self._providers = providers

    def of(self, policy: RoutingPolicy) -> Problems:
        names: dict[str, int] = {}
        for at, rule in enumerate(policy.rules):
            field = f"rules.{at}"
            first = names.setdefault(rule.name, at)
            if first != at:
                yield FieldError(f"{field}.name", f"is the name of rules.{first} too")
            when = rule.when
            yield from self._words(f"{field}.when", when.currency, when.country, when.method)
            yield from _texts(f"{field}.when.channel", when.channel)
            yield from _range(f"{field}.when.amount", when.amount)
            yield from self._targets(field, rule)
        yield from self._unreachable(policy)
        if policy.default is not None:
            yield from self._targets("default", policy.default)
        yield from self._overrides(policy)

    def _overrides(self, policy: RoutingPolicy) -> Problems:
        for provider, override in policy.overrides.items():
            field = f"overrides.{provider}"
            if provider not in self._providers:
                yield FieldError(field, f"is not a provider of {self._category}")
                continue
            for name in ("currencies", "countries", "methods"):
                if getattr(override, name) == ():
                    yield FieldError(f"{field}.{name}", "is empty, which nothing matches; leave it out, or disable it")
            yield from self._words(
                field, override.currencies or (), override.countries or (), override.methods or (), plural=True
            )
            yield from _range(f"{field}.amount", override.amount)
            if override.connection is not None:
                yield from self._connection(f"{field}.connection", override.connection, provider)

    def _targets(self, field: str, targets: Targets) -> Problems:
        if not targets.split and not targets.failover:
            yield FieldError(f"{field}.split", "names no connection, and neither does failover")
        seen: set[str] = set()
        places = [(f"{field}.split.{at}.connection", one.connection) for at, one in enumerate(targets.split)]
        places += [(f"{field}.failover.{at}", connection_id) for at, connection_id in enumerate(targets.failover)]
        for place, connection_id in places:
            if connection_id in seen:
                yield FieldError(place, "is named before")
            seen.add(connection_id)
            yield from self._connection(place, connection_id)

    def _connection(self, field: str, connection_id: str, provider: str | None = None) -> Problems:
        connection = self._connections.get(connection_id)
        if connection is None:
            yield FieldError(field, "is not a connection of this environment")
        elif connection.disconnected_at is not None:
            yield FieldError(field, "is disconnected")
        elif connection.category != self._category:
            yield FieldError(field, f"is a connection for {connection.category}, not for {self._category}")
        elif provider is not None and connection.provider != provider:
            yield FieldError(field, f"is a connection to {connection.provider}, not to {provider}")

    def _words(
        self,
        field: str,
        currencies: Sequence[str],
        countries: Sequence[str],
        methods: Sequence[str],
        *,
        plural: bool = False,
    ) -> Problems:
        currency, country, method = (
            ("currencies", "countries", "methods") if plural else ("currency", "country", "method")
        )
        for at, one in enumerate(currencies):
            if not _is_currency(one):
                yield FieldError(f"{field}.{currency}.{at}", "is not an ISO 4217 currency that money can be held in")
        for at, one in enumerate(countries):
            if one not in COUNTRIES:
                yield FieldError(f"{field}.{country}.{at}", "is not an ISO 3166 country code")
        known = _METHODS.get(self._category, frozenset())
        for at, one in enumerate(methods):
            if one not in known:
                there_are = ", ".join(sorted(known)) or "none"
                yield FieldError(
                    f"{field}.{method}.{at}", f"is not a method of {self._category}; there is: {there_are}"
                )
        for name, words in ((currency, currencies), (country, countries), (method, methods)):
            yield from _texts(f"{field}.{name}", words)

    def _unreachable(self, policy: RoutingPolicy) -> Problems:
        for at, rule in enumerate(policy.rules):
            for before, other in enumerate(policy.rules[:at]):
                if is_covered(rule.when, other.when) and self._serves(rule) <= self._serves(other):
                    yield FieldError(f"rules.{at}.when", f"is never reached: rules.{before} takes all that matches it")
                    break

    def _serves(self, targets: Targets) -> set[str]:
        """A rule is passed over for who asks for a provider it has not, so rules are compared by their providers too."""
        named = {*(one.connection for one in targets.split), *targets.failover}
        return {self._connections[one].provider for one in named if one in self._connections}


def _texts(field: str, words: Sequence[str]) -> Problems:
    for at, word in enumerate(words):
        if word in words[:at]:
            yield FieldError(f"{field}.{at}", "is listed twice")


def _range(field: str, wanted: AmountRange | None) -> Problems:
    if wanted is None:
        return
    if wanted.min is None and wanted.max is None:
        yield FieldError(field, "needs min or max")
    elif wanted.min is not None and wanted.max is not None and wanted.min > wanted.max:
        yield FieldError(f"{field}.max", "is less than min")


def _is_currency(code: str) -> bool:
    try:
        exponent_of(code)
    except InvalidRequest:
        return False
    return True
