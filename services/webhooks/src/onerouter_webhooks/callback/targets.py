"""Whose callback it is: a token's connection, remembered for a moment and dropped when the registry changes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import CallbackTarget

_LOOKUPS_AT_ONCE: Final = 32
_UNWATCHED_TTL_S: Final = 5.0
"""While the change feed is away a revoked token would not be noticed: remember for a moment only."""

_Key = tuple[str, str]


class Registry(Protocol):
    """The part of the registry client that is used here."""

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None: ...


class Targets:
    """Answers from memory where it can. Unknown tokens are not remembered, so that a new one works at once.

    Concurrent questions about one token are one question. `drop` and `clear` are what the change feed calls.
    """

    def __init__(
        self, registry: Registry, *, ttl_s: float, size: int, is_watched: Callable[[], bool] = lambda: True
    ) -> None:
        self._registry = registry
        self._ttl_s = ttl_s
        self._size = size
        self._is_watched = is_watched
        self._known: OrderedDict[_Key, tuple[float, CallbackTarget]] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[CallbackTarget | None]] = {}
        self._slots = asyncio.Semaphore(_LOOKUPS_AT_ONCE)
        self._epoch = 0

    async def find(self, provider: str, token: str) -> CallbackTarget | None:
        """Raises Overloaded when the registry cannot be asked."""
        key = (provider, token)
        entry = self._known.get(key)
        if entry is not None and monotonic() - entry[0] < self._lifetime_s():
            self._known.move_to_end(key)
            return entry[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key), name="callback-target")
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def drop(self, change: RegistryChange) -> None:
        """Forget what this change may concern."""
        self._begin_epoch()
        if change.entity in ("connection", "callback_token", "tenant"):
            for key in [key for key, (_, target) in self._known.items() if _concerns(change, target)]:
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
        if self._slots.locked() and len(self._asking) > 8 * _LOOKUPS_AT_ONCE:
            raise Overloaded("Too many callbacks of unknown origin at once.", retry_after_s=5)
        async with self._slots:
            epoch = self._epoch
            target = await self._registry.callback_target(*key)
        if target is not None and epoch == self._epoch:  # else: the answer may be older than the change
            self._known[key] = (monotonic(), target)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return target

    def _answered(self, key: _Key, done: "asyncio.Task[CallbackTarget | None]") -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # whoever asked may have given up by now

    def _lifetime_s(self) -> float:
        return self._ttl_s if self._is_watched() else min(self._ttl_s, _UNWATCHED_TTL_S)


def _concerns(change: RegistryChange, target: CallbackTarget) -> bool:
    if change.entity == "connection":
        return change.id == target.connection_id
    return change.tenant_id == target.tenant_id
