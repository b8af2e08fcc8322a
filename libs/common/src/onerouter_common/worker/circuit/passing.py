"""What open circuits make of a batch's choices: the next connection, a while of waiting, or a probe."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from pydantic import JsonValue

from onerouter_common import metric_names as metrics
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.routing.decision import Decision, stays_with_resource
from onerouter_common.worker.choice import Choice, Routed
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.rule import Gate

CIRCUIT_OPEN = "circuit_open"
"""The reason of the error that an operation waits with."""


async def let_through(
    choices: Sequence[Choice], circuits: Circuits, *, in_doubt: Collection[str]
) -> Sequence[Choice | Routed]:
    """In their order. While every circuit is closed all as they are, without a question to anybody."""
    if not circuits.any_open:
        return choices
    wanted = Counter(due for choice in choices if choice.op.id not in in_doubt and (due := _due(choice, circuits)))
    permits = await circuits.permits(wanted) if wanted else Counter[str]()
    return [
        _asked(choice, circuits) if choice.op.id in in_doubt else _passed(choice, circuits, permits)
        for choice in choices
    ]


def _due(choice: Choice, circuits: Circuits) -> str | None:
    """The connection it would probe: the first that is not open, should it not be closed."""
    for connection_id in choice.turns:
        gate = circuits.gate(connection_id)
        if gate is not Gate.OPEN:
            return connection_id if gate is Gate.DUE else None
    return None


def _asked(choice: Choice, circuits: Circuits) -> Choice | Routed:
    """An earlier call may have had an effect: it is asked about where it was made, now or a little later."""
    [connection_id] = choice.turns
    if circuits.may_ask(connection_id):
        return choice
    _count(circuits, connection_id, "asked_later")
    return Routed(wait_s=max(1.0, circuits.wait_s(connection_id)))


def _passed(choice: Choice, circuits: Circuits, permits: Counter[str]) -> Choice | Routed:
    """What was never sent, or is proven to have done nothing."""
    turns: list[str] = []
    kept: list[str] = []
    for connection_id in choice.turns:
        if circuits.gate(connection_id) is Gate.CLOSED:
            turns.append(connection_id)
        elif not turns and permits[connection_id]:
            permits[connection_id] -= 1
            turns.append(connection_id)
        else:
            kept.append(connection_id)
    if not kept:
        return choice
    decision = choice.decision and choice.decision.passing_over({id: circuits.why(id) for id in kept})
    if turns:
        if choice.turns[0] in kept:
            _count(circuits, choice.turns[0], "failed_over")
        return replace(choice, turns=turns, decision=decision)
    _count(circuits, kept[0], "waited")
    return Routed(refusal=_waits(kept, circuits), decision=_explained(choice, decision, kept[0], circuits))


def _explained(
    choice: Choice, decision: Decision | None, connection_id: str, circuits: Circuits
) -> dict[str, JsonValue] | None:
    """What is stored with an operation that waits."""
    if decision is not None:
        return decision.to_json(None)
    if not choice.is_new:
        return None
    provider = circuits.provider_of(connection_id)
    return stays_with_resource(connection_id, provider, waits_because=circuits.why(connection_id))


def _waits(kept: Sequence[str], circuits: Circuits) -> ProviderUnavailable:
    provider = circuits.provider_of(kept[0]) or "the provider"
    return ProviderUnavailable(
        f"Calls to {provider} have been failing, so nothing was sent; it is tried again in a moment.",
        provider=provider,
        reason=CIRCUIT_OPEN,
        retry_after_s=max(1.0, min(circuits.wait_s(connection_id) for connection_id in kept)),
    )


def _count(circuits: Circuits, connection_id: str, instead: str) -> None:
    metrics.CIRCUIT_KEPT.labels(circuits.category, circuits.provider_of(connection_id) or "", instead).inc()
