"""A request is carried out once for its key: whatever becomes of the first one, and however many come at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import tenant_engine, worker_pool
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, IdempotencyMismatch, InvalidRequest
from onerouter_common.ids import new_id
from onerouter_common.once import repository
from onerouter_common.once.key import KEPT, Key
from onerouter_common.once.request import Once, once_of
from onerouter_local.testing import Cluster, Database

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ANSWER: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@pytest.fixture(scope="module")
async def stored(postgres: Cluster) -> AsyncIterator[Database]:
    made = await postgres.create("messaging")
    yield made
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def engine(stored: Database) -> AsyncIterator[AsyncEngine]:
    async with tenant_engine(stored.dsn, size=4) as opened:
        yield opened


@pytest.fixture
def key() -> Key:
    return Key(new_id("key").ljust(64, "0"), "f" * 64)


class Effect:
    """What may happen once."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> dict[str, Any]:
        self.times += 1
        return {"number": self.times, "name": "Zoë"}


async def ask(
    engine: AsyncEngine,
    key: Key | None,
    act: Callable[[], Awaitable[dict[str, Any]]],
    *,
    tenant: str = "ten_ann",
    environment: str = "test",
    now: datetime = NOW,
) -> tuple[dict[str, Any], dict[str, str]]:
    once = Once(key)
    async with tenant_transaction(engine, tenant, environment) as connection:
        answer = await once.carry_out(connection, now, act, ANSWER)
    return answer, once.headers


class TestCarryOut:
    async def test_a_repeat_is_answered_with_what_was_done(self, engine: AsyncEngine, key: Key) -> None:
        effect = Effect()
        assert await ask(engine, key, effect) == ({"number": 1, "name": "Zoë"}, {})
        assert await ask(engine, key, effect) == ({"number": 1, "name": "Zoë"}, {"Idempotency-Replayed": "true"})
        assert effect.times == 1

    async def test_without_a_key_it_is_done_whenever_it_comes(self, engine: AsyncEngine) -> None:
        effect = Effect()
        assert [(await ask(engine, None, effect))[0]["number"] for _ in range(2)] == [1, 2]

    async def test_another_request_under_the_key_is_refused(self, engine: AsyncEngine, key: Key) -> None:
        effect = Effect()
        await ask(engine, key, effect)
        with pytest.raises(IdempotencyMismatch):
            await ask(engine, Key(key.digest, "0" * 64), effect)
        assert effect.times == 1

    async def test_what_was_refused_leaves_nothing(self, engine: AsyncEngine, key: Key) -> None:
        async def refuse() -> dict[str, Any]:
            raise Conflict("Not now.")

        with pytest.raises(Conflict):
            await ask(engine, key, refuse)
        assert await ask(engine, Key(key.digest, "0" * 64), Effect()) == ({"number": 1, "name": "Zoë"}, {})

    async def test_a_key_is_one_tenants_in_one_environment(self, engine: AsyncEngine, key: Key) -> None:
        effect = Effect()
        for tenant, environment in (("ten_ann", "test"), ("ten_bob", "test"), ("ten_ann", "live")):
            assert (await ask(engine, key, effect, tenant=tenant, environment=environment))[1] == {}
        assert effect.times == 3

    @pytest.mark.parametrize("is_refused", [False, True])
    async def test_a_twin_waits_for_the_first(
        self, engine: AsyncEngine, stored: Database, key: Key, is_refused: bool
    ) -> None:
        goes_on, began, effect = asyncio.Event(), asyncio.Event(), Effect()

        async def slow() -> dict[str, Any]:
            began.set()
            await goes_on.wait()
            if is_refused:
                raise Conflict("Not now.")
            return await effect()

        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_outcome(ask(engine, key, slow)))
            await began.wait()
            twin = tasks.create_task(_outcome(ask(engine, key, effect)))
            await _until_one_waits(stored)
            assert not twin.done()
            goes_on.set()
        replayed = {} if is_refused else {"Idempotency-Replayed": "true"}
        assert await twin == ({"number": 1, "name": "Zoë"}, replayed)
        assert effect.times == 1
        assert isinstance(await first, Conflict) is is_refused


class TestForget:
    async def test_only_what_is_over(self, engine: AsyncEngine, stored: Database, key: Key) -> None:
        effect = Effect()
        old = Key(key.digest[::-1], key.fingerprint)
        await ask(engine, old, effect, now=NOW - KEPT - timedelta(seconds=1))
        await ask(engine, key, effect, now=NOW - KEPT + timedelta(seconds=1))
        async with worker_pool(stored.dsn, "messaging", size=1) as pool:
            assert await repository.forget(pool, NOW, 100) >= 1
            assert await repository.forget(pool, NOW, 100) == 0
        assert (await ask(engine, key, effect))[1] == {"Idempotency-Replayed": "true"}
        assert (await ask(engine, old, effect))[1] == {}
        assert timedelta(hours=24) < KEPT


async def test_a_header_that_is_no_key_is_refused() -> None:
    assert (await once_of(None)).headers == {}
    with pytest.raises(InvalidRequest):
        await once_of("order-1042")


async def _outcome(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except Conflict as error:
        return error


async def _until_one_waits(stored: Database) -> None:
    admin = await asyncpg.connect(stored.admin_dsn)
    try:
        async with asyncio.timeout(60):
            while not await admin.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.01)
    finally:
        await admin.close()
