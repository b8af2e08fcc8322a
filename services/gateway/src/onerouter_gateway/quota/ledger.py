"""Asking the registry about quotas: one question at a time about each, and the same again until it is answered."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

import structlog

from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import QuotaLease
from onerouter_gateway.quota.account import Account
from onerouter_gateway.quota.pot import Allotment, Pot

log = structlog.get_logger()


class Lend(Protocol):
    """`RegistryClient.lease_quota`."""

    async def __call__(
        self,
        family: str,
        category: str,
        month: str,
        *,
        holder: str,
        number: int,
        needed: int = 0,
        wanted: int = 0,
        returned: int = 0,
        owed: int = 0,
    ) -> QuotaLease | None: ...


class Ledger:
    """The accounts of one process; `find_pot` gives the one that is open for an allotment."""

    def __init__(self, lend: Lend, find_pot: Callable[[Allotment], Pot | None], monotonic: Callable[[], float]) -> None:
        self._lend = lend
        self._find_pot = find_pot
        self._monotonic = monotonic
        self._accounts: dict[Allotment, Account] = {}
        self._holder = uuid4().hex
        self._numbers = itertools.count(1)

    def account(self, allotment: Allotment) -> Account:
        account = self._accounts.get(allotment)
        if account is None:
            account = self._accounts[allotment] = Account(allotment)
        return account

    def ask(self, account: Account, wanted: int) -> "asyncio.Task[bool]":
        """Whether there was an answer. Many who wait ask one question."""
        if account.asking is None:
            account.asking = asyncio.create_task(self._ask_now(account, wanted), name="quota-lease")
        return account.asking

    async def _ask_now(self, account: Account, wanted: int) -> bool:
        of = account.allotment
        question = account.ask(next(self._numbers), self._find_pot(of), wanted, self._monotonic())
        try:
            lease = await self._lend(
                of.family,
                of.category,
                of.month,
                holder=self._holder,
                number=question.number,
                needed=question.needed,
                wanted=question.wanted,
                returned=question.returned,
                owed=question.owed,
            )
        except Exception as error:
            if not isinstance(error, Overloaded):
                log.exception("quota.lease.failed", family=of.family)
            account.could_not_ask(self._monotonic())
            return False
        else:
            account.answered()
            self._settle(account, question.pot, lease or QuotaLease(granted=0, limit=0, remaining=0))
            return True
        finally:
            account.asking = None

    def _settle(self, account: Account, pot: Pot | None, lease: QuotaLease) -> None:
        if pot is not None:
            pot.settle(lease, self._monotonic())
        elif lease.limit is not None:
            account.keep(lease.granted, 0)
        if pot is not None and pot.closed:
            account.keep(*pot.empty())

    async def settle_due(self) -> None:
        """Ask what there is to ask, about each quota that is not to be left alone for a moment."""
        for account in list(self._accounts.values()):
            if account.asking is not None or self._monotonic() < account.ask_again_at:
                continue
            if not await self._is_settled(account):
                # The registry is away, so the others need not find out one after the other; if it was this one's fault, they
                # are before it the next time.
                self._accounts[account.allotment] = self._accounts.pop(account.allotment)
                return

    async def settle_all(self) -> None:
        """The last words, when all pots are closed."""
        for account in list(self._accounts.values()):
            while await self._is_settled(account) and account.allotment in self._accounts:
                pass

    async def _is_settled(self, account: Account) -> bool:
        """Ask what there is to ask. False: it could not be."""
        pot = self._find_pot(account.allotment)
        if account.asking is not None or not account.is_settled or (pot is not None and pot.owed):
            return await asyncio.shield(self.ask(account, 0))
        if pot is None:
            del self._accounts[account.allotment]
        return True
