"""Spending monthly quotas: exact across instances, as the registry alone counts; quick, as it lends in advance.

A question whose answer does not arrive is asked again just so, and only then the next one: the registry does it once. So
what is lent, returned and charged is what was begun here, however slow or often away the registry is. Only what this instance
holds when it is killed is lost to the month, at most a 64th of what was left, and what it had begun unpaid is forgotten.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, Self

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock, isoformat
from onerouter_common.contracts.base import Category
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.errors import Overloaded, RateLimited
from onerouter_common.months import end_of, month_of
from onerouter_common.registry_client import Principal
from onerouter_gateway.quota.ledger import Ledger, Lend
from onerouter_gateway.quota.pot import Allotment, Pot

_RESERVE: Final = 256
"""Most that is asked for ahead of need; the registry lends less as a quota nears its end."""
_TEND_S: Final = 1.0
_IDLE_S: Final = 2.0
"""What nobody spends for so long goes back, to where it may be needed."""
_FORGET_S: Final = 60.0
_LAST_WORD_S: Final = 3.0


class QuotaExceeded(RateLimited):
    code = "QUOTA_EXCEEDED"
    title = "The monthly quota is used up"


class Quotas:
    """An asynchronous context manager: while it is open, debts are paid and what lies idle goes back."""

    def __init__(self, lend: Lend, clock: Clock, *, debt: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._debt = debt
        self._monotonic = monotonic
        self._pots: dict[Allotment, Pot] = {}
        self._ledger = Ledger(lend, self._pots.get, monotonic)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tend_always(), name="quotas")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for pot in list(self._pots.values()):
            self._close(pot)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await self._ledger.settle_all()

    async def take(self, principal: Principal, category: Category) -> Pot | None:
        """One operation of the key's quota, to `give_back` if nothing was begun; None: the key has no such quota.

        Raises QuotaExceeded, or Overloaded when the registry cannot be asked and no more may be begun unpaid.
        """
        quota = principal.quotas.get(category)
        if quota is None:
            return None
        pot, now = self._pot_of(principal, category, quota), self._monotonic()
        if not pot.take(now):
            return await self._borrowed(pot, principal, category)
        if pot.is_low and now >= pot.ask_again_at:
            self._ask_ahead(pot, now)
        return pot

    async def check(self, principal: Principal, category: Category, units: int) -> None:
        """Whether so many operations of the key's quota are left; nothing is taken, so nobody else misses them meanwhile.

        Raises as `take`. What is told may be too much where others spend at the same time: `take` decides.
        """
        quota = principal.quotas.get(category)
        if quota is None:
            return
        pot, now = self._pot_of(principal, category, quota), self._monotonic()
        pot.used_at = now
        if pot.has_room(units, now):
            return
        account = self._ledger.account(pot.allotment)
        if now >= max(pot.ask_again_at, account.ask_again_at):
            await asyncio.shield(self._ledger.ask(account, _RESERVE))
            if pot.closed:
                await self.check(principal, category, units)
                return
            if pot.has_room(units, self._monotonic()):
                return
        if account.away and pot.may_owe_more(self._debt, units - pot.left):
            return
        if account.away and pot.available != 0:
            raise _cannot_be_asked()
        raise exceeded(pot, self._clock.now(), units)

    def give_back(self, pot: Pot | None) -> None:
        if pot is None:
            return
        pot.give_back(self._monotonic())
        if pot.closed:
            self._to_account(pot)

    def forget(self, change: RegistryChange) -> None:
        """A key's quota may be another one now: what is held of the old one goes back."""
        if change.entity == "api_key":
            for pot in [pot for pot in self._pots.values() if change.id in pot.keys]:
                self._close(pot)

    def _ask_ahead(self, pot: Pot, now: float) -> None:
        account = self._ledger.account(pot.allotment)
        if now >= account.ask_again_at:
            self._ledger.ask(account, _RESERVE)  # nobody waits for it

    async def _borrowed(self, pot: Pot, principal: Principal, category: Category) -> Pot | None:
        account = self._ledger.account(pot.allotment)
        while not pot.closed:
            if self._monotonic() < max(pot.ask_again_at, account.ask_again_at):
                return self._without_a_loan(pot, away=account.away)
            pot.waiting += 1
            try:
                await asyncio.shield(self._ledger.ask(account, _RESERVE))
            finally:
                pot.waiting -= 1
            if not pot.closed and pot.take(self._monotonic()):
                return pot
        return await self.take(principal, category)

    def _without_a_loan(self, pot: Pot, *, away: bool) -> Pot:
        """The registry has nothing left, or cannot be asked."""
        if away and pot.may_owe_more(self._debt):
            pot.owed += 1
            metrics.QUOTA_UNPAID.inc()
            return pot
        if away and pot.available != 0:
            raise _cannot_be_asked()
        raise exceeded(pot, self._clock.now())

    def _pot_of(self, principal: Principal, category: Category, quota: int) -> Pot:
        allotment = Allotment(principal.family, category, month_of(self._clock.now()))
        pot = self._pots.get(allotment)
        if pot is None:
            pot = self._pots[allotment] = Pot(allotment, quota, used_at=self._monotonic())
        pot.keys.add(principal.api_key_id)
        return pot

    def _close(self, pot: Pot) -> None:
        pot.closed = True
        self._pots.pop(pot.allotment, None)
        self._to_account(pot)

    def _to_account(self, pot: Pot) -> None:
        self._ledger.account(pot.allotment).keep(*pot.empty())

    async def _tend_always(self) -> None:
        while True:
            await asyncio.sleep(_TEND_S)
            await self.tend()

    async def tend(self) -> None:
        """Pay what is owed, return what nobody spends, ask again what was not answered."""
        now, month = self._monotonic(), month_of(self._clock.now())
        for pot in [pot for pot in self._pots.values() if not pot.waiting]:
            idle_s = now - pot.used_at
            if pot.allotment.month != month or (idle_s > _FORGET_S and pot.owed == 0):
                self._close(pot)
            elif pot.left and idle_s > _IDLE_S:
                self._to_account(pot)
        await self._ledger.settle_due()


def exceeded(pot: Pot, now: datetime, units: int = 1) -> QuotaExceeded:
    """`units`: how many operations were asked for together."""
    of, left = pot.allotment, pot.left + (pot.available or 0)
    end = end_of(of.month)
    why = f"is used up: {pot.quota} {of.category} operations in {of.month}"
    if units > 1 and left:
        why = f"has {left} of its {pot.quota} {of.category} operations left in {of.month}, and this takes {units}"
    return QuotaExceeded(
        f"The monthly quota of this API key {why}. It begins anew at {isoformat(end)}.",
        retry_after_s=max(1.0, (end - now).total_seconds()),
    )


def _cannot_be_asked() -> Overloaded:
    return Overloaded(
        "Your monthly quota cannot be looked up right now; nothing was done. Try again in a few seconds.",
        retry_after_s=2,
    )
