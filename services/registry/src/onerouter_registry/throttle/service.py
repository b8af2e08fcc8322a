"""Counting tries. Each counts as a failure before it is made, and is taken back when it turns out well.

So tries that come at the same time find each other counted. What is stored is a keyed hash of the account or address.
"""

import contextlib
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import RateLimited
from onerouter_registry.secret_key import derive_key
from onerouter_registry.throttle import repository
from onerouter_registry.throttle.model import Rule
from onerouter_registry.transactions import operator_transaction

_ONE_NETWORK = 64
"""The bits of an IPv6 address that a subscriber cannot choose."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted: whose, and the how many-eth in a row by each rule."""

    keys: dict[Rule, str]
    counts: dict[Rule, int]


class Throttle:
    def __init__(self, engine: AsyncEngine, secret: SecretStr, clock: Clock) -> None:
        self._engine = engine
        self._key = derive_key(secret, "throttle")
        self._clock = clock

    async def count(self, subjects: dict[Rule, str], *, charged: Rule | None = None) -> Try:
        """Count one more try by each rule; raises RateLimited, counting none, when one of them says to wait.

        But `charged`, one of the rules: it counts the refusal, too, so that asking again and again is not free.
        """
        keys = {rule: self._hash(rule, subject) for rule, subject in subjects.items()}
        try:
            async with operator_transaction(self._engine) as tx:
                return Try(keys, await self._count_each(tx, keys))
        except RateLimited:
            if charged is not None:
                await self._charge(charged, keys[charged])
            raise

    async def _count_each(self, tx: AsyncConnection, keys: dict[Rule, str]) -> dict[Rule, int]:
        """In one order, so that nobody waits in a ring."""
        ordered = sorted(keys.items(), key=lambda item: item[1])
        return {rule: await self._count(tx, key, rule) for rule, key in ordered}

    async def _charge(self, rule: Rule, key: str) -> None:
        """Where this rule itself says to wait there is nothing to add."""
        with contextlib.suppress(RateLimited):
            async with operator_transaction(self._engine) as tx:
                await self._count(tx, key, rule)

    async def _count(self, tx: AsyncConnection, key: str, rule: Rule) -> int:
        now = self._clock.now()
        forgotten_at = now + timedelta(seconds=rule.forgotten_after_s)
        counted = await repository.count(tx, key, rule, now=now, forgotten_at=forgotten_at)
        if counted is not None:
            return counted
        until = await repository.blocked_until(tx, key) or now
        raise RateLimited(
            "Too many attempts. Wait a little before you try again.",
            retry_after_s=max(1.0, (until - now).total_seconds()),
        )

    async def succeeded(self, tx: AsyncConnection, made: Try, *, clear: tuple[Rule, ...] = ()) -> None:
        """The try was no failure; of the rules in `clear` all that was counted before is forgotten, too."""
        for rule, key in sorted(made.keys.items(), key=lambda item: item[1]):
            if rule in clear:
                await repository.clear(tx, key)
            else:
                await repository.give_back(tx, key, now=self._clock.now())

    async def take_back(self, made: Try) -> None:
        """It never came to a try: the fault was ours."""
        async with operator_transaction(self._engine) as tx:
            await self.succeeded(tx, made)

    async def forget(self, tx: AsyncConnection, rule: Rule, subject: str) -> None:
        await repository.clear(tx, self._hash(rule, subject))

    def _hash(self, rule: Rule, subject: str) -> str:
        return hmac.new(self._key, f"{rule.name}\0{subject}".encode(), hashlib.sha256).hexdigest()


def network_of(ip: str) -> str:
    """What one subscriber has: an IPv4 address, or a /64 of IPv6."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _ONE_NETWORK << _ONE_NETWORK))
    return str(address)


def account_in_network(account: str, ip: str) -> str:
    """The subject of a rule that counts an account's tries for each network they come from."""
    return f"{account}\0{network_of(ip)}"
