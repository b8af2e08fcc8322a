"""Principals by key hash: asked of the registry once, believed for a while, forgotten as soon as something changes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from onerouter_common.contracts.registry import EVERY_TENANT, RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.epochs import IN_NO_PRINCIPAL, Epochs
from onerouter_gateway.authentication.holder import Holder
from onerouter_gateway.authentication.known import Entry, KnownKeys
from onerouter_gateway.authentication.strangers import Strangers

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


@dataclass(frozen=True, slots=True)
class _Answer:
    holder: Holder | None
    epoch: int
    """Of the moment it was asked for: what changed since may not be in it."""


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
        strangers: Strangers | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._introspect = introspect
        self._is_live = is_live
        self._ttl_s = ttl_s
        self._unknown_ttl_s = unknown_ttl_s
        self._size = size
        self._monotonic = monotonic
        self._keys = KnownKeys(size)
        self._known = self._keys.entries
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._strangers = strangers or Strangers()
        self._asking: dict[str, asyncio.Task[_Answer]] = {}
        self._epochs = Epochs()

    async def get(self, key_hash: str, address: str | None = None) -> Holder | None:
        """Who holds the key; None: nobody. `address` is the one it was presented from.

        Raises Overloaded when that is not cached and cannot be asked for, or RateLimited: not for this address, now.
        """
        now = self._monotonic()
        entry = self._known.get(key_hash)
        if entry is not None and self._is_believed(entry, now):
            self._known.move_to_end(key_hash)
            return entry.holder
        if self._unknown.get(key_hash, 0.0) > now:
            return None
        try:
            return await self._ask_once(key_hash, address)
        except Overloaded:
            # What is held now, not what was held before asking: a change may have come meanwhile.
            held = self._known.get(key_hash)
            if held is None or not self._may_be_stale(held, now):
                raise
            held.ask_again_at = self._monotonic() + _ASK_AGAIN_S
            return held.holder

    def _is_believed(self, entry: Entry, now: float) -> bool:
        if now - entry.asked_at < (self._ttl_s if self._is_live() else min(self._ttl_s, _BLIND_TTL_S)):
            return True
        return now < entry.ask_again_at and self._may_be_stale(entry, now)

    def _may_be_stale(self, entry: Entry, now: float) -> bool:
        return now - entry.asked_at < (_STALE_FOR_S if self._is_live() else _BLIND_STALE_FOR_S)

    def forget(self, change: RegistryChange) -> None:
        """Drop what a change concerns, and only that: whatever one tenant does, the others' keys are not even looked at."""
        if change.entity in IN_NO_PRINCIPAL:
            return
        self._epochs.changed(change)
        if change.entity == "api_key" and change.key_hash is not None:
            self._keys.forget(change.key_hash)
            self._unknown.pop(change.key_hash, None)
            self._asking.pop(change.key_hash, None)
        elif change.tenant_id == EVERY_TENANT:
            self._asking.clear()
            self._keys.clear()
        else:
            for key_hash in self._keys.forget_tenant(change.tenant_id, change.environment):
                self._asking.pop(key_hash, None)

    def forget_all(self) -> None:
        """Changes may have been missed."""
        self._epochs.all_changed()
        self._asking.clear()
        self._keys.clear()
        self._unknown.clear()

    async def _ask_once(self, key_hash: str, address: str | None) -> Holder | None:
        """Many requests with one key that is not cached ask one question. The asking outlives any one of them."""
        joined = self._epochs.now
        while True:
            answer = await asyncio.shield(self._question(key_hash, address))
            # Who joined after a change must not get an answer of before it. Whose question it was is known only now.
            if joined <= answer.epoch or not self._changed_since(key_hash, answer):
                return answer.holder

    def _question(self, key_hash: str, address: str | None) -> "asyncio.Task[_Answer]":
        task = self._asking.get(key_hash)
        if task is None:
            task = asyncio.create_task(self._ask(key_hash, address), name="introspect")
            self._asking[key_hash] = task
            task.add_done_callback(lambda done: self._asked(key_hash, done))
        return task

    def _asked(self, key_hash: str, task: "asyncio.Task[_Answer]") -> None:
        if self._asking.get(key_hash) is task:
            del self._asking[key_hash]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may be waiting any more

    async def _ask(self, key_hash: str, address: str | None) -> _Answer:
        if key_hash in self._seen or key_hash in self._known:
            return await self._ask_now(key_hash)
        async with self._strangers.turn(address):
            return await self._ask_now(key_hash)

    async def _ask_now(self, key_hash: str) -> _Answer:
        asked_at = self._monotonic()
        epoch = self._epochs.now
        principal = await self._introspect(key_hash)
        answer = _Answer(None if principal is None else Holder.of(principal), epoch)
        if answer.holder is not None:
            _remember(self._seen, key_hash, None, self._size)
        if self._changed_since(key_hash, answer):
            return answer  # good for those who asked before the change, not for remembering
        if answer.holder is None:
            self._keys.forget(key_hash)
            _remember(self._unknown, key_hash, asked_at + self._unknown_ttl_s, _UNKNOWN_SIZE)
        else:
            self._keys.remember(key_hash, Entry(answer.holder, asked_at))
        return answer

    def _changed_since(self, key_hash: str, answer: _Answer) -> bool:
        if answer.holder is None:
            return self._epochs.changed_since(answer.epoch, key_hash)
        return self._epochs.changed_since(answer.epoch, key_hash, answer.holder.principal.tenant_id)


def _remember(where: OrderedDict[str, ValueT], key_hash: str, value: ValueT, size: int) -> None:
    where[key_hash] = value
    where.move_to_end(key_hash)
    if len(where) > size:
        where.popitem(last=False)
