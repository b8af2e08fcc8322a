"""What is measured, whoever delivers: tenants' servers in one process, the database, and what each process used."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import aiohttp
import asyncpg
from tests.bench import machine

from onerouter_local.children import spawn
from onerouter_local.ports import LOOPBACK, free_port

READY_S: Final = 60.0
_RECEIVER: Final = "tests.bench.deliveries.receiver"


@dataclass
class Watched:
    http: aiohttp.ClientSession
    admin: "asyncpg.Pool[asyncpg.Record]"
    receiver_url: str
    processes: Mapping[str, int]
    """Name → process id; a process's children are its own."""

    async def received(self) -> int:
        """Requests that the receiver got so far."""
        async with self.http.get(f"{self.receiver_url}/control/count") as answer:
            return int(await answer.read())

    async def seen(self) -> list[tuple[str, float]]:
        """Event id and moment of each request since this was last asked."""
        async with self.http.get(f"{self.receiver_url}/control/seen") as answer:
            lines = (await answer.read()).decode().splitlines()
        return [(id_, float(at)) for id_, _, at in (line.partition(" ") for line in lines)]

    async def behave(self, paths: Mapping[str, str]) -> None:
        """How the receiver answers from now on, by path."""
        async with self.http.put(f"{self.receiver_url}/control/paths", json=dict(paths)) as answer:
            answer.raise_for_status()

    async def until_receives(self) -> None:
        async with asyncio.timeout(READY_S):
            while True:
                try:
                    await self.received()
                    return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return {name: machine.cpu_s(pid) for name, pid in self.processes.items()}

    async def wal(self) -> int:
        """Bytes of the write-ahead log so far."""
        return int(await self.admin.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))


def start_receiver(stack: ExitStack) -> tuple[str, int]:
    """Its URL and its process id; it is killed with the stack. It may not answer yet."""
    port = free_port()
    receiver = spawn([sys.executable, "-m", _RECEIVER, str(port)])
    stack.callback(receiver.kill)
    return f"http://{LOOPBACK}:{port}", receiver.pid
