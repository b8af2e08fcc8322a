"""Principals by key hash: asked of the registry once, believed for a while, forgotten as soon as something changes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.holder import Holder

log = structlog.get_logger()

EVERYBODY: Final = "*"
"""Tenant of a change that concerns all: a provider was switched off, so nobody's services are what they were."""

ValueT = TypeVar("ValueT")

_BLIND_TTL_S: Final = 0.8
"""How long a principal is believed while nothing would tell us of a revoked key: it ends within a second then, too."""
_STALE_FOR_S: Final = 900.0
"""How old it may get while the registry cannot be asked but changes still arrive: none came, so it still holds."""
_BLIND_STALE_FOR_S: Final = 300.0
"""The same while no changes arrive either. A key revoked meanwhile works on for so long, rather than none working at all."""
_ASK_AGAIN_S: Final = 0.5
"""After the registry could not be asked: how long it is left alone where what is held serves."""
_UNKNOWN_SIZE: Final = 10_000
_STRANGERS_AT_ONCE: Final = 32
"""Questions at once about keys that never were anybody's here: made-up ones must leave the registry free for the others."""
_STRANGERS_WAITING: Final = 128


@dataclass(slots=True)
class _Entry:
    holder: Holder
    asked_at: float
    ask_again_at: float = 0.0


class PrincipalCache:
    """Bounded, least recently used first out. `is_live` tells whether changes are being received.

    Keys that were somebody's before are asked for at once, also after they were forgotten; all others share a few slots.
    """

    def __init__(
        self,
        introspect: Callable[[str], Awaitable[Principal | None]],
        is_live: Callable[[], bool],
        *,
        ttl_s: float,
        unknown_ttl_s: float,
        size: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._introspect = introspect
        self._is_live = is_live
        self._ttl_s = ttl_s
        self._unknown_ttl_s = unknown_ttl_s
        self._size = size
        self._monotonic = monotonic
        self._known: OrderedDict[str, _Entry] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)
        self._waiting = 0
        self._asking: dict[str, asyncio.Task[Holder | None]] = {}
        self._epoch = 0

    async def get(self, key_hash: str) -> Holder | None:
        """Who holds the key; None: nobody. Raises Overloaded when that is not cached and cannot be asked for."""
        now = self._monotonic()
        entry = self._known.get(key_hash)
        if entry is not None and self._is_believed(entry, now):
            self._known.move_to_end(key_hash)
            return entry.holder
        if self._unknown.get(key_hash, 0.0) > now:
            return None
        try:
            return await self._ask_once(key_hash)
        except Overloaded:
            # What is held now, not what was held before asking: a change may have come meanwhile.
            held = self._known.get(key_hash)
            if held is None or not self._may_be_stale(held, now):
                raise
            held.ask_again_at = self._monotonic() + _ASK_AGAIN_S
            return held.holder

    def _is_believed(self, entry: _Entry, now: float) -> bool:
        if now - entry.asked_at < (self._ttl_s if self._is_live() else min(self._ttl_s, _BLIND_TTL_S)):
            return True
        return now < entry.ask_again_at and self._may_be_stale(entry, now)

    def _may_be_stale(self, entry: _Entry, now: float) -> bool:
        return now - entry.asked_at < (_STALE_FOR_S if self._is_live() else _BLIND_STALE_FOR_S)

    def forget(self, change: RegistryChange) -> None:
        """Drop what a change concerns."""
        self._begin_epoch()
        if change.entity == "api_key" and change.key_hash is not None:
            self._known.pop(change.key_hash, None)
            self._unknown.pop(change.key_hash, None)
        elif change.tenant_id == EVERYBODY:
            self._known.clear()
        elif change.entity != "callback_token":
            self._forget_tenant(change.tenant_id, change.environment)

    def forget_all(self) -> None:
        """Changes may have been missed."""
        self._begin_epoch()
        self._known.clear()
        self._unknown.clear()

    def _begin_epoch(self) -> None:
        # An answer that was asked for before this moment may be of before the change: nobody new may join that question.
        self._epoch += 1
        self._asking.clear()

    def _forget_tenant(self, tenant_id: str, environment: str | None) -> None:
        gone = [
            key_hash
            for key_hash, entry in self._known.items()
            if _is_of(entry.holder.principal, tenant_id, environment)
        ]
        for key_hash in gone:
            del self._known[key_hash]

    async def _ask_once(self, key_hash: str) -> Holder | None:
        """Many requests with one key that is not cached ask one question. The asking outlives any one of them."""
        task = self._asking.get(key_hash)
        if task is None:
            task = asyncio.create_task(self._ask(key_hash), name="introspect")
            self._asking[key_hash] = task
            task.add_done_callback(lambda done: self._asked(key_hash, done))
        return await asyncio.shield(task)

    def _asked(self, key_hash: str, task: "asyncio.Task[Holder | None]") -> None:
        if self._asking.get(key_hash) is task:
            del self._asking[key_hash]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may be waiting any more

    async def _ask(self, key_hash: str) -> Holder | None:
        if key_hash in self._seen:
            return await self._ask_now(key_hash)
        if self._waiting >= _STRANGERS_WAITING:
            raise Overloaded("Too many unknown API keys at once; try again in a moment.", retry_after_s=1)
        self._waiting += 1
        try:
            await self._strangers.acquire()
        finally:
            self._waiting -= 1
        try:
            return await self._ask_now(key_hash)
        finally:
            self._strangers.release()

    async def _ask_now(self, key_hash: str) -> Holder | None:
        asked_at = self._monotonic()
        epoch = self._epoch
        principal = await self._introspect(key_hash)
        holder = None if principal is None else Holder.of(principal)
        if holder is not None:
            _remember(self._seen, key_hash, None, self._size)
        if epoch != self._epoch:
            return holder  # something changed meanwhile: good for those who asked, not for remembering
        if holder is None:
            self._known.pop(key_hash, None)
            _remember(self._unknown, key_hash, asked_at + self._unknown_ttl_s, _UNKNOWN_SIZE)
        else:
            _remember(self._known, key_hash, _Entry(holder, asked_at), self._size)
        return holder


def _is_of(principal: Principal, tenant_id: str, environment: str | None) -> bool:
    return principal.tenant_id == tenant_id and environment in {None, principal.environment}


def _remember(where: OrderedDict[str, ValueT], key_hash: str, value: ValueT, size: int) -> None:
    where[key_hash] = value
    where.move_to_end(key_hash)
    if len(where) > size:
        where.popitem(last=False)
