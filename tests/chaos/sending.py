"""Only what sends events: three webhooks processes with their engines, tenants' servers, and a stream of events for them."""

import asyncio
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.chaos import leases
from tests.chaos.plan import Kill

from onerouter_common.broker import BrokerUnavailable, Producer, ensure_topics
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.ids import EVENT, PAYMENT, TENANT, new_id
from onerouter_local.engines import ApacheKafka, LocalBroker, Postgres
from onerouter_local.environment import Addresses, database_url, service_environment
from onerouter_local.ports import LOOPBACK, free_port
from onerouter_local.reporter import Silent
from onerouter_local.secret_store import LocalSecrets
from onerouter_local.services import ServiceProcess, ServiceSpec
from onerouter_local.testing import new_broker, scratch_directory
from onerouter_server.databases import at_database, create_database, database_name, prepare

PER_SECOND: Final = int(os.environ.get("ONEROUTER_CHAOS_EVENTS_PER_S", "300"))
TENANTS: Final = 3
VICTIMS: Final = ("webhooks", "webhooks-2", "webhooks-3")
_BATCHES_PER_SECOND: Final = 20
_RESOURCES: Final = 40
_FAILS: Final = 0.02
_READY_S: Final = 60.0
_ROUND_S: Final = 60.0
"""How often the log and the database die where it takes long; else once."""
_KILL_EVERY_S: Final = (PER_SECOND / 200, PER_SECOND / 75)
"""To start a process takes as much of the machine as some hundred deliveries: the more there are, the less often."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong and when; nothing but the seed decides."""

    seed: int
    kills: Sequence[Kill]
    broker_at_s: Sequence[float]
    postgres_at_s: Sequence[float]

    @classmethod
    def of(cls, seed: int, *, lasts_s: float) -> "Plan":
        rng = random.Random(seed)
        kills: list[Kill] = []
        at_s = rng.uniform(1.0, 3.0)
        while at_s < lasts_s:
            kills.append(Kill(at_s, rng.choice(VICTIMS)))
            at_s += rng.uniform(*_KILL_EVERY_S)
        engines: tuple[list[float], list[float]] = ([], [])
        rounds = max(1, int(lasts_s / _ROUND_S))
        for number in range(rounds):
            moments = [(number + rng.uniform(0.2, 0.4)) / rounds, (number + rng.uniform(0.55, 0.75)) / rounds]
            rng.shuffle(moments)
            for engine, moment in zip(engines, moments, strict=True):
                engine.append(moment * lasts_s)
        return cls(seed, kills, *engines)


class Senders:
    """Started by `running_senders`; `services`, `broker` and `postgres` are there to be hurt."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.broker: ApacheKafka | LocalBroker = new_broker(directory)
        self.secrets = LocalSecrets.load(directory / "secrets.json")
        self.addresses = Addresses.choose(usual=False, fixed={"broker": self.broker.port})
        self.postgres = Postgres(
            directory / "postgres", self.addresses.ports["postgres"], self.secrets.postgres_password
        )
        self.services = {name: self._process(name, directory, environment) for name in VICTIMS}

    def _process(self, name: str, directory: Path, extra: Mapping[str, str]) -> ServiceProcess:
        port = free_port()
        environment = service_environment(
            "webhooks", port, self.addresses, self.secrets, data_dir=directory, extra=extra
        )
        # There is no sandbox that would have written the roots it signs with.
        environment.pop("ONEROUTER_WEBHOOKS_CERTIFICATE_ROOTS")
        spec = ServiceSpec(name, "webhooks", port, environment)
        return ServiceProcess(spec, directory / "logs" / f"{name}.log", Silent())

    @property
    def admin_dsn(self) -> str:
        """The database of webhooks, as a superuser."""
        return at_database(self.postgres.admin_dsn, database_name("webhooks"))

    async def start(self) -> None:
        await asyncio.gather(self.postgres.start(), self.broker.start())
        await create_database(self.postgres.admin_dsn, database_name("webhooks"))
        own = database_url("webhooks", self.addresses, self.secrets)
        await asyncio.to_thread(prepare, "webhooks", self.admin_dsn, own)
        await leases.install(self.admin_dsn)
        await ensure_topics(self.broker.bootstrap_servers)
        for process in self.services.values():
            process.start()
        async with asyncio.timeout(_READY_S):
            for process in self.services.values():
                await process.serving.wait()

    async def stop(self) -> None:
        await asyncio.gather(*(process.stop(0.5) for process in self.services.values()))
        await asyncio.gather(self.postgres.discard(), self.broker.discard())

    async def subscribe(self, server: "Server", **wish: Any) -> None:
        headers = {
            "Authorization": f"Bearer {self.secrets.internal_token}",
            "X-OneRouter-Tenant": server.tenant_id,
            "X-OneRouter-Environment": "test",
        }
        url = self.services["webhooks"].spec.url
        async with httpx.AsyncClient(base_url=url, timeout=30, headers=headers) as client:
            answer = await client.post("/internal/webhook-endpoints", json={"url": server.url, **wish})
            answer.raise_for_status()
            server.endpoint_id, server.secret = answer.json()["id"], answer.json()["secret"]


@asynccontextmanager
async def running_senders(environment: Mapping[str, str]) -> AsyncIterator[Senders]:
    async with AsyncExitStack() as cleanup:
        senders = Senders(cleanup.enter_context(scratch_directory()), environment)
        cleanup.callback(senders.postgres.wipe)
        cleanup.push_async_callback(senders.stop)
        await senders.start()
        yield senders


@dataclass
class Server:
    """A tenant's: takes what is signed, but for a few that it answers 500."""

    rng: random.Random
    tenant_id: str = field(default_factory=lambda: new_id(TENANT))
    endpoint_id: str = ""
    secret: str = ""
    url: str = ""
    unsigned: int = 0
    failed: int = 0
    arrivals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When each event was taken."""
    order: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Sequence numbers of each resource, as they were taken first."""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in request.headers.items()})
        except WebhookVerificationError:
            self.unsigned += 1
            return web.Response(status=401)
        if self.rng.random() < _FAILS:
            self.failed += 1
            return web.Response(status=500)
        event_id, told = request.headers["webhook-id"], json.loads(body)
        if event_id not in self.arrivals:
            self.order[told["resource"]["id"]].append(told["sequence"])
        self.arrivals[event_id].append(time.monotonic())
        return web.Response()


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/events", server.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, LOOPBACK, port).start()
    server.url = f"http://{LOOPBACK}:{port}/events"
    try:
        yield
    finally:
        await runner.cleanup()


class Stream:
    """Events for every tenant in turn. What the log acknowledged is accepted; what it did not is published again."""

    def __init__(self, producer: Producer, servers: Sequence[Server]) -> None:
        self._producer = producer
        self._servers = servers
        self._resources = [[new_id(PAYMENT) for _ in range(_RESOURCES)] for _ in servers]
        self._made = 0
        self.accepted: dict[str, Server] = {}

    async def flow(self, lasts_s: float) -> None:
        began = time.monotonic()
        while (elapsed_s := time.monotonic() - began) < lasts_s:
            # What a broker that was away held up is made up for.
            due = min(int(elapsed_s * PER_SECOND) - self._made, 2 * PER_SECOND)
            if due > 0:
                await self._publish([self._next() for _ in range(due)])
            await asyncio.sleep(1 / _BATCHES_PER_SECOND)

    async def _publish(self, batch: Sequence[tuple[Event, Server]]) -> None:
        records = [(topics.events("payments"), one.to_bytes(), one.resource.id, ()) for one, _ in batch]
        while True:
            try:
                await self._producer.publish_many(records)
                break
            except BrokerUnavailable:
                await asyncio.sleep(0.2)
        self.accepted.update((event.id, server) for event, server in batch)

    def _next(self) -> tuple[Event, Server]:
        turn, whose = divmod(self._made, len(self._servers))
        self._made += 1
        sequence, resource = divmod(turn, _RESOURCES)
        server = self._servers[whose]
        event = Event(
            id=new_id(EVENT),
            type="payment.succeeded",
            tenant_id=server.tenant_id,
            environment="test",
            category="payments",
            resource=EventResource(kind="payment", id=self._resources[whose][resource]),
            sequence=sequence + 1,
            occurred_at=datetime.now(UTC),
            data={"amount": 499.0, "currency": "INR"},
        )
        return event, server
