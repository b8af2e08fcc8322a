"""What holds of every decision, whatever a tenant configures and asks."""

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.contracts.routing import (
    AmountRange,
    Conditions,
    ProviderOverride,
    RoutingPolicy,
    RoutingRule,
    Targets,
    WeightedConnection,
)
from onerouter_common.routing.decide import decide, decide_for
from onerouter_common.routing.route import Candidate, Facts, Route, RoutingRequest
from onerouter_common.routing.split import in_turn

PROVIDERS = ("alpha", "beta", "gamma")
CONNECTIONS = tuple(f"con_{number}" for number in range(6))
WORDS = ("a", "b", "c")
CAPABILITIES = ("payment.create", "refund.create")

providers = st.sampled_from(PROVIDERS)
connections = st.sampled_from(CONNECTIONS)
words = st.lists(st.sampled_from(WORDS), max_size=2).map(tuple)
pairs = st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=2)
amounts = st.none() | st.decimals(0, 10**9, places=2)
ranges = st.none() | st.builds(AmountRange, min=amounts, max=amounts)

splits = st.lists(st.builds(WeightedConnection, connection=connections, weight=st.integers(1, 1000)), max_size=4).map(
    tuple
)
failovers = st.lists(connections, max_size=4).map(tuple)
conditions = st.builds(
    Conditions,
    currency=words,
    country=words,
    method=words,
    channel=words,
    amount=ranges,
    metadata=pairs,
)
rules = st.builds(RoutingRule, name=st.text(max_size=9), when=conditions, split=splits, failover=failovers)
overrides = st.builds(
    ProviderOverride,
    enabled=st.booleans(),
    currencies=st.none() | words,
    countries=st.none() | words,
    methods=st.none() | words,
    amount=ranges,
    connection=st.none() | connections,
)
policies = st.none() | st.builds(
    RoutingPolicy,
    version=st.integers(1, 99),
    rules=st.lists(rules, max_size=4).map(tuple),
    default=st.none() | st.builds(Targets, split=splits, failover=failovers),
    overrides=st.dictionaries(providers, overrides, max_size=3),
)
some = st.none() | st.sampled_from(WORDS)
facts = st.builds(Facts, currency=some, amount=amounts, country=some, method=some, channel=some, metadata=pairs)
requests = st.builds(
    RoutingRequest,
    capability=st.sampled_from(CAPABILITIES),
    facts=facts,
    provider=st.none() | providers,
    ordering_key=st.none() | st.text(max_size=20),
    providers=st.lists(providers, max_size=3).map(tuple),
)


def _id_of(candidate: Candidate) -> str:
    return candidate.connection_id


candidates = st.lists(
    st.builds(
        Candidate,
        connection_id=connections,
        provider=providers,
        enabled=st.booleans(),
        switched_off=st.booleans(),
        capabilities=st.none() | st.frozensets(st.sampled_from(CAPABILITIES)),
        currencies=st.none() | st.frozensets(st.sampled_from(WORDS)),
    ),
    max_size=6,
    unique_by=_id_of,
)


@given(policies, candidates, requests)
def test_it_is_total_and_the_same_each_time(
    policy: RoutingPolicy | None, present: list[Candidate], request: RoutingRequest
) -> None:
    first = decide(policy, present, request)
    again = RoutingPolicy.model_validate_json(policy.to_bytes()) if policy is not None else None
    assert decide(again, present, request) == first
    first.to_json(None)


@given(policies, candidates, st.lists(requests, max_size=8))
def test_what_is_remembered_is_what_would_be_decided(
    policy: RoutingPolicy | None, present: list[Candidate], asked: list[RoutingRequest]
) -> None:
    route = Route(tuple(present), policy)
    for request in [*asked, *asked]:
        assert decide_for(route, request) == decide(policy, present, request)


@given(policies, candidates, requests)
def test_every_connection_is_either_taken_once_or_refused_once_with_a_reason(
    policy: RoutingPolicy | None, present: list[Candidate], request: RoutingRequest
) -> None:
    decision = decide(policy, present, request)
    met = Counter([one.connection_id for one in decision.candidates] + [one.connection_id for one in decision.refused])
    assert all(count == 1 for count in met.values())
    assert {one.connection_id for one in present} <= met.keys()
    assert all(one.detail for one in decision.refused)


@given(policies, candidates, requests)
def test_what_cannot_take_it_is_never_taken(
    policy: RoutingPolicy | None, present: list[Candidate], request: RoutingRequest
) -> None:
    by_id = {one.connection_id: one for one in present}
    for taken in decide(policy, present, request).candidates:
        one = by_id[taken.connection_id]
        assert one.enabled
        assert not one.switched_off
        assert request.capability in (one.capabilities or ())
        assert not request.asked_for or one.provider in request.asked_for
        assert None in (one.currencies, request.facts.currency) or request.facts.currency in (one.currencies or ())
        override = policy.overrides.get(one.provider) if policy is not None else None
        assert override is None or override.enabled


@given(policies, candidates, requests)
def test_a_rule_takes_only_what_it_names(
    policy: RoutingPolicy | None, present: list[Candidate], request: RoutingRequest
) -> None:
    decision = decide(policy, present, request)
    if policy is None or decision.by not in ("rule", "default"):
        return
    named = [
        {*(one.connection for one in targets.split), *targets.failover}
        for targets in (policy.rules if decision.by == "rule" else [policy.default])
        if targets is not None and getattr(targets, "name", None) == decision.rule
    ]
    taken = {one.connection_id for one in decision.candidates}
    assert any(taken <= names for names in named)


@given(policies.filter(lambda policy: policy is not None), candidates, requests, rules)
def test_a_rule_below_the_one_that_decides_changes_nothing(
    policy: RoutingPolicy, present: list[Candidate], request: RoutingRequest, unrelated: RoutingRule
) -> None:
    before = decide(policy, present, request)
    if before.by == "rule":
        longer = policy.model_copy(update={"rules": (*policy.rules, unrelated)})
        assert decide(longer, present, request) == before


@given(policies, candidates, requests)
def test_the_fallback_of_a_refused_connection_keeps_the_order_of_the_others(
    policy: RoutingPolicy | None, present: list[Candidate], request: RoutingRequest
) -> None:
    """Switching the first off sends its operations on to the second, and moves no other's."""
    before = decide(policy, present, request)
    if not before.candidates:
        return
    first = before.candidates[0].connection_id
    fewer = [
        Candidate(one.connection_id, one.provider, switched_off=True, capabilities=one.capabilities)
        if one.connection_id == first
        else one
        for one in present
    ]
    assert decide(policy, fewer, request).candidates == before.candidates[1:]


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_shares_are_as_the_weights_say(weights: list[int]) -> None:
    split = [WeightedConnection(connection=CONNECTIONS[at], weight=weight) for at, weight in enumerate(weights)]
    firsts = Counter(in_turn(split, f"pay_{number}")[0] for number in range(2_000))
    for one in split:
        share = one.weight / sum(weights)
        # Six standard deviations of a binomial: 2,000 draws with this probability.
        tolerance = 6 * (2_000 * share * (1 - share)) ** 0.5
        assert abs(firsts[one.connection] - 2_000 * share) <= tolerance


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.integers(51, 200))
def test_a_heavier_weight_takes_from_others_and_moves_nothing_between_them(weights: list[int], heavier: int) -> None:
    split = [WeightedConnection(connection=CONNECTIONS[at], weight=weight) for at, weight in enumerate(weights)]
    changed = [WeightedConnection(connection=CONNECTIONS[0], weight=heavier), *split[1:]]
    for number in range(100):
        before, after = in_turn(split, f"pay_{number}")[0], in_turn(changed, f"pay_{number}")[0]
        assert after in (before, CONNECTIONS[0])


def test_a_split_without_a_key_shows_the_heaviest_first() -> None:
    split = [WeightedConnection(connection="con_0", weight=1), WeightedConnection(connection="con_1", weight=2)]
    assert in_turn(split, None) == ["con_1", "con_0"]


def test_amounts_are_compared_exactly() -> None:
    rule = RoutingRule(
        name="dime", when=Conditions(amount=AmountRange(min=Decimal("0.1"), max=Decimal("0.3"))), failover=("con_0",)
    )
    present = [Candidate("con_0", "alpha", capabilities=frozenset(CAPABILITIES))]
    third = RoutingRequest("payment.create", Facts(amount=Decimal("0.1") + Decimal("0.2")))
    assert decide(RoutingPolicy(rules=(rule,)), present, third).by == "rule"
