"""The decision: which connections an operation may take, in which order, and why not the others."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from onerouter_common.contracts.routing import ProviderOverride, RoutingPolicy, Targets
from onerouter_common.routing.conditions import matches, within
from onerouter_common.routing.decision import DecidedBy, Decision, RefusalReason, Refused, Taken
from onerouter_common.routing.route import Candidate, Route, RoutingRequest
from onerouter_common.routing.split import in_turn

Problem: TypeAlias = tuple[RefusalReason, str]
"""Why a connection is passed over, and the sentence that says so."""

_MOST_REMEMBERED: Final = 256


def decide(policy: RoutingPolicy | None, candidates: Sequence[Candidate], request: RoutingRequest) -> Decision:
    """Total and deterministic. `candidates` in order of priority.

    A rule that matches decides alone: when none of its connections can take the operation it is refused, and no later
    rule is asked. Only one that has no connection of the provider that is asked for is passed over.
    """
    by_id = {candidate.connection_id: candidate for candidate in candidates}
    by, rule, wanted = _wanted(policy, by_id, request)
    wanted = _preferred(wanted, by_id, request.asked_for)
    taken: list[Taken] = []
    refused: list[Refused] = []
    for connection_id in wanted:
        candidate = by_id.pop(connection_id, None)
        if candidate is None:
            refused.append(Refused(connection_id, None, "disconnected", "It is not connected any more."))
            continue
        problem = _problem_with(candidate, policy, request)
        if problem is None:
            taken.append(Taken(connection_id, candidate.provider))
        else:
            refused.append(Refused(connection_id, candidate.provider, *problem))
    refused += [_left_out(candidate, by, rule, request) for candidate in by_id.values()]
    version = policy.version if policy is not None else 0
    return Decision(by, rule, version, tuple(taken), tuple(refused), request.asked_for)


def decide_for(route: Route, request: RoutingRequest) -> Decision:
    """`decide`, remembered where there is no policy: then nothing else of an operation matters."""
    if route.policy is not None:
        return decide(route.policy, route.candidates, request)
    key = (request.capability, request.asked_for, request.facts.currency)
    decision = route.remembered.get(key)
    if decision is None:
        if len(route.remembered) >= _MOST_REMEMBERED:
            route.remembered.clear()
        decision = route.remembered[key] = decide(None, route.candidates, request)
    return decision


def _wanted(
    policy: RoutingPolicy | None, by_id: Mapping[str, Candidate], request: RoutingRequest
) -> tuple[DecidedBy, str | None, Sequence[str]]:
    """Who decides, the rule's name, and the connections it names, in order and each once."""
    if policy is not None:
        named = policy.overrides.get(request.asked_for[0]) if len(request.asked_for) == 1 else None
        if named is not None and named.connection is not None:
            return "override", None, [named.connection]
        for rule in policy.rules:
            if matches(rule.when, request.facts) and (wanted := _targets(rule, by_id, request)):
                return "rule", rule.name, wanted
        if policy.default is not None and (wanted := _targets(policy.default, by_id, request)):
            return "default", None, wanted
    return "priority", None, list(by_id)


def _targets(targets: Targets, by_id: Mapping[str, Candidate], request: RoutingRequest) -> list[str]:
    """Empty: it names nothing, or nothing of a provider that is asked for."""
    wanted = list(dict.fromkeys([*in_turn(targets.split, request.ordering_key), *targets.failover]))
    if not request.asked_for or any(
        candidate.provider in request.asked_for for one in wanted if (candidate := by_id.get(one)) is not None
    ):
        return wanted
    return []


def _preferred(wanted: Sequence[str], by_id: Mapping[str, Candidate], asked_for: Sequence[str]) -> Sequence[str]:
    """Those of the provider that is asked for first before those of the second: among one's own in the order they had."""
    if len(asked_for) < 2:
        return wanted
    ranks = {provider: rank for rank, provider in reversed(list(enumerate(asked_for)))}

    def rank(connection_id: str) -> int:
        candidate = by_id.get(connection_id)
        return len(asked_for) if candidate is None else ranks.get(candidate.provider, len(asked_for))

    return sorted(wanted, key=rank)


def _left_out(candidate: Candidate, by: DecidedBy, rule: str | None, request: RoutingRequest) -> Refused:
    if request.asked_for and candidate.provider not in request.asked_for:
        reason, detail = _not_asked_for(request)
        return Refused(candidate.connection_id, candidate.provider, reason, detail)
    who = f"The rule '{rule}'" if by == "rule" else f"The policy's {by}"
    return Refused(candidate.connection_id, candidate.provider, "not_named", f"{who} does not name it.")


def _problem_with(candidate: Candidate, policy: RoutingPolicy | None, request: RoutingRequest) -> Problem | None:
    """Why it cannot take the operation. The operator's switch comes last: only what else could be taken waits for it."""
    if request.asked_for and candidate.provider not in request.asked_for:
        return _not_asked_for(request)
    if not candidate.enabled:
        return "disabled", "It is disabled."
    problem = _unable(candidate, request)
    if problem is None and policy is not None and (override := policy.overrides.get(candidate.provider)) is not None:
        problem = _excluded_by(override, candidate.provider, request)
    if problem is None and candidate.switched_off:
        return "switched_off", f"The operator has switched {candidate.provider} off."
    return problem


def _unable(candidate: Candidate, request: RoutingRequest) -> Problem | None:
    if candidate.capabilities is None:
        return "not_installed", f"The provider {candidate.provider} is not installed here."
    if request.capability not in candidate.capabilities:
        return "capability_missing", f"{candidate.provider} does not support {request.capability}."
    currency = request.facts.currency
    if currency is not None and candidate.currencies is not None and currency not in candidate.currencies:
        return "currency_unsupported", f"{candidate.provider} does not take {currency}."
    return None


def _excluded_by(override: ProviderOverride, provider: str, request: RoutingRequest) -> Problem | None:
    """A restriction holds also for what does not say whether it meets it."""
    facts = request.facts
    if not override.enabled:
        return "policy_disabled", f"The policy keeps everything from {provider}."
    if override.currencies is not None and facts.currency not in override.currencies:
        return "currency_excluded", f"The policy gives {provider} only {', '.join(override.currencies)}."
    if override.countries is not None and facts.country not in override.countries:
        return "country_excluded", f"The policy gives {provider} only customers in {', '.join(override.countries)}."
    if override.methods is not None and facts.method not in override.methods:
        return "method_excluded", f"The policy gives {provider} only {', '.join(override.methods)}."
    if override.amount is not None and not within(override.amount, facts.amount):
        return "amount_excluded", f"The policy gives {provider} only amounts of another size."
    return None


def _not_asked_for(request: RoutingRequest) -> Problem:
    return "provider_not_asked_for", f"The request asks for {' or '.join(request.asked_for)}."
