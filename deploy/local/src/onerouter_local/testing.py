"""Engines and databases for tests: pytest fixtures are made from these in tests/conftest.py."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from onerouter_common.db.migrate import ensure_login, migrate
from onerouter_local import containers
from onerouter_local.engines import ApacheKafka, Engine, LocalBroker, Postgres, Valkey
from onerouter_local.ports import free_port
from onerouter_local.reuse import emptied, shape_of

ENGINES_FROM = "ONEROUTER_TEST_ENGINES"
"""`docker` takes the engines from containers; the default is the embedded ones."""

BROKER = "ONEROUTER_TEST_BROKER"
"""`kafka` starts Apache Kafka itself; the default is the embedded, Kafka-compatible broker."""


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh, migrated database of one service."""

    service: str
    name: str
    admin_dsn: str
    """As superuser: sees everything, row-level security does not bind it."""
    dsn: str
    """As the service's login role, as in production."""


@dataclass(slots=True)
class Cluster:
    """A PostgreSQL cluster that tests share; each test gets a database to itself."""

    admin_dsn: str
    engine: Postgres | None = None
    """The server when it is ours, to be stopped and started by tests about crashes."""
    _run: str = field(default_factory=lambda: secrets.token_hex(4))
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    _templates: dict[str, str] = field(default_factory=dict)
    _shapes: dict[str, str | None] = field(default_factory=dict)
    _used: dict[str, list[str]] = field(default_factory=dict)
    _templating: asyncio.Lock = field(default_factory=asyncio.Lock)
    _executing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connection: "asyncpg.Connection[asyncpg.Record] | None" = None
    _count: int = 0

    async def create(self, service: str) -> Database:
        """An empty database with the service's newest schema: a used one, or a copy of a template migrated once."""
        template = await self._template(service)
        self._count += 1
        name = f"onerouter_test_{self._run}_{service}_{self._count}"
        login = _login(service)
        admin_dsn = _at_database(self.admin_dsn, name)
        if not await self._reuse(service, name, admin_dsn):
            await self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return Database(service, name, admin_dsn, _as_user(admin_dsn, login, self._password))

    async def drop(self, database: Database) -> None:
        """The test is over; whoever is still connected is cut off when the next one gets it, under another name."""
        self._used.setdefault(database.service, []).append(database.name)

    async def _reuse(self, service: str, name: str, admin_dsn: str) -> bool:
        """Give a used database this name, empty again. False: there is none that can be used."""
        shape = self._shapes.get(service)
        while shape is not None and (used := self._used.get(service)):
            before = used.pop()
            await self._execute(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{before}'"
            )
            try:
                await self._execute(f"ALTER DATABASE {before} RENAME TO {name}")
            except asyncpg.ObjectInUseError:  # somebody came back at that moment
                await self._execute(f"DROP DATABASE {before} WITH (FORCE)")
                continue
            if await emptied(admin_dsn, shape):
                return True
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        return False

    async def drop_all(self) -> None:
        """Remove what was made and is used no more, and what it was copied from."""
        for name in (*self._templates.values(), *(name for names in self._used.values() for name in names)):
            await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _template(self, service: str) -> str:
        async with self._templating:
            if service not in self._templates:
                name = f"onerouter_test_{self._run}_{service}_template"
                await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # left by a migration that failed
                await self._execute(f"CREATE DATABASE {name}")
                dsn = _at_database(self.admin_dsn, name)
                await asyncio.to_thread(migrate, service, dsn)
                await ensure_login(dsn, service, _login(service), self._password)
                self._shapes[service] = await shape_of(dsn)
                self._templates[service] = name
            return self._templates[service]

    async def _execute(self, statement: str) -> None:
        """As superuser, on one connection for all: to open one costs many times what most statements do."""
        async with self._executing:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.admin_dsn)
            await self._connection.execute(statement)

    async def close(self) -> None:
        """Nothing is made or dropped any more."""
        if self._connection is not None:
            await self._connection.close(timeout=5)


@asynccontextmanager
async def postgres_cluster() -> AsyncIterator[Cluster]:
    """The cluster DATABASE_URL names, else one in a container, else an embedded one without fsync."""
    async with AsyncExitStack() as stack:
        if dsn := os.environ.get("DATABASE_URL"):
            cluster = Cluster(dsn)
            stack.push_async_callback(cluster.close)
            stack.push_async_callback(cluster.drop_all)
        elif wants_docker():
            cluster = Cluster(await stack.enter_async_context(containers.postgres()))
            stack.push_async_callback(cluster.close)
        else:
            directory = stack.enter_context(scratch_directory())
            engine = Postgres(directory / "postgres", free_port(), secrets.token_urlsafe(18), durable=False)
            await stack.enter_async_context(_started(engine))
            cluster = Cluster(engine.admin_dsn, engine)
            stack.push_async_callback(cluster.close)
            stack.enter_context(_not_asked_for_tls())
        yield cluster


@asynccontextmanager
async def redis_server() -> AsyncIterator[str]:
    """The URL in REDIS_URL, else of a container, else of an embedded Valkey."""
    if url := os.environ.get("REDIS_URL"):
        yield url
    elif wants_docker():
        async with containers.valkey() as url:
            yield url
    else:
        with scratch_directory() as directory:
            engine = Valkey(directory / "valkey", free_port(), secrets.token_urlsafe(18))
            async with _started(engine):
                yield engine.url


@asynccontextmanager
async def kafka_server() -> AsyncIterator[str]:
    """KAFKA_BOOTSTRAP_SERVERS, else a container, else Apache Kafka when asked for, else the embedded broker."""
    if servers := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield servers
    elif wants_docker():
        async with containers.kafka() as servers:
            yield servers
    else:
        with scratch_directory() as directory:
            engine = new_broker(directory)
            async with _started(engine):
                yield engine.bootstrap_servers


def new_broker(directory: Path, port: int | None = None) -> ApacheKafka | LocalBroker:
    """The kind of broker ONEROUTER_TEST_BROKER asks for, not started."""
    chosen = os.environ.get(BROKER, "embedded")
    if chosen not in {"embedded", "kafka"}:
        raise ValueError(f"{BROKER} is 'embedded' or 'kafka', not '{chosen}'.")
    kind = ApacheKafka if chosen == "kafka" else LocalBroker
    return kind(directory / chosen, port or free_port())


def wants_docker() -> bool:
    """Whether the environment asks for engines in containers."""
    return os.environ.get(ENGINES_FROM) == "docker"


@contextmanager
def _not_asked_for_tls() -> Iterator[None]:
    """Who is told nothing else prepares TLS for each connection, and asks for it; the embedded server has none."""
    if "PGSSLMODE" in os.environ:
        yield
        return
    os.environ["PGSSLMODE"] = "disable"
    try:
        yield
    finally:
        del os.environ["PGSSLMODE"]


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's account can walk through, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="onerouter-test-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def _started(engine: Engine) -> AsyncIterator[None]:
    await engine.start()
    try:
        yield
    finally:
        await engine.discard()


def _login(service: str) -> str:
    return f"onerouter_test_{service}"


def _at_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def _as_user(dsn: str, user: str, password: str) -> str:
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))
