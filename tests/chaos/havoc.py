"""Carries the plan out: kills processes, restarts the broker and PostgreSQL, tells what it does."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from tests.chaos.plan import Kill

from onerouter_local.engines import ApacheKafka, Engine, EngineFailed, LocalBroker, Postgres
from onerouter_local.services import ServiceProcess

_TRIES: Final = 5
_LEAST_UP: Final = 4
"""Of eight processes. Where a machine is so busy that they start slower than they die, dying teaches nothing more."""


class Schedule(Protocol):
    """What goes wrong and when."""

    @property
    def kills(self) -> Sequence[Kill]: ...

    @property
    def broker_at_s(self) -> Sequence[float]: ...

    @property
    def postgres_at_s(self) -> Sequence[float]: ...


class Target(Protocol):
    """What is hurt: a whole stack, or a part of one."""

    @property
    def services(self) -> Mapping[str, ServiceProcess]: ...

    @property
    def broker(self) -> ApacheKafka | LocalBroker: ...

    @property
    def postgres(self) -> Postgres: ...


class Havoc:
    """One run of a plan; ends when it is cancelled or everything was done."""

    def __init__(self, stack: Target, plan: Schedule, *, least_up: int = _LEAST_UP) -> None:
        self._stack = stack
        self._least_up = least_up
        self._plan = plan
        self._began = time.monotonic()
        self.kills: Counter[str] = Counter()
        self.skipped = 0
        """Kills whose victim was not running, being killed already, or that would have left too few."""
        self.restarted: list[str] = []

    async def run(self) -> None:
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_all())
            group.create_task(self._restart_all(self._plan.broker_at_s, self._restart_broker))
            group.create_task(self._restart_all(self._plan.postgres_at_s, self._restart_postgres))

    async def _kill_all(self) -> None:
        for kill in self._plan.kills:
            await self._until(kill.at_s)
            self._kill(kill)

    def _kill(self, kill: Kill) -> None:
        process = self._stack.services[kill.victim]
        up = sum(one.serving.is_set() for one in self._stack.services.values())
        if process.pid is None or up < self._least_up:
            self.skipped += 1
            return
        process.kill()
        self.kills[kill.victim] += 1

    async def _restart_all(self, at_s: Sequence[float], restart: Callable[[], Awaitable[None]]) -> None:
        for moment_s in at_s:
            await self._until(moment_s)
            await restart()

    async def _restart_broker(self) -> None:
        broker = self._stack.broker
        how = await bring_down(broker)
        await start(broker)
        self._tell(f"{how} and is back")

    async def _restart_postgres(self) -> None:
        self._stack.postgres.kill()
        await start(self._stack.postgres)
        self._tell("PostgreSQL was killed by SIGKILL and has recovered")

    def _tell(self, what: str) -> None:
        self.restarted.append(what)
        print(f"  {self.elapsed_s:6.1f} s  {what}", flush=True)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self.elapsed_s))


async def bring_down(broker: ApacheKafka | LocalBroker) -> str:
    """As hard as it can be: says how."""
    if isinstance(broker, ApacheKafka):
        broker.kill()
        return "Apache Kafka was killed by SIGKILL"
    # It keeps its newest records in memory: only SIGTERM makes it write them down.
    await broker.stop()
    return "the embedded broker was stopped by SIGTERM (it loses records on SIGKILL: ADR 2)"


async def start(engine: Engine) -> None:
    """Again where orphaned backends still hold its shared memory, or the machine is too busy to start it in time."""
    for left in reversed(range(_TRIES)):
        try:
            await engine.start()
            break
        except EngineFailed:
            if not left:
                raise
