"""Real engines for tests: started only when a test asks for one, shared by the session, gone when it ends.

What the environment names is used: DATABASE_URL (a superuser's), REDIS_URL, KAFKA_BOOTSTRAP_SERVERS; else Docker when
ONEROUTER_TEST_ENGINES=docker; else the embedded engines. ONEROUTER_TEST_BROKER=kafka starts Apache Kafka itself in place
of the embedded broker.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import gc
import importlib
import importlib.util
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

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

# httpx looks for it with each request, and what is not installed is searched for each time: a sixth of all end-to-end tests.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # "not installed", said at once

_MARKER_OF_FIXTURE = {"postgres": "postgres", "redis_url": "redis", "kafka_bootstrap": "kafka"}

# What a test takes by what it uses, in seconds and roughly. It decides the order only.
_SECONDS_WITH = {"stack": 5.0, "kafka": 0.6, "postgres": 0.15}
_SECONDS_ALONE = 0.01

# A test that starts a service makes some ten thousand objects that live as long as it does: by default they are looked
# through dozens of times.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


def _together(nodeid: str) -> str:
    """What stays in one process: a file, and all that shares one running stack."""
    file = nodeid.partition("::")[0]
    return "tests/e2e" if file.startswith("tests/e2e/") else file


def _neighbourhood(nodeid: str) -> str:
    """Files that share what a whole folder starts."""
    return "/".join(_together(nodeid).split("/")[:3])


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Several processes take one file after the other, in the order in which they collected them."""

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    # Not by `xdist_group`: xdist 3.8 writes the group where pytest from 9.2 on no longer reads it.
    config.option.loadscopereorder = False  # by the number of tests, which says little of how long they take
    return Together(config, log)


def _longest_first(items: list[pytest.Item]) -> None:
    """So that all processes are busy to the end, and a folder's files are run at about the same time."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        needed = max((needed for mark, needed in _SECONDS_WITH.items() if mark in marks), default=_SECONDS_ALONE)
        for part in {_neighbourhood(item.nodeid), _together(item.nodeid)}:
            seconds[part] += needed

    def place(item: pytest.Item) -> tuple[float, str, float, str]:
        near, own = _neighbourhood(item.nodeid), _together(item.nodeid)
        return -seconds[near], near, -seconds[own], own

    items.sort(key=place)


def _read_from_another_end(config: pytest.Config) -> None:
    """Each of several processes begins with another file, and finds compiled what the others have read by then.

    In the collection's order all would compile each file of a fresh clone at the same time, each for itself.
    """
    if list(config.args) != list(config.getini("testpaths")):
        return
    ignored = config.getoption("ignore_glob") or []
    files = sorted(file for folder in config.args for file in (config.rootpath / folder).rglob("test_*.py"))
    files = [file for file in files if not any(fnmatch.fnmatch(str(file), pattern) for pattern in ignored)]
    number, of = int(config.workerinput["workerid"].removeprefix("gw")), config.workerinput["workercount"]  # type: ignore[attr-defined]
    start = len(files) * number // of
    for file in files[start:] + files[:start]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # the collection meets it again, and says so
            importlib.import_module(".".join(file.relative_to(config.rootpath).with_suffix("").parts))


@pytest.hookimpl(wrapper=True, trylast=True)  # within what makes an error of each warning
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Ten thousand tests and what they import stay to the end: looked through for garbage they cost more than many tests."""
    gc.disable()
    try:
        if hasattr(session.config, "workerinput"):  # one of several processes
            _read_from_another_end(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 20)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """Mark every test by the engines it uses, so that `-m "not postgres"` needs nobody's diligence."""
    for item in items:
        for fixture, marker in _MARKER_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    chosen = yield
    if hasattr(config, "workerinput"):  # one of several processes
        _longest_first(items)
    return chosen


@pytest.fixture(scope="session", autouse=True)
def loggers_keep_nothing() -> Iterator[None]:
    """A module's logger follows whoever configured logging last, not who did when it was first used."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_are_plain(loggers_keep_nothing: None) -> None:  # what it patches is called here
    """As in production: structlog's default draws each exception with its local variables, for seconds."""
    plain: list[structlog.typing.Processor] = [structlog.processors.add_log_level, structlog.processors.format_exc_info]
    structlog.configure(processors=[*plain, structlog.processors.KeyValueRenderer()])


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


@pytest.fixture(scope="session", autouse=True)
def types_are_worked_out_once() -> Iterator[None]:
    """Each application works out the types of its routes anew, which takes half of what it costs to make one."""
    import fastapi._compat.v2
    from pydantic import TypeAdapter

    made: dict[object, tuple[TypeAdapter[Any], object]] = {}

    def adapter(annotated: Any, *, config: Any = None) -> TypeAdapter[Any]:
        origin, metadata = annotated.__origin__, annotated.__metadata__
        # `str | int` equals `int | str`, and reads otherwise. Two classes of one name do not equal each other.
        key = (origin, repr(origin), repr(metadata), repr(config))
        try:
            if key not in made:
                # What it was made of is kept: a representation may hold an address.
                made[key] = TypeAdapter(annotated, config=config), annotated
        except TypeError:  # an annotation that cannot be a key
            return TypeAdapter(annotated, config=config)
        return made[key][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastapi._compat.v2, "TypeAdapter", adapter)
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
