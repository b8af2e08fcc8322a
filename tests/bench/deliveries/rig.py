"""What is measured: the webhooks service as it is run, on durable engines, with a hundred tenants' endpoints."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
from tests.bench import machine
from tests.bench.deliveries.watched import READY_S, Watched, start_receiver

from onerouter_common.broker import Producer, ensure_topics
from onerouter_common.ids import TENANT, new_id
from onerouter_local.engines import ApacheKafka, LocalBroker, Postgres
from onerouter_local.environment import Addresses, database_url, service_environment
from onerouter_local.ports import free_ports
from onerouter_local.reporter import Silent
from onerouter_local.secret_store import LocalSecrets
from onerouter_local.services import ServiceProcess, ServiceSpec
from onerouter_server.databases import at_database, create_database, database_name, prepare

SERVICE: Final = "webhooks"
ENDPOINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Endpoint:
    id: str
    tenant_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Options:
    kafka: bool
    """Apache Kafka itself and not the embedded broker."""
    profile: Path | None = None
    """Where samples of the service's stacks are written when it ends; PostgreSQL then counts statements."""
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: int = 1
    """Of the service; the first is the one that is asked and profiled."""


@dataclass
class Rig(Watched):
    producer: Producer
    url: str
    token: str
    service: ServiceProcess
    endpoints: Sequence[Endpoint] = ()

    async def create_endpoint(self, tenant_id: str, path: str, **wanted: object) -> Endpoint:
        made = await self._ask("POST", "", tenant_id, {"url": self.receiver_url + path, **wanted})
        return Endpoint(made["id"], tenant_id, path)

    async def pause(self, endpoint: Endpoint) -> None:
        await self._ask("POST", f"/{endpoint.id}/pause", endpoint.tenant_id)

    async def enable(self, endpoint: Endpoint) -> None:
        await self._ask("POST", f"/{endpoint.id}/enable", endpoint.tenant_id)

    async def _ask(self, method: str, path: str, tenant_id: str, body: object = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-OneRouter-Tenant": tenant_id,
            "X-OneRouter-Environment": "test",
        }
        url = f"{self.url}/internal/webhook-endpoints{path}"
        async with self.http.request(method, url, json=body, headers=headers, raise_for_status=True) as answer:
            return await answer.json()

    async def queued(self) -> int:
        return int(await self.admin.fetchval("SELECT count(*) FROM delivery_queue"))


@asynccontextmanager
async def running(directory: Path, options: Options) -> AsyncIterator[Rig]:
    """Everything, started and ready; ended with the block."""
    secrets = LocalSecrets.load(directory / "secrets.json")
    addresses = Addresses.choose(usual=False, fixed={})
    kind = machine.Counting if options.profile else Postgres
    postgres = kind(directory / "postgres", addresses.ports["postgres"], secrets.postgres_password)
    broker_kind = ApacheKafka if options.kafka else LocalBroker
    broker = broker_kind(directory / "broker", addresses.ports["broker"])
    async with AsyncExitStack() as stack:
        for engine in (postgres, broker):
            stack.push_async_callback(engine.discard)
            await engine.start()
        await ensure_topics(broker.bootstrap_servers)
        await create_database(postgres.admin_dsn, database_name(SERVICE))
        own = at_database(postgres.admin_dsn, database_name(SERVICE))
        await asyncio.to_thread(prepare, SERVICE, own, database_url(SERVICE, addresses, secrets))
        admin = await stack.enter_async_context(asyncpg.create_pool(own, min_size=1, max_size=4, command_timeout=300))
        if options.profile:
            await admin.execute("CREATE EXTENSION pg_stat_statements")
        services = []
        for number, port in enumerate((addresses.ports[SERVICE], *free_ports(options.processes - 1))):
            spec = _spec(addresses, port, secrets, directory, options)
            services.append(ServiceProcess(spec, directory / f"webhooks-{number}.log", Silent()))
            stack.push_async_callback(services[-1].stop, 20.0)
            services[-1].start()
        receiver_url, receiver_pid = start_receiver(stack.enter_context(ExitStack()))
        for service in services:
            await asyncio.wait_for(service.serving.wait(), READY_S)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        producer = await stack.enter_async_context(Producer(broker.bootstrap_servers, client_id="bench"))
        await producer.wait_ready(20)
        pids = {
            **{f"webhooks {number}" if number else "webhooks": one.pid for number, one in enumerate(services)},
            "postgres": postgres.pid,
            "broker": broker.pid,
            "receiver": receiver_pid,
            "publisher": os.getpid(),
        }
        rig = Rig(
            http=http,
            admin=admin,
            producer=producer,
            url=addresses.url(SERVICE),
            receiver_url=receiver_url,
            token=secrets.internal_token,
            processes={name: pid for name, pid in pids.items() if pid is not None},
            service=services[0],
        )
        await rig.until_receives()
        rig.endpoints = [
            await rig.create_endpoint(new_id(TENANT), f"/hook/{number}", event_types=["payment.*"])
            for number in range(ENDPOINTS)
        ]
        try:
            yield rig
        finally:
            if options.profile:
                await machine.keep_statements(admin, options.profile)


def _spec(addresses: Addresses, port: int, secrets: LocalSecrets, directory: Path, options: Options) -> ServiceSpec:
    extra = {"ONEROUTER_LOG_LEVEL": "WARNING", **options.environment}
    if options.profile is not None:
        extra |= machine.sampled(options.profile)
    return ServiceSpec(
        SERVICE,
        SERVICE,
        port,
        service_environment(SERVICE, port, addresses, secrets, data_dir=directory, extra=extra),
    )
