"""Everything on one machine: engines, databases, topics, the demo tenant and every service.

Used by `make up`, `make demo`, and by the tests that need the whole thing:

    async with Stack(directory) as stack:
        stack.services["payments"].kill()
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from onerouter_local import seed
from onerouter_local.engines import ApacheKafka, Engine, LocalBroker, Postgres, Valkey
from onerouter_local.environment import (
    OWNERS_OF_DATABASES,
    Addresses,
    database_url,
    service_environment,
)
from onerouter_local.ports import free_port
from onerouter_local.reporter import Reporter, Silent
from onerouter_local.secret_store import LocalSecrets
from onerouter_local.services import ServiceProcess, ServiceSpec

_SERVICES = ("sandbox", "registry", "payments", "messaging", "storage", "webhooks", "gateway")
_STOP_ORDER = (("gateway",), ("payments", "messaging", "storage", "webhooks"), ("registry",), ("sandbox",))
"""Those who ask stop before those who answer."""

_READY_TIMEOUT_S = 60.0
_HOPELESS_RESTARTS = 2
_ENGINE_WATCH_S = 1.0


class StackFailed(Exception):
    """A part did not come up; the message says which and where its log is."""


class Stack:
    """One local stack on one data directory.

    `usual_ports`: prefer 8080, 5432 and so on where they are free. `replicas`: instances per service beyond one.
    `environment`: extra variables per service, or per instance (`messaging-2`). `broker`: another than the embedded one, not
    started.
    `durable`: PostgreSQL waits for the disk; a stack that is thrown away need not.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        reporter: Reporter | None = None,
        usual_ports: bool = False,
        replicas: Mapping[str, int] | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        broker: ApacheKafka | LocalBroker | None = None,
        durable: bool = True,
    ) -> None:
        self.data_dir = data_dir
        self.log_dir = data_dir / "logs"
        self.secrets = LocalSecrets.load(data_dir / "secrets.json")
        self.addresses = Addresses.choose(usual=usual_ports, fixed={"broker": broker.port} if broker else {})
        self._reporter: Reporter = reporter or Silent()
        self._extra = environment or {}
        ports = self.addresses.ports
        self.postgres = Postgres(
            data_dir / "postgres", ports["postgres"], self.secrets.postgres_password, durable=durable
        )
        self.valkey = Valkey(data_dir / "valkey", ports["valkey"], self.secrets.valkey_password)
        self.broker = broker or LocalBroker(data_dir / "broker", ports["broker"])
        self.services = {spec.name: self._process(spec) for spec in self._specs(replicas or {})}
        self._engine_watch: asyncio.Task[None] | None = None

    @property
    def engines(self) -> tuple[Engine, ...]:
        """PostgreSQL, Valkey and the broker."""
        return (self.postgres, self.valkey, self.broker)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bring everything up; returns when every service is ready. Raises StackFailed or EngineFailed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.services["sandbox"].start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_engine("PostgreSQL", self.postgres, self._prepare_databases))
            group.create_task(self._start_engine("Valkey", self.valkey))
            group.create_task(self._start_engine(_broker_title(self.broker), self.broker, self._prepare_topics))
        for process in self.services.values():
            if process.spec.service != "sandbox":
                process.start()
        async with asyncio.TaskGroup() as group:
            for name in self.services:
                group.create_task(self._until_ready(name))
            group.create_task(self._seed())
        self._engine_watch = asyncio.create_task(self._watch_engines(), name="watch-engines")

    async def stop(self) -> None:
        """Stop services, then engines, in order; returns when every process is gone."""
        await self._stop_services()
        await asyncio.gather(*(engine.stop() for engine in self.engines))

    async def discard(self) -> None:
        """End everything at once and give up the data, for a stack that will not be started again."""
        await self._stop_services(drain_s=0.5)
        await asyncio.gather(*(engine.discard() for engine in self.engines))
        shutil.rmtree(self.data_dir, ignore_errors=True)

    async def _stop_services(self, drain_s: float = 10.0) -> None:
        if self._engine_watch is not None:
            self._engine_watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._engine_watch
            self._engine_watch = None
        for services in _STOP_ORDER:
            await asyncio.gather(*(p.stop(drain_s) for p in self.services.values() if p.spec.service in services))

    def wipe(self) -> None:
        """Remove what lies outside the data directory; everything must be stopped."""
        self.postgres.wipe()

    def _specs(self, replicas: Mapping[str, int]) -> list[ServiceSpec]:
        return [
            self._spec(service, number) for service in _SERVICES for number in range(1, replicas.get(service, 1) + 1)
        ]

    def _spec(self, service: str, number: int) -> ServiceSpec:
        name = service if number == 1 else f"{service}-{number}"
        port = self.addresses.ports[service] if number == 1 else free_port()
        extra = {**self._extra.get(service, {}), **self._extra.get(name, {})}
        environment = service_environment(
            service, port, self.addresses, self.secrets, data_dir=self.data_dir, extra=extra
        )
        return ServiceSpec(name, service, port, environment)

    def _process(self, spec: ServiceSpec) -> ServiceProcess:
        return ServiceProcess(spec, self.log_dir / f"{spec.name}.log", self._reporter)

    async def _start_engine(
        self, title: str, engine: Engine, then: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        async with self._step(title, f"127.0.0.1:{engine.port}"):
            await engine.start()
        if then is not None:
            await then()

    async def _prepare_databases(self) -> None:
        from onerouter_server.databases import at_database, create_database, database_name, prepare

        async with self._step("Schemas", ", ".join(OWNERS_OF_DATABASES)):
            for service in OWNERS_OF_DATABASES:
                name = database_name(service)
                await create_database(self.postgres.admin_dsn, name)
                own = database_url(service, self.addresses, self.secrets)
                await asyncio.to_thread(prepare, service, at_database(self.postgres.admin_dsn, name), own)

    async def _prepare_topics(self) -> None:
        from onerouter_common.broker import ensure_topics
        from onerouter_common.contracts.topics import TOPICS

        async with self._step("Topics", f"{len(TOPICS)} declared"):
            await ensure_topics(self.broker.bootstrap_servers)

    async def _seed(self) -> None:
        await self._until_ready("sandbox")
        async with self._step("Demo tenant", "with an API key, connected to the providers of the sandbox"):
            await seed.seed(self.addresses, self.secrets, self.data_dir / "secrets.json")

    async def _until_ready(self, name: str) -> None:
        process = self.services[name]
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not process.serving.is_set():
            if process.restarts > _HOPELESS_RESTARTS or time.monotonic() > deadline:
                raise StackFailed(f"{name} does not become ready; {process.log_path} ends with\n{process.log_tail()}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.serving.wait(), 0.5)

    async def _watch_engines(self) -> None:
        """An engine that ended by itself is started again, as a service manager would."""
        while True:
            await asyncio.sleep(_ENGINE_WATCH_S)
            for engine in self.engines:
                if engine.crashed:
                    self._reporter.ended(engine.name, "ended by itself", 0)
                    await engine.start()

    @asynccontextmanager
    async def _step(self, what: str, detail: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self._reporter.step(what, detail, time.monotonic() - began)


def _broker_title(broker: ApacheKafka | LocalBroker) -> str:
    return "Apache Kafka" if isinstance(broker, ApacheKafka) else "Broker"
