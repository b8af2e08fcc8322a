"""Where an operation may go: pure, from its route and what it has been through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import JsonValue

from onerouter_common.errors import CallerError, CapabilityUnsupported, OneRouterError, Overloaded, ProviderError
from onerouter_common.routing.decide import decide_for
from onerouter_common.routing.decision import Decision, stays_with_resource
from onerouter_common.routing.refusal import refusal_of
from onerouter_common.routing.route import Route, RoutingRequest
from onerouter_common.worker.handler import Connection, Operation, RouteHint
from onerouter_common.worker.started import NotPrepared

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Routed:
    """Where an operation goes, or why it can go nowhere. One of `connection` and `refusal` is set, unless `ends_here`."""

    connection: Connection | None = None
    refusal: OneRouterError | None = None
    decision: Mapping[str, JsonValue] | None = None
    """To be stored with the operation; None: it stays with what was decided before, if anything was."""
    wait_s: float | None = None
    """Set instead of both: the provider is not asked about an earlier call for so long."""
    others: bool = False
    """Whether there is another candidate that has not said no to it."""
    ends_here: bool = False
    """As its resource was, read without a lock, no provider has to be asked: nothing was looked for, no turn is taken. Should
    that have changed when it is begun, it waits a moment."""


NOWHERE: Final = Routed()
"""Of what has ended without a connection: neither is set."""
ENDS_HERE: Final = Routed(ends_here=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be opened for an operation: the first of `turns` that can be is taken."""

    op: Operation
    capability: str
    turns: Sequence[str]
    """Connection ids; one at least."""
    decision: Decision | None = None
    """None: it has no choice. It goes on where it was, or where its resource lives."""
    is_new: bool = False
    """Without a choice, and nothing of that may be stored yet."""
    others: bool = False
    """Without a choice: whether it would have one, should it be refused where it is."""

    def taken(self, connection: Connection) -> Routed:
        """Raises CapabilityUnsupported."""
        if self.decision is not None:
            others = any(one.connection_id != connection.id for one in self.decision.candidates)
            return Routed(connection, decision=self.decision.to_json(connection.id), others=others)
        _require(connection, self.capability)
        decision = stays_with_resource(connection.id, connection.provider) if self.is_new else None
        return Routed(connection, decision=decision, others=self.others)


def in_turn(candidates: Sequence[str], last: str | None) -> Sequence[str]:
    """The candidates in the order they are tried after `last` failed there: the one behind it first, itself last.

    All of them as they are when it is not among them (any more): a list that has changed passes nobody over.
    """
    after = candidates.index(last) + 1 if last in candidates else 0
    return (*candidates[after:], *candidates[:after])


def choose(
    op: Operation,
    hint: RouteHint,
    capability: str,
    route: Route,
    *,
    in_doubt: bool,
    is_closed: Callable[[str], bool] = lambda _: True,
) -> Choice | Routed:
    """Once chosen a connection stays, unless nothing can have happened there (`failures` since the last possible
    effect, or it takes nothing new any more, or its circuit is not closed): then the next one of the decision takes
    its turn. What is in doubt never moves, whatever else is said: only the absence of the effect, proven, ends the doubt.
    Who said no to it is not asked again.

    Raises Overloaded when what refuses passes by itself.
    """
    if hint.connection_id is not None:
        # After a failure what is stored may say that it waits.
        return Choice(op, capability, (hint.connection_id,), is_new=op.connection_id is None or op.failures > 0)
    if op.connection_id is not None and in_doubt:
        return Choice(op, capability, (op.connection_id,))
    request = RoutingRequest(capability, hint.facts, hint.provider, op.ordering_key, hint.providers)
    decision = decide_for(route, request)
    if op.refusals:
        decision = decision.passing_over({id: _no(error) for id, error in op.refusals.items()}, "declined")
    if op.connection_id is not None and _stays(op, route, is_closed):
        others = any(
            one.connection_id != op.connection_id and is_closed(one.connection_id) for one in decision.candidates
        )
        return Choice(op, capability, (op.connection_id,), others=others)
    if not decision.candidates and op.refusals:
        # Those that were left have gone since.
        return Routed(refusal=list(op.refusals.values())[-1], decision=decision.to_json(None))
    if not decision.candidates:
        refusal = refusal_of(decision, route.candidates, request, category=op.category, environment=op.environment)
        if isinstance(refusal, Overloaded):
            raise refusal
        return Routed(refusal=refusal, decision=decision.to_json(None))
    turns = in_turn([one.connection_id for one in decision.candidates], op.connection_id)
    return Choice(op, capability, turns, decision)


def instead_of(op: Operation, error: Exception) -> Routed | None:
    """What becomes of an operation that has no connection because of this. None: it waits."""
    if isinstance(error, CallerError):
        return Routed(refusal=error)
    if isinstance(error, Overloaded):
        return None
    log.error("operation.hint.crashed", operation_id=op.id, error=type(error).__name__, exc_info=error)
    return Routed(refusal=NotPrepared())


def _stays(op: Operation, route: Route, is_closed: Callable[[str], bool]) -> bool:
    """Whether an operation without a call in doubt goes on where it was."""
    if op.connection_id in op.refusals:
        return False
    open_to_it = any(one.connection_id == op.connection_id and one.takes_new for one in route.candidates)
    return not op.failures and open_to_it and op.connection_id is not None and is_closed(op.connection_id)


def _no(error: ProviderError) -> str:
    return f"It said no to this operation ({error.reason}), and another may say yes."


def _require(connection: Connection, capability: str) -> None:
    if connection.idempotency_of(capability) is None:
        instead = connection.instead_of(capability)
        refusal = f"{connection.provider} does not support {capability}."
        raise CapabilityUnsupported(f"{refusal} {instead}" if instead else refusal)
