"""Whose callback it is: a token's connection, remembered for a moment and dropped when the registry changes."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol, TypeVar

from onerouter_common.contracts.registry import EVERY_TENANT, RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import CallbackTarget

_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{43}")
"""As the registry makes them: 32 random bytes."""
_STRANGERS_AT_ONCE: Final = 32
"""Questions at once about tokens that never were anybody's here: made-up ones must leave the registry free for others."""
_STRANGERS_WAITING: Final = 128
_STALE_S: Final = 600.0
"""How old an answer may get while the registry cannot be asked: the callback is still verified."""
_ASK_AGAIN_S: Final = 2.0
"""After the registry could not be asked: how long it is left alone where what is known serves."""
_UNWATCHED_TTL_S: Final = 5.0
"""While the change feed is away a revoked token would not be noticed: remember for a moment only."""

_Key = tuple[str, str]
ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class _Entry:
    target: CallbackTarget
    asked_at: float
    ask_again_at: float = 0.0


class Registry(Protocol):
    """The part of the registry client that is used here."""

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None: ...


class Targets:
    """Answers from memory where it can. Unknown tokens are not remembered, so that a new one works at once.

    Tokens that were somebody's before are asked for at once, also after they were dropped; all others share a few slots.
    Concurrent questions about one token are one question. `drop` and `clear` are what the change feed calls.
    """

    def __init__(
        self, registry: Registry, *, ttl_s: float, size: int, is_watched: Callable[[], bool] = lambda: True
    ) -> None:
        self._registry = registry
        self._ttl_s = ttl_s
        self._size = size
        self._is_watched = is_watched
        self._known: OrderedDict[_Key, _Entry] = OrderedDict()
        self._seen: OrderedDict[_Key, None] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[CallbackTarget | None]] = {}
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)
        self._waiting = 0
        self._epoch = 0

    async def find(self, provider: str, token: str) -> CallbackTarget | None:
        """Raises Overloaded when the registry cannot be asked."""
        if _TOKEN.fullmatch(token) is None:
            return None
        key = (provider, token)
        entry = self._known.get(key)
        if entry is not None and self._is_fresh(entry):
            self._known.move_to_end(key)
            return entry.target
        try:
            return await self._ask_once(key)
        except Overloaded:
            # What is known now, not what was known before asking: a change may have come meanwhile.
            entry = self._known.get(key)
            if entry is None or monotonic() - entry.asked_at >= _STALE_S:
                raise
            entry.ask_again_at = monotonic() + _ASK_AGAIN_S
            return entry.target

    async def _ask_once(self, key: _Key) -> CallbackTarget | None:
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key), name="callback-target")
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def drop(self, change: RegistryChange) -> None:
        """Forget what this change may concern."""
        self._begin_epoch()
        if change.entity in ("connection", "callback_token", "tenant", "provider"):
            for key in [key for key, entry in self._known.items() if _concerns(change, entry.target)]:
                del self._known[key]

    def clear(self) -> None:
        """Changes may have been missed: forget everything."""
        self._begin_epoch()
        self._known.clear()

    def _begin_epoch(self) -> None:
        # An answer that is under way may be of before the change: nobody new may join that question.
        self._epoch += 1
        self._asking.clear()

    async def _ask(self, key: _Key) -> CallbackTarget | None:
        if key in self._seen:
            return await self._ask_now(key)
        if self._waiting >= _STRANGERS_WAITING:
            raise Overloaded("Too many callbacks of unknown origin at once.", retry_after_s=5)
        self._waiting += 1
        try:
            await self._strangers.acquire()
        finally:
            self._waiting -= 1
        try:
            return await self._ask_now(key)
        finally:
            self._strangers.release()

    async def _ask_now(self, key: _Key) -> CallbackTarget | None:
        epoch, asked_at = self._epoch, monotonic()
        target = await self._registry.callback_target(*key)
        if target is None:
            self._known.pop(key, None)
            return None
        _remember(self._seen, key, None, self._size)
        if epoch == self._epoch:  # else: the answer may be older than the change
            _remember(self._known, key, _Entry(target, asked_at), self._size)
        return target

    def _answered(self, key: _Key, done: "asyncio.Task[CallbackTarget | None]") -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # whoever asked may have given up by now

    def _is_fresh(self, entry: _Entry) -> bool:
        now = monotonic()
        lifetime_s = self._ttl_s if self._is_watched() else min(self._ttl_s, _UNWATCHED_TTL_S)
        return now - entry.asked_at < lifetime_s or now < entry.ask_again_at


def _remember(where: OrderedDict[_Key, ValueT], key: _Key, value: ValueT, size: int) -> None:
    where[key] = value
    where.move_to_end(key)
    if len(where) > size:
        where.popitem(last=False)


def _concerns(change: RegistryChange, target: CallbackTarget) -> bool:
    if change.entity == "connection":
        return change.id == target.connection_id
    return change.tenant_id in (EVERY_TENANT, target.tenant_id)
