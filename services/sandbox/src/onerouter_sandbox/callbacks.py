"""Callbacks: the sandbox calls its clients, as providers do, again and again until they answer 2xx.

One sender for all providers, bounded in how many deliveries are in flight. A provider's folder makes body and headers,
signed once or, where the provider signs the time as well, at each try; the address is looked up at each try, so that a
client may move.
"""

import asyncio
import heapq
import itertools
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiohttp

from onerouter_sandbox.clock import Clock
from onerouter_sandbox.faults import CALLBACK_KINDS, FaultKind, Faults
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.journal import Journal

log = logging.getLogger(__name__)

_KEPT_WHEN_DONE: Final = 20_000
_JUDGED: Final = 4_096
"""Bytes of an answer that are looked at."""
_TRIES_KEPT: Final = 20
"""Of each callback, the last ones. Each try writes all of them down: nobody may be there for a day of tries."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential: `first_s`, twice that, …, never more than `most_s`; nothing after `give_up_s`."""

    first_s: float
    most_s: float
    give_up_s: float

    def wait_s(self, tries: int) -> float:
        return min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 60))


@dataclass(slots=True)
class Try:
    """One delivery: the status that came back, and what went wrong with it, or instead."""

    at: float
    status: int | None
    error: str | None
    duration_ms: float

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Callback:
    """One event owed to one account's endpoint. Callbacks with the same `group` concern the same object."""

    id: str
    provider: str
    account: str
    event: str
    event_id: str
    group: str
    body: str
    headers: dict[str, str]
    created_at: float
    due_at: float
    state: Literal["pending", "delivered", "given_up"] = "pending"
    copy_of: str | None = None
    url: str | None = None
    """Where this one goes, for a provider that is told with each request; None: to the account's address."""
    tried: int = 0
    """How often; `tries` are the last of them."""
    tries: list[Try] = field(default_factory=list)
    followers: list["Callback"] = field(default_factory=list, repr=False)

    def record(self) -> dict[str, Any]:
        saved = {name: getattr(self, name) for name in self.__slots__ if name not in ("tries", "followers")}
        # One that waits for another has no due time of its own; after a restart it simply goes.
        due_at = self.due_at if math.isfinite(self.due_at) else self.created_at
        return saved | {"due_at": due_at, "tries": [each.record() for each in self.tries]}

    def add(self, outcome: Try) -> None:
        self.tried += 1
        self.tries = [*self.tries, outcome][-_TRIES_KEPT:]

    @classmethod
    def restored(cls, saved: dict[str, Any]) -> "Callback":
        tries = [Try(**each) for each in saved["tries"]]
        # What was saved before tries were counted has all of them.
        return cls(**({"tried": len(tries)} | saved | {"tries": tries[-_TRIES_KEPT:]}))


Target = Callable[[str], str | None]
Sign = Callable[[Callback], dict[str, str]]
Judge = Callable[[Callback, str, bytes], str | None]
"""What is wrong with an answer that says 2xx: of its content type and the beginning of its body."""


class CallbackSender:
    """Owes callbacks and pays them. `run` is the only task; `emit` may be called before it starts."""

    def __init__(
        self,
        *,
        clock: Clock,
        faults: Faults,
        journal: Journal,
        retry: RetryPolicy,
        timeout_s: float,
        concurrency: int,
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._journal = journal
        self._retry = retry
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._targets: dict[str, Target] = {}
        self._signs: dict[str, Sign] = {}
        self._judges: dict[str, Judge] = {}
        self._callbacks: dict[str, Callback] = {}
        self._due: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._held: dict[tuple[str, str, str], Callback] = {}
        self._done: deque[str] = deque()
        self._at_work: set[str] = set()
        self._wake = asyncio.Event()
        for saved in journal.load("sandbox", "callback"):
            self._restore(Callback.restored(saved))

    def serve(self, provider: str, target: Target, sign: Sign | None = None, judge: Judge | None = None) -> None:
        """Have `target` say where this provider's accounts want to be called, `sign` add to the headers of each try, and
        `judge` look at what is answered: what it finds is the `error` of a try that was delivered all the same."""
        self._targets[provider] = target
        if sign is not None:
            self._signs[provider] = sign
        if judge is not None:
            self._judges[provider] = judge

    def emit(
        self,
        *,
        provider: str,
        account: str,
        event: str,
        event_id: str,
        group: str,
        body: bytes,
        headers: dict[str, str],
        url: str | None = None,
    ) -> Callback:
        """Owe one callback, with the faults that were asked for."""
        now = self._clock.now()
        callback = Callback(
            random_id("cbk_"), provider, account, event, event_id, group, body.decode(), headers, now, now, url=url
        )
        self._callbacks[callback.id] = callback
        fault = self._faults.draw(CALLBACK_KINDS, provider, event, account)
        self._lead(callback)
        if fault is None:
            self._schedule(callback, now)
        elif fault.kind is FaultKind.REORDERED_CALLBACKS:
            self._held[provider, account, group] = callback
            self._schedule(callback, now + fault.delay_s)
        else:
            self._schedule(callback, now + (fault.delay_s if fault.kind is FaultKind.LATE_CALLBACK else 0))
            if fault.kind is FaultKind.DUPLICATE_CALLBACK:
                self._duplicate(callback, fault.copies)
        return callback

    def resend(self, callback_id: str) -> Callback | None:
        """Deliver once more at once, whatever became of it; None when there is no such callback."""
        callback = self._callbacks.get(callback_id)
        if callback is None:
            return None
        callback.state = "pending"
        if callback.id not in self._at_work:  # else its running try decides
            self._schedule(callback, self._clock.now())
        return callback

    def get(self, callback_id: str) -> Callback | None:
        return self._callbacks.get(callback_id)

    def all(self) -> Iterable[Callback]:
        """Oldest first."""
        return self._callbacks.values()

    async def run(self) -> None:
        """Deliver until cancelled. What is still owed then stays owed (and is saved, if anything is)."""
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        connector = aiohttp.TCPConnector(limit=self._concurrency)
        slots = asyncio.Semaphore(self._concurrency)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http, asyncio.TaskGroup() as tasks:
            while True:
                await slots.acquire()
                callback = await self._next()
                tasks.create_task(self._deliver(http, callback)).add_done_callback(lambda _: slots.release())

    def _lead(self, callback: Callback) -> None:
        """Have a callback that was held back come right after this one."""
        held = self._held.pop((callback.provider, callback.account, callback.group), None)
        if held is not None and not held.tried and held.id not in self._at_work:
            held.due_at = math.inf
            callback.followers.append(held)

    def _duplicate(self, original: Callback, copies: int) -> None:
        for _ in range(copies):
            copy = Callback.restored(original.record() | {"id": random_id("cbk_"), "copy_of": original.id})
            self._callbacks[copy.id] = copy
            original.followers.append(copy)
            copy.due_at = math.inf
            self._save(copy)

    def _schedule(self, callback: Callback, due_at: float) -> None:
        callback.due_at = due_at
        heapq.heappush(self._due, (due_at, next(self._order), callback))
        self._save(callback)
        self._wake.set()

    async def _next(self) -> Callback:
        """The next callback that is due; waits for it."""
        while True:
            self._wake.clear()
            # An entry whose time is not the callback's any more was rescheduled: another entry stands for it.
            while self._due and self._due[0][0] != self._due[0][2].due_at:
                heapq.heappop(self._due)
            wait_s = self._due[0][0] - self._clock.now() if self._due else None
            if wait_s is not None and wait_s <= 0:
                callback = heapq.heappop(self._due)[2]
                self._at_work.add(callback.id)
                return callback
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _deliver(self, http: aiohttp.ClientSession, callback: Callback) -> None:
        try:
            outcome = await self._post(http, callback)
        finally:
            self._at_work.discard(callback.id)
        callback.add(outcome)
        if outcome.status is not None and 200 <= outcome.status < 300:
            self._finish(callback, "delivered")
        elif outcome.at - callback.created_at >= self._retry.give_up_s:
            self._finish(callback, "given_up")
        else:
            self._schedule(callback, self._clock.now() + self._retry.wait_s(callback.tried))
        followers, callback.followers = callback.followers, []
        for follower in followers:
            self._schedule(follower, self._clock.now())

    async def _post(self, http: aiohttp.ClientSession, callback: Callback) -> Try:
        started = self._clock.now()
        status: int | None = None
        error: str | None = None
        url = callback.url or self._targets.get(callback.provider, _nowhere)(callback.account)
        if url is None:
            return Try(started, None, "the account has no webhook_url", 0.0)
        sign = self._signs.get(callback.provider)
        headers = callback.headers if sign is None else callback.headers | sign(callback)
        try:
            async with http.post(url, data=callback.body.encode(), headers=headers, allow_redirects=False) as answer:
                status = answer.status
                judge = self._judges.get(callback.provider)
                if judge is not None and 200 <= status < 300:
                    error = judge(callback, answer.content_type, await answer.content.read(_JUDGED))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            error = type(problem).__name__
        return Try(started, status, error, round((self._clock.now() - started) * 1_000, 1))

    def _finish(self, callback: Callback, state: Literal["delivered", "given_up"]) -> None:
        callback.state = state
        if state == "given_up":
            log.warning("callback.given_up id=%s event=%s tries=%d", callback.id, callback.event, callback.tried)
        self._save(callback)
        group = (callback.provider, callback.account, callback.group)
        if self._held.get(group) is callback:
            del self._held[group]
        self._done.append(callback.id)
        while len(self._done) > _KEPT_WHEN_DONE:
            self._forget(self._done.popleft())

    def _forget(self, callback_id: str) -> None:
        callback = self._callbacks.get(callback_id)
        if callback is not None and callback.state != "pending":
            del self._callbacks[callback_id]
            self._journal.drop("sandbox", "callback", callback_id)

    def _restore(self, callback: Callback) -> None:
        self._callbacks[callback.id] = callback
        if callback.state == "pending":
            self._schedule(callback, callback.due_at)
        else:
            self._done.append(callback.id)

    def _save(self, callback: Callback) -> None:
        self._journal.mark("sandbox", "callback", callback.id, callback)


def _nowhere(_account: str) -> None:
    return None
