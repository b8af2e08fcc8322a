"""Real engines for tests: started only when a test asks for one, shared by the session, gone when it ends.

What the environment names is used: DATABASE_URL (a superuser's), REDIS_URL, KAFKA_BOOTSTRAP_SERVERS; else Docker when
ONEROUTER_TEST_ENGINES=docker; else the embedded engines. ONEROUTER_TEST_BROKER=kafka starts Apache Kafka itself in place
of the embedded broker.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster, Database

# Imports of engines stand inside the fixtures: a unit test should not wait for what it does not use.

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_MARKER_OF_FIXTURE = {"postgres": "postgres", "redis_url": "redis", "kafka_bootstrap": "kafka"}


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Where several processes share the work, a file stays in one of them, and so does all that shares one running stack."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "tests/e2e" if file.startswith("tests/e2e/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    # Not by `xdist_group`: xdist 3.8 writes the group where pytest from 9.2 on no longer reads it.
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by the engines it uses, so that `-m "not postgres"` needs nobody's diligence."""
    for item in items:
        for fixture, marker in _MARKER_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.fixture(scope="session", autouse=True)
def loggers_keep_nothing() -> Iterator[None]:
    """A module's logger follows whoever configured logging last, not who did when it was first used."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
        yield


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    """What a test, or a command it ran in this process, configured is over with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> Iterator[None]:
    """Each HTTP client reads the store of certificates when it is made, which takes longer than most tests do."""
    import httpx

    once = functools.cache(httpx.create_ssl_context)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("httpx.create_ssl_context", "httpx._transports.default.create_ssl_context"):
            patch.setattr(name, once)
        yield


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Cluster]:
    """The shared PostgreSQL cluster."""
    from onerouter_local import testing

    async with testing.postgres_cluster() as cluster:
        yield cluster


@pytest.fixture
async def database(postgres: Cluster) -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """`await database("payments")`: a fresh database with that service's schema; dropped after the test."""
    made: list[Database] = []

    async def create(service: str) -> Database:
        made.append(await postgres.create(service))
        return made[-1]

    yield create
    for one in made:
        await postgres.drop(one)


@pytest.fixture(scope="session")
async def redis_url() -> AsyncIterator[str]:
    """URL of the shared Valkey; a test keeps to keys of its own."""
    from onerouter_local import testing

    async with testing.redis_server() as url:
        yield url


@pytest.fixture(scope="session")
async def kafka_bootstrap() -> AsyncIterator[str]:
    """Bootstrap servers of the shared broker, with every declared topic; a test uses consumer groups of its own."""
    from onerouter_common.broker import ensure_topics
    from onerouter_local import testing

    async with testing.kafka_server() as servers:
        await ensure_topics(servers)
        yield servers
