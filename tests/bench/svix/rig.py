"""Svix on durable engines: PostgreSQL as ours has it, Valkey as its makers set Redis, a hundred applications."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
from tests.bench.deliveries.rig import ENDPOINTS
from tests.bench.deliveries.watched import Watched, start_receiver
from tests.bench.svix.engines import DurableValkey, Role, SvixServer
from tests.bench.svix.publisher import connections, post

from onerouter_local.engines import Postgres
from onerouter_local.ports import free_ports
from onerouter_server.databases import at_database, create_database

_DATABASE: Final = "svix"


@dataclass(frozen=True, slots=True)
class Application:
    id: str
    path: str
    """Of its endpoint at the receiver."""


@dataclass
class SvixRig(Watched):
    server: SvixServer
    token: str
    engines: Mapping[str, int]
    """Processes beside the server's."""
    applications: tuple[Application, ...] = ()

    async def run_as(self, role: Role) -> None:
        """Another process with that half of the server."""
        await self.stop()
        await self.server.start_as(role)
        self.count_server()

    async def stop(self) -> None:
        await self.server.stop()
        self.processes = self.engines

    def count_server(self) -> None:
        """Each start gives it another process id."""
        if self.server.pid is None:
            raise RuntimeError(f"the server ended: {self.server.log_tail()}")
        self.processes = {"server": self.server.pid, **self.engines}


@asynccontextmanager
async def running(directory: Path, binary: Path, settings: Mapping[str, str]) -> AsyncIterator[SvixRig]:
    """Everything, started and ready; ended with the block. `settings`: environment of the server."""
    directory.mkdir(mode=0o711)
    postgres_port, valkey_port, port = free_ports(3)
    postgres = Postgres(directory / "postgres", postgres_port, secrets.token_hex(16))
    valkey = DurableValkey(directory / "valkey", valkey_port, secrets.token_hex(16))
    async with AsyncExitStack() as stack:
        for engine in (postgres, valkey):
            stack.push_async_callback(engine.discard)
            await engine.start()
        await create_database(postgres.admin_dsn, _DATABASE)
        dsn = at_database(postgres.admin_dsn, _DATABASE)
        secret = secrets.token_hex(16)
        server = SvixServer(
            binary, directory / "svix", port, dsn=dsn, redis=valkey.url, secret=secret, settings=settings
        )
        stack.push_async_callback(server.discard)
        await server.start()
        receiver_url, receiver_pid = start_receiver(stack.enter_context(ExitStack()))
        pids = {"postgres": postgres.pid, "queue": valkey.pid, "receiver": receiver_pid, "publisher": os.getpid()}
        rig = SvixRig(
            http=await stack.enter_async_context(aiohttp.ClientSession()),
            admin=await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=2, command_timeout=60)),
            receiver_url=receiver_url,
            processes={},
            server=server,
            token=await server.token(),
            engines={name: pid for name, pid in pids.items() if pid is not None},
        )
        rig.count_server()
        await rig.until_receives()
        rig.applications = await _applications(rig)
        yield rig


async def _applications(rig: SvixRig) -> tuple[Application, ...]:
    made = []
    async with connections(rig.server.port, 1) as [connection]:
        for number in range(ENDPOINTS):
            path = f"/hook/{number}"
            app = await connection.ask(post("/api/v1/app", rig.token, {"name": f"tenant {number}"}))
            endpoint = {"url": rig.receiver_url + path}
            await connection.ask(post(f"/api/v1/app/{app['id']}/endpoint", rig.token, endpoint))
            made.append(Application(app["id"], path))
    return tuple(made)
