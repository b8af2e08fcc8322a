"""What is measured: the webhooks service as a process of its own on durable engines, with a registry that answers at once."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import aiohttp
import asyncpg
from tests.bench import machine
from tests.bench.callbacks.senders import Connections
from tests.services.webhooks.callback.conftest import BASE_URL, all_providers
from tests.services.webhooks.conftest import make_settings

from onerouter_common.broker import ensure_topics
from onerouter_common.registry_client import CallbackTarget
from onerouter_common.web import server
from onerouter_local.children import spawn
from onerouter_local.engines import ApacheKafka, LocalBroker, Postgres
from onerouter_local.engines.process import ended
from onerouter_local.ports import LOOPBACK, free_port
from onerouter_local.testing import Cluster
from onerouter_webhooks.app import create_app
from onerouter_webhooks.settings import Settings

_READY_S: Final = 60.0
_STOP_S: Final = 20.0
_SECRETS: Final = ("internal_tokens", "callback_keys_test", "callback_keys_live", "encryption_keys")
_TOLD: Final = "BENCH"


@dataclass(frozen=True, slots=True)
class Rig:
    http: aiohttp.ClientSession
    admin: "asyncpg.Connection[asyncpg.Record]"
    url: str
    processes: Mapping[str, int]
    """Name → process id; a process's children are its own."""

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        return {name: machine.cpu_s(pid) for name, pid in self.processes.items()}

    async def stored(self) -> Mapping[str, int]:
        """Callbacks, what they told, and what of that has not been published yet."""
        row = await self.admin.fetchrow(
            "SELECT (SELECT count(*) FROM inbound_events) AS callbacks, count(*) AS records, "
            "count(*) FILTER (WHERE publish_at IS NOT NULL) AS unpublished FROM callback_records"
        )
        return dict(row or {})


class Handed:
    """A registry that answers from what it was handed."""

    def __init__(self, targets: Mapping[str, Any]) -> None:
        self._targets = {token: CallbackTarget.model_validate(target) for token, target in targets.items()}

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        target = self._targets.get(token)
        return target if target is not None and target.provider == provider else None


def serve() -> None:
    """The service, as it is run in production but for the registry."""
    told = json.loads(os.environ[_TOLD])
    app = create_app(
        Settings(**told["settings"]),
        registry=Handed(told["targets"]),
        providers=all_providers(),
        consumer_group=token_hex(4),
    )
    server.serve(app, host=LOOPBACK, port=told["port"], drain_timeout_s=_STOP_S / 2)


@asynccontextmanager
async def running(directory: Path, connection: Connections, *, kafka: bool, profile: Path | None) -> AsyncIterator[Rig]:
    """Everything, started and ready; ended with the block. `connection` must be connected with all that will call."""
    kind = machine.Counting if profile else Postgres
    postgres = kind(directory / "postgres", free_port(), token_hex(16))
    broker = (ApacheKafka if kafka else LocalBroker)(directory / "broker", free_port())
    async with AsyncExitStack() as stack:
        for engine in (postgres, broker):
            stack.push_async_callback(engine.discard)
            await engine.start()
        await ensure_topics(broker.bootstrap_servers)
        cluster = Cluster(postgres.admin_dsn)
        stack.push_async_callback(cluster.close)
        database = await cluster.create("webhooks")
        admin = await asyncpg.connect(database.admin_dsn)
        stack.push_async_callback(admin.close)
        if profile:
            await admin.execute("CREATE EXTENSION pg_stat_statements")
        settings = make_settings(
            database,
            broker.bootstrap_servers,
            connection,
            callback_base_url=BASE_URL,
            **{name: Settings.model_fields[name].default for name in ("database_pool_size", "poll_interval_s")},
        )
        port = free_port()
        told = {**os.environ, **(machine.sampled(profile) if profile else {}), _TOLD: _told(port, settings, connection)}
        log = stack.enter_context((directory / "webhooks.log").open("wb"))
        process = spawn([sys.executable, "-m", "tests.bench.callbacks", "--serve"], env=told, output=log)
        stack.push_async_callback(_end, process)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        url = f"http://{LOOPBACK}:{port}"
        await _ready(http, url)
        pids = {
            "webhooks": process.pid,
            "postgres": postgres.pid,
            "broker": broker.pid,
            "provider": os.getpid(),
        }
        if profile:
            await admin.execute("SELECT pg_stat_statements_reset()")  # what it took to set all up is not asked for
        yield Rig(http, admin, url, {name: pid for name, pid in pids.items() if pid is not None})
        if profile:
            await machine.keep_statements(admin, profile)


def _told(port: int, settings: Settings, connection: Connections) -> str:
    """As another process can read it: secrets in the clear, only of this run."""
    told = settings.model_dump(mode="json", exclude_unset=True)
    told |= {name: getattr(settings, name).get_secret_value() for name in _SECRETS}
    targets = {token: target.model_dump(mode="json") for token, target in connection.targets.items()}
    return json.dumps({"port": port, "settings": told, "targets": targets})


async def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    if not await ended(process, _STOP_S):
        process.kill()
        await ended(process, _STOP_S)


async def _ready(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(_READY_S):
        while True:
            try:
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
