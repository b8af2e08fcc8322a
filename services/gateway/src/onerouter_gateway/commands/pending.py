"""Who waits for which operation, and whether the workers keep up. No I/O."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from onerouter_common import metric_names as metrics
from onerouter_common.contracts.replies import FINAL_STATES, Reply
from onerouter_common.errors import Overloaded

_ANSWERS: Final = FINAL_STATES | {"unknown", "scheduled"}
"""States worth an answer; after any other the reply that matters is still to come."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One request that waits for one operation."""

    operation_id: str
    command_id: str
    fingerprint: str
    since: float
    reply: "asyncio.Future[Reply]" = field(repr=False)

    def accepts(self, reply: Reply) -> bool:
        """Whether the reply is for this request: a mismatch speaks only to those whose request is another one."""
        if not reply.mismatch:
            return True
        if reply.fingerprint is not None:
            return reply.fingerprint != self.fingerprint
        return reply.made_by != self.command_id


class Pending:
    """Waiters by operation id; bounded, and closed while the workers do not keep up.

    They do not keep up when, of the waits of at least `slow_wait_s` and the replies of the last `window_s`, at least
    `least` ended and `share` of them ended without a reply. While new commands are shed nothing new is counted, so
    after `window_s` the next ones are let in and show whether it has become better.
    """

    def __init__(
        self,
        *,
        most: int,
        slow_wait_s: float,
        window_s: float,
        share: float,
        least: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._slow_wait_s = slow_wait_s
        self._window_s = window_s
        self._share = share
        self._least = least
        self._monotonic = monotonic
        self._waiters: dict[str, list[Waiter]] = {}
        self._count = 0
        self._ended: deque[tuple[float, bool]] = deque()
        self._ran_out = 0

    def __len__(self) -> int:
        return self._count

    def admit(self) -> None:
        """Raises Overloaded when no further command should be published now."""
        if self._count >= self._most:
            raise Overloaded(
                f"This instance already waits for {self._count} operations; nothing was done. Try again in a moment.",
                retry_after_s=1,
            )
        self._trim(self._monotonic())
        if len(self._ended) >= self._least and self._ran_out >= self._share * len(self._ended):
            raise Overloaded(
                "The workers do not keep up with what is asked of them; nothing was done. Try again in a few seconds.",
                retry_after_s=min(5.0, self._window_s),
            )

    def add(self, operation_id: str, command_id: str, fingerprint: str) -> Waiter:
        """Wait from now on: called before the command is published, so that no reply can be missed."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        waiter = Waiter(operation_id, command_id, fingerprint, self._monotonic(), reply)
        self._waiters.setdefault(operation_id, []).append(waiter)
        self._count += 1
        metrics.GATEWAY_PENDING.set(self._count)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Stop waiting."""
        waiters = self._waiters.get(waiter.operation_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
            self._count -= 1
            metrics.GATEWAY_PENDING.set(self._count)
        if not waiters:
            self._waiters.pop(waiter.operation_id, None)

    def is_waiting(self, operation_id: str) -> bool:
        return operation_id in self._waiters

    def deliver(self, reply: Reply) -> bool:
        """Hand a reply to everybody it is for; whether there was anybody."""
        if reply.state not in _ANSWERS and not reply.mismatch:
            return False
        delivered = False
        for waiter in self._waiters.get(reply.operation_id, ()):
            if not waiter.reply.done() and waiter.accepts(reply):
                waiter.reply.set_result(reply)
                self._note(ran_out=False)
                delivered = True
        return delivered

    def ran_out(self, waiter: Waiter) -> None:
        """The wait ended without a reply. Short waits say nothing: the caller chose them."""
        if self._monotonic() - waiter.since >= self._slow_wait_s:
            self._note(ran_out=True)

    def _note(self, *, ran_out: bool) -> None:
        now = self._monotonic()
        self._ended.append((now, ran_out))
        self._ran_out += ran_out
        self._trim(now)

    def _trim(self, now: float) -> None:
        while self._ended and self._ended[0][0] < now - self._window_s:
            self._ran_out -= self._ended.popleft()[1]
