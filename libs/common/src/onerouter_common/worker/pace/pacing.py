"""The pace of a batch, asked for before its transaction: who finds no room is not asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_common.contracts.base import Contract
from onerouter_common.worker.handler import Connection, Handler, Operation
from onerouter_common.worker.pace.pacer import Going, Pacer, Turn
from onerouter_common.worker.slots import Slots


@dataclass(frozen=True, slots=True)
class Calling:
    """An operation that is about to make a call which does something, if its connection's pace lets it."""

    op: Operation
    handler: Handler[Any, Any]
    command: Contract
    connection: Connection
    has_turn: bool = False
    """It waited for its turn, and that has come."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Of a batch, by operation id; all others may go as far as the pace is concerned."""

    turns: Mapping[str, Turn] = field(default_factory=dict)
    no_room: frozenset[str] = frozenset()
    """Their connection has no slot for them, so no token was taken for them either."""


NOBODY_WAITS: Final = Paced()


class Pacing:
    def __init__(self, pacer: Pacer | None, slots: Slots) -> None:
        """`pacer` None: nobody waits."""
        self._pacer = pacer
        self._slots = slots

    async def of(self, calling: Iterable[Calling]) -> Paced:
        """One round trip at most.

        A token is taken for what then may be refused: that is a call less, never one more. Not for what no provider is asked
        about (`Routed.ends_here`): many of those would put back everybody else.
        """
        if self._pacer is None:
            return NOBODY_WAITS
        asking: list[Going] = []
        no_room: set[str] = set()
        taken: Counter[tuple[str, bool]] = Counter()
        for one in calling:
            op, connection, pace = one.op, one.connection, one.connection.pace
            if pace is None:
                continue
            is_bulk = op.priority > 0
            if taken[connection.id, is_bulk] >= self._room(op, connection):
                no_room.add(op.id)
                continue
            taken[connection.id, is_bulk] += 1
            tokens = one.handler.tokens(one.command, pace)
            asking.append(Going(op.id, connection.id, connection.provider, pace, is_bulk, one.has_turn, tokens))
        if not asking:
            return Paced(no_room=frozenset(no_room)) if no_room else NOBODY_WAITS
        return Paced(await self._pacer.turns(asking), frozenset(no_room))

    def _room(self, op: Operation, connection: Connection) -> int:
        of_connection = self._slots.room_of_connection(connection.id, connection.max_in_flight, op.priority)
        return min(of_connection, self._slots.room_of_tenant(op.tenant_id, op.priority))


def state_of(op: Operation, turn: Turn | None) -> str:
    """Of an operation that is put back. Bulk that has to wait may be overtaken, by its cancellation for one; what
    somebody waits for has its turn in a moment. What was called before waits for a further try, whatever keeps it from that:
    who may pass that need not wait for it."""
    if turn is not None and op.priority:
        return "scheduled"
    return "retrying" if op.attempts else "accepted"
