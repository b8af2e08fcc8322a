"""The circuits of the connections this process uses: decided by what it sees, and by what the others have told.

The way of an operation asks nobody: it looks at what is known here. What this process opens, proves or closes is told in
the background, and news of the others are fetched there. Only a probe is asked for on the way, so that all processes
together let no more through than the rule says; nobody answering, each goes by itself.
"""

import asyncio
import contextlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.worker.circuit import rule as rules
from onerouter_common.worker.circuit.rule import CLOSED, Circuit, Evidence, Gate, Open, Rule, Seen, Verdict
from onerouter_common.worker.circuit.shared import Answer, Change, Shared, SharedAway, Told

log = structlog.get_logger()

NEVER: Final = Rule(consecutive=1 << 30, ratio=2.0, throttled_s=float("inf"))
"""Every call goes through, whatever they come to."""

_MOST_KNOWN: Final = 20_000
_MOST_PENDING: Final = 64
_MOST_QUESTIONS: Final = 64
_BAD: Final = (Verdict.FAILED, Verdict.THROTTLED)
_CLOCK_STEP_S: Final = 0.25
"""Our clock and the one of all are taken for equal up to here: the round trip alone makes some difference."""


@dataclass(slots=True)
class _Known:
    provider: str
    circuit: Circuit = CLOSED
    version: int = 0
    """Of what is shared of it, as last heard; 0: nothing."""
    pending: list[Seen] = field(default_factory=list)
    """Seen since then: applied again should somebody else have been faster."""
    asked_at: float = float("-inf")
    """When a question about an effect was last let through by the clock."""
    may_ask: int = 0
    """Questions that may go besides: more with each answer, none after a failure."""


class Circuits:
    """Lives on one event loop. `seconds` is a wall clock; the one of all, where there is one, corrects it."""

    def __init__(
        self,
        rule: Rule,
        shared: Shared | None = None,
        *,
        category: str,
        refresh_s: float = 0.5,
        retry_s: float = 1.0,
        ask_every_s: float = 1.0,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._rule = rule
        self._shared = shared
        self.category = category
        self._refresh_s = refresh_s
        self._retry_s = retry_s
        self._ask_every_s = ask_every_s
        self._seconds = seconds
        self._ahead_s = 0.0
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._open: set[str] = set()
        self._untold: set[str] = set()
        """Moved here since it was last told of."""
        self._since = 0
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._leave_alone_until = 0.0
        self._is_away = False

    def now(self) -> float:
        """Seconds by the clock of all."""
        return self._seconds() + self._ahead_s

    @property
    def any_open(self) -> bool:
        return bool(self._open)

    def gate(self, connection_id: str) -> Gate:
        if connection_id not in self._open:
            return Gate.CLOSED
        return rules.gate(self._known[connection_id].circuit, self.now(), self._rule)

    def may_ask(self, connection_id: str) -> bool:
        """Whether a call that only asks about an earlier effect may go now: all while closed, else a few.

        Where they are answered they may be twice as many each time, so that much doubt ends soon.
        """
        if self.gate(connection_id) is Gate.CLOSED:
            return True
        known, now = self._known[connection_id], self.now()
        if known.may_ask:
            known.may_ask -= 1
            return True
        if 0 <= now - known.asked_at < self._ask_every_s:
            return False
        known.asked_at = now
        return True

    def wait_s(self, connection_id: str) -> float:
        """In how many seconds it may be tried again."""
        known = self._known.get(connection_id)
        return 0.0 if known is None else rules.wait_s(known.circuit, self.now())

    def provider_of(self, connection_id: str) -> str | None:
        known = self._known.get(connection_id)
        return None if known is None else known.provider

    def why(self, connection_id: str) -> str:
        """A sentence for the tenant about a circuit that is not closed."""
        known = self._known.get(connection_id)
        circuit = CLOSED if known is None else known.circuit
        told = f", because {circuit.why}" if isinstance(circuit, Open) else ""
        return f"Its circuit is open{told}: it is left alone for a moment, then tried with a few operations."

    def observe(
        self, connection_id: str, provider: str, verdict: Verdict, *, began_at: float, asked_to_wait_s: float = 0.0
    ) -> None:
        """A call has ended. `began_at` by `now`."""
        known = self._known.get(connection_id)
        if known is None:
            known = self._remember(connection_id, provider)
        seen = Seen(verdict, began_at, self.now(), asked_to_wait_s)
        known.may_ask = 0 if verdict in _BAD else min(_MOST_QUESTIONS, known.may_ask + 2)
        after = rules.observed(known.circuit, seen, self._rule)
        if isinstance(known.circuit, Open) or isinstance(after, Open):
            known.pending = [*known.pending[1 - _MOST_PENDING :], seen]
        self._decide(connection_id, known, after)

    async def permits(self, wanted: Mapping[str, int]) -> Counter[str]:
        """How many of so many operations may go to each of these connections as probes. One round trip at most."""
        granted: Counter[str] = Counter()
        async with self._lock:
            for connection_id, most in wanted.items():
                if taken := self._take(connection_id, most):
                    granted[connection_id] = taken
            if granted and not self._leaves_alone():
                kept = await self._exchange()
                if kept is not None:  # where somebody was faster his probes are enough
                    granted = Counter({id: taken for id, taken in granted.items() if id in kept})
        for connection_id, taken in granted.items():
            metrics.CIRCUIT_PROBES.labels(self.category, self._known[connection_id].provider).inc(taken)
        return granted

    async def run(self) -> None:
        """Until cancelled: tell what is new here, hear what is new elsewhere."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._refresh_s):
                    await self._news.wait()
            self._news.clear()
            await self.refresh()

    async def refresh(self) -> None:
        self._forget()
        if not self._leaves_alone():
            async with self._lock:
                await self._exchange()

    def _remember(self, connection_id: str, provider: str) -> _Known:
        known = self._known[connection_id] = _Known(provider)
        in_use = self._open | self._untold if len(self._known) > _MOST_KNOWN else self._open
        while len(self._known) > _MOST_KNOWN + len(in_use):
            oldest = next(iter(self._known))
            if oldest in in_use:
                self._known.move_to_end(oldest)
            else:
                del self._known[oldest]
        return known

    def _take(self, connection_id: str, most: int) -> int:
        """How many probes the circuit has for us, as far as we know."""
        known, now, taken = self._known[connection_id], self.now(), 0
        while taken < most and isinstance(known.circuit, Open):
            after = rules.admitted(known.circuit, now, self._rule)
            if after is None:
                break
            known.circuit, taken = after, taken + 1
            self._untold.add(connection_id)
        return taken

    def _decide(self, connection_id: str, known: _Known, after: Circuit) -> None:
        """This process moves a circuit, and says so."""
        before, known.circuit = known.circuit, after
        if after == before or (isinstance(before, Evidence) and isinstance(after, Evidence)):
            return
        self._untold.add(connection_id)
        self._news.set()
        self._index(connection_id, known)
        self._say(connection_id, known.provider, before, after)

    def _say(self, connection_id: str, provider: str, before: Circuit, after: Circuit) -> None:
        about = {"category": self.category, "provider": provider, "connection_id": connection_id}
        if isinstance(after, Evidence):
            log.info("circuit.closed", **about)
            metrics.CIRCUIT_TURNS.labels(self.category, provider, "closed").inc()
        elif isinstance(before, Evidence) or after.times > before.times:
            open_s = round(after.until - self.now(), 1)
            log.warning("circuit.opened", **about, why=after.why, times=after.times, open_s=open_s)
            metrics.CIRCUIT_TURNS.labels(self.category, provider, "opened").inc()

    def _index(self, connection_id: str, known: _Known) -> None:
        is_open = isinstance(known.circuit, Open)
        if is_open == (connection_id in self._open):
            return
        (self._open.add if is_open else self._open.discard)(connection_id)
        metrics.CIRCUITS_OPEN.labels(self.category, known.provider).inc(1 if is_open else -1)

    def _forget(self) -> None:
        now = self.now()
        for connection_id in [*self._open]:
            known = self._known[connection_id]
            if isinstance(known.circuit, Open) and rules.is_forgotten(known.circuit, now, self._rule):
                known.circuit, known.version, known.pending = CLOSED, 0, []
                self._untold.discard(connection_id)
                self._index(connection_id, known)

    def _leaves_alone(self) -> bool:
        return self._shared is None or self._seconds() < self._leave_alone_until

    async def _exchange(self) -> set[str] | None:
        """Under the lock. The connections of which ours was taken; None: nobody answers."""
        if self._shared is None:
            return None
        sent, self._untold = self._untold, set()
        changes = [self._change(id, self._known[id]) for id in sent]
        pending = {id: len(self._known[id].pending) for id in sent}
        try:
            answer = await self._shared.exchange(self._since, changes)
        except SharedAway as error:
            self._untold |= sent
            self._went_away(error)
            return None
        except BaseException:  # whether it was taken is not known: told again, at worst in vain
            self._untold |= sent
            raise
        self._came_back()
        self._correct(answer.now)
        for change in changes:
            known = self._known[change.connection_id]
            version = answer.kept.get(change.connection_id)
            if version is not None:
                known.version = 0 if change.told is None else version
                known.pending = known.pending[pending[change.connection_id] :]
            else:
                known.version = 0  # unless the news say otherwise what was shared of it has expired
                self._untold.add(change.connection_id)
        self._hear(answer)
        return set(answer.kept)

    def _change(self, connection_id: str, known: _Known) -> Change:
        circuit = known.circuit
        if not isinstance(circuit, Open):
            return Change(connection_id, known.version, None, 0.0)
        keep_s = max(0.0, circuit.until - self.now()) + self._rule.forget_s
        return Change(connection_id, known.version, Told(known.provider, circuit), keep_s)

    def _hear(self, answer: Answer) -> None:
        if answer.head < self._since:  # all was lost: tell what we know, and hear everything again
            self._since = 0
            for id in self._open:
                self._known[id].version = 0
            self._untold |= self._open
            self._news.set()
            return
        self._since = answer.read_to
        for id, (version, told) in answer.news.items():
            if answer.kept.get(id) == version:
                continue  # our own
            known = self._known.get(id)
            if known is None and told is not None:
                known = self._remember(id, told.provider)
            if known is not None and known.version < version:
                self._adopt(id, known, version, told)

    def _adopt(self, connection_id: str, known: _Known, version: int, told: Told | None) -> None:
        """Somebody else was faster: theirs is the circuit, and what we have seen since is added to it."""
        self._untold.discard(connection_id)
        known.version = 0 if told is None else version
        if told is not None:
            known.circuit, known.may_ask = told.circuit, 0
        elif isinstance(known.circuit, Open):
            known.circuit = CLOSED
        else:
            return
        self._index(connection_id, known)
        for seen in known.pending:
            self._decide(connection_id, known, rules.observed(known.circuit, seen, self._rule))
        if connection_id not in self._untold:
            known.pending = []

    def _correct(self, now: float) -> None:
        ahead_s = now - self._seconds()
        if abs(ahead_s - self._ahead_s) > _CLOCK_STEP_S:
            self._ahead_s = ahead_s

    def _went_away(self, error: SharedAway) -> None:
        self._leave_alone_until = self._seconds() + self._retry_s
        metrics.CIRCUITS_ALONE.labels(self.category).inc()
        if not self._is_away:
            self._is_away = True
            log.warning("circuits.redis.away", error=str(error), policy="each process goes by what it sees itself")

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("circuits.redis.back")
