"""Which part of the operations tries which connection first. Pure."""

from onerouter_common.contracts.routing import RoutingPolicy, Targets
from onerouter_common.routing.decision import Decision


def shares_of(policy: RoutingPolicy | None, decision: Decision) -> dict[str, float]:
    """By connection, 0 to 1, of those that are not refused: a refused one's part is the others'."""
    usable = {one.connection_id for one in decision.candidates}
    first = {one.connection_id for one in decision.candidates if one.provider == decision.candidates[0].provider}
    targets = _targets(policy, decision)
    weights = {one.connection: one.weight for one in (targets.split if targets is not None else ())}
    in_turn = first if len(decision.asked_for) > 1 else usable  # of several preferred providers only the best's share
    weights = {connection_id: weight for connection_id, weight in weights.items() if connection_id in in_turn}
    if not weights and decision.candidates:
        weights = {decision.candidates[0].connection_id: 1}
    total = sum(weights.values())
    return {one: round(weights.get(one, 0) / total, 4) for one in usable}


def _targets(policy: RoutingPolicy | None, decision: Decision) -> Targets | None:
    if policy is None:
        return None
    if decision.by == "rule":
        return next((rule for rule in policy.rules if rule.name == decision.rule), None)
    return policy.default if decision.by == "default" else None
