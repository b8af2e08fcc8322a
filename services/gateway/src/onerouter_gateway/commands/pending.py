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
_SEVERAL: Final = 3
"""Tenants whose waits run out before it is taken for everybody's trouble: one's may be its provider's."""
_MOST_ENDED: Final = 50_000
"""Ended waits remembered, and with them the tenants they are counted for."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One request that waits for one operation."""

    operation_id: str
    command_id: str
    tenant_id: str
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


@dataclass(slots=True)
class _Tenant:
    """What is known of one tenant's waits."""

    waiting: int = 0
    ended: int = 0
    ran_out: int = 0

    def is_stuck(self, share: float) -> bool:
        return self.ran_out > 0 and self.ran_out >= share * self.ended


class Pending:
    """Waiters by operation id; bounded, and closed while the workers do not keep up.

    Counted are the waits of at least `slow_wait_s` and the replies of the last `window_s`. A tenant is stuck when `share`
    of its own ended without a reply. Its commands are shed when that were at least `least` of them: a slow provider of
    its own is nobody else's business. Everybody's are shed when at least `least` waits ended altogether, and several
    tenants, `share` of those that are counted, are stuck. While commands are shed nothing new is counted of them, so
    after `window_s` the next ones are let in and show whether it has become better.
    """

    def __init__(
        self,
        *,
        most: int,
        most_of_tenant: int,
        slow_wait_s: float,
        window_s: float,
        share: float,
        least: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_of_tenant = most_of_tenant
        self._slow_wait_s = slow_wait_s
        self._window_s = window_s
        self._share = share
        self._least = least
        self._monotonic = monotonic
        self._waiters: dict[str, list[Waiter]] = {}
        self._count = 0
        self._ended: deque[tuple[float, str, bool]] = deque()
        self._tenants: dict[str, _Tenant] = {}
        """Those that wait or are counted, so there are never more than waiters and ended waits."""
        self._counted = 0
        self._stuck = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, tenant_id: str) -> None:
        """Raises Overloaded when no further command of this tenant should be published now."""
        if self._count >= self._most:
            raise Overloaded(
                f"This instance already waits for {self._count} operations; nothing was done. Try again in a moment.",
                retry_after_s=1,
            )
        self._trim(self._monotonic())
        tenant = self._tenants.get(tenant_id)
        if tenant is not None and tenant.waiting >= self._most_of_tenant:
            raise Overloaded(
                f"{tenant.waiting} of your operations are already waited for; nothing was done. Try again in a moment.",
                retry_after_s=1,
            )
        if tenant is not None and tenant.ended >= self._least and tenant.is_stuck(self._share):
            raise Overloaded(
                "Your operations do not end in time; nothing was done. Try again in a few seconds.",
                retry_after_s=self._retry_after_s,
            )
        enough = len(self._ended) >= self._least and self._stuck >= _SEVERAL
        if enough and self._stuck >= self._share * self._counted:
            raise Overloaded(
                "The workers do not keep up with what is asked of them; nothing was done. Try again in a few seconds.",
                retry_after_s=self._retry_after_s,
            )

    def add(self, operation_id: str, command_id: str, tenant_id: str, fingerprint: str) -> Waiter:
        """Wait from now on: called before the command is published, so that no reply can be missed."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        waiter = Waiter(operation_id, command_id, tenant_id, fingerprint, self._monotonic(), reply)
        self._waiters.setdefault(operation_id, []).append(waiter)
        self._count += 1
        self._tenants.setdefault(tenant_id, _Tenant()).waiting += 1
        metrics.GATEWAY_PENDING.set(self._count)
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Stop waiting."""
        waiters = self._waiters.get(waiter.operation_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
            self._count -= 1
            self._tenants[waiter.tenant_id].waiting -= 1
            self._forget_idle(waiter.tenant_id)
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
                self._note(waiter.tenant_id, ran_out=False)
                delivered = True
        return delivered

    def ran_out(self, waiter: Waiter) -> None:
        """The wait ended without a reply. Short waits say nothing: the caller chose them."""
        if self._monotonic() - waiter.since >= self._slow_wait_s:
            self._note(waiter.tenant_id, ran_out=True)

    @property
    def _retry_after_s(self) -> float:
        return min(5.0, self._window_s)

    def _note(self, tenant_id: str, *, ran_out: bool) -> None:
        now = self._monotonic()
        self._ended.append((now, tenant_id, ran_out))
        self._count_ended(tenant_id, 1, ran_out)
        self._trim(now)

    def _trim(self, now: float) -> None:
        while self._ended and (self._ended[0][0] < now - self._window_s or len(self._ended) > _MOST_ENDED):
            _, tenant_id, ran_out = self._ended.popleft()
            self._count_ended(tenant_id, -1, -ran_out)

    def _count_ended(self, tenant_id: str, ended: int, ran_out: int) -> None:
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        self._counted -= tenant.ended > 0
        self._stuck -= tenant.is_stuck(self._share)
        tenant.ended += ended
        tenant.ran_out += ran_out
        self._counted += tenant.ended > 0
        self._stuck += tenant.is_stuck(self._share)
        self._forget_idle(tenant_id)

    def _forget_idle(self, tenant_id: str) -> None:
        tenant = self._tenants[tenant_id]
        if tenant.waiting == 0 and tenant.ended == 0:
            del self._tenants[tenant_id]
