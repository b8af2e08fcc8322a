"""Keys: asked for once, believed for a while, forgotten when something changes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from onerouter_common.api_keys import make_key
from onerouter_common.clock import isoformat
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.contracts.topics import REGISTRY_CHANGES
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import Principal
from onerouter_gateway.authentication.holder import Holder
from onerouter_gateway.authentication.principals import PrincipalCache

PRINCIPAL = Principal(
    tenant_id="ten_1",
    environment="test",
    api_key_id="key_1",
    status="active",
    scopes=frozenset("*"),
    rate_limit_per_s=1,
    rate_burst=1,
    default_currency="INR",
    services={},
)
HOLDER = Holder.of(PRINCIPAL)


class _Registry:
    """Answers, counts, and can be held or away."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.live = True
        self.away = False
        self.answer: Principal | None = PRINCIPAL
        self.gate = asyncio.Event()
        self.gate.set()

    async def introspect(self, key_hash: str) -> Principal | None:
        self.asked += 1
        answer = self.answer
        await self.gate.wait()
        if self.away:
            raise Overloaded("away")
        return answer

    def cache(self, size: int = 10) -> PrincipalCache:
        return PrincipalCache(
            self.introspect, lambda: self.live, ttl_s=60, unknown_ttl_s=5, size=size, monotonic=lambda: self.now
        )


def _change(**fields: Any) -> RegistryChange:
    base = {"entity": "api_key", "id": "key_1", "tenant_id": "ten_1", "environment": "test", "change": "updated"}
    return RegistryChange.model_validate({**base, "at": datetime.now(UTC), **fields})


async def test_many_ask_once() -> None:
    registry = _Registry()
    registry.gate.clear()
    cache = registry.cache()
    asking = [asyncio.create_task(cache.get("h")) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()  # a caller that leaves takes nobody with it
    registry.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert answers[1:] == [HOLDER] * 49
    assert registry.asked == 1
    assert await cache.get("h") == HOLDER
    assert registry.asked == 1


async def test_it_is_believed_for_its_time_only() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    registry.now = 59
    await cache.get("h")
    assert registry.asked == 1
    registry.now = 61
    await cache.get("h")
    assert registry.asked == 2


async def test_without_news_of_changes_it_is_believed_for_a_moment() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    registry.live, registry.now = False, 0.9
    await cache.get("h")
    assert registry.asked == 2


@pytest.mark.parametrize(
    ("change", "forgotten"),
    [
        ({"key_hash": "h"}, True),
        ({"key_hash": "other"}, False),
        ({"entity": "connection"}, True),
        ({"entity": "route", "environment": None}, True),
        ({"entity": "tenant", "environment": "live"}, False),
        ({"entity": "tenant", "tenant_id": "ten_2"}, False),
        ({"entity": "callback_token"}, False),
        ({"entity": "provider", "id": "payments/razorpay", "tenant_id": "*", "environment": None}, False),
        ({"entity": "tenant", "tenant_id": "*", "environment": None}, True),
    ],
)
async def test_a_change_drops_what_it_concerns(change: dict[str, Any], forgotten: bool) -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    cache.forget(_change(**change))
    await cache.get("h")
    assert registry.asked == (2 if forgotten else 1)


async def test_an_answer_of_before_a_change_is_not_kept() -> None:
    registry = _Registry()
    cache = registry.cache()
    registry.gate.clear()
    before = asyncio.create_task(cache.get("h"))
    while registry.asked < 1:
        await asyncio.sleep(0)
    cache.forget(_change(key_hash="h"))
    registry.answer = PRINCIPAL.model_copy(update={"status": "revoked"})
    after = asyncio.create_task(cache.get("h"))
    while registry.asked < 2:
        await asyncio.sleep(0)
    registry.gate.set()
    assert (await before) == HOLDER
    revoked = await after
    assert revoked is not None
    assert revoked.principal.status == "revoked"
    assert await cache.get("h") == revoked


async def test_a_question_that_fails_after_a_change_does_not_bring_back_what_was_held_before() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    registry.now = 61
    registry.gate.clear()
    before = asyncio.create_task(cache.get("h"))
    while registry.asked < 2:
        await asyncio.sleep(0)
    cache.forget(_change(key_hash="h"))
    held, registry.gate = registry.gate, asyncio.Event()
    registry.gate.set()
    registry.answer = PRINCIPAL.model_copy(update={"status": "revoked"})
    revoked = await cache.get("h")
    registry.away = True
    held.set()
    assert await before == revoked


async def test_made_up_keys_keep_the_registry_from_no_real_one() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("real")
    registry.gate.clear()
    asking = [asyncio.create_task(cache.get(f"made up {number}")) for number in range(200)]
    while registry.asked < 1 + 32 or sum(task.done() for task in asking) < 200 - 32 - 128:
        await asyncio.sleep(0)
    refused = [task for task in asking if task.done()]
    assert {type(task.exception()) for task in refused} == {Overloaded}
    assert (len(refused), registry.asked) == (200 - 32 - 128, 1 + 32)
    cache.forget_all()
    real = asyncio.create_task(cache.get("real"))
    while registry.asked < 1 + 32 + 1:
        await asyncio.sleep(0)
    registry.gate.set()
    assert await real == HOLDER
    await asyncio.gather(*asking, return_exceptions=True)
    assert registry.asked == 1 + 32 + 1 + 128


async def _asked_about(registry: _Registry, cache: PrincipalCache, key_hash: str, *, during: Any) -> None:
    """A question about this key is in flight while that happens."""
    registry.gate.clear()
    asked = registry.asked
    asking = asyncio.create_task(cache.get(key_hash))
    while registry.asked == asked:
        await asyncio.sleep(0)
    during()
    registry.gate.set()
    await asking


@pytest.mark.parametrize(
    ("change", "remembered"),
    [
        ({"entity": "connection", "tenant_id": "ten_2"}, True),
        ({"key_hash": "other"}, True),
        ({"entity": "callback_token"}, True),
        ({"entity": "connection"}, False),
        ({"entity": "tenant", "environment": None}, False),
        ({"key_hash": "h"}, False),
        ({"entity": "provider", "id": "payments/razorpay", "tenant_id": "*", "environment": None}, True),
        ({"entity": "tenant", "tenant_id": "*", "environment": None}, False),
    ],
)
async def test_an_answer_in_flight_is_kept_unless_a_change_concerns_it(
    change: dict[str, Any], remembered: bool
) -> None:
    registry = _Registry()
    cache = registry.cache()
    await _asked_about(registry, cache, "h", during=lambda: cache.forget(_change(**change)))
    await cache.get("h")
    assert registry.asked == (1 if remembered else 2)


async def test_an_answer_in_flight_is_not_kept_over_a_gap() -> None:
    registry = _Registry()
    cache = registry.cache()
    await _asked_about(registry, cache, "h", during=cache.forget_all)
    await cache.get("h")
    assert registry.asked == 2


async def test_who_comes_after_a_change_of_the_tenant_gets_no_answer_of_before_it() -> None:
    """Whose a key is that was never seen is known with the answer only: so it is asked for again."""
    registry = _Registry()
    cache = registry.cache()
    registry.gate.clear()
    before = asyncio.create_task(cache.get("h"))
    while registry.asked < 1:
        await asyncio.sleep(0)
    cache.forget(_change(entity="tenant", environment=None))
    suspended = PRINCIPAL.model_copy(update={"tenant_status": "suspended"})
    registry.answer = suspended
    after = [asyncio.create_task(cache.get("h")) for _ in range(3)]
    await asyncio.sleep(0)
    registry.gate.set()
    assert await before == HOLDER
    assert await asyncio.gather(*after) == [Holder.of(suspended)] * 3
    assert registry.asked == 2


async def test_the_changes_of_one_tenant_cost_nothing_of_the_others() -> None:
    registry = _Registry()
    cache = registry.cache(size=20_000)
    for number in range(20_000):
        await cache.get(f"key {number}")
    registry.answer = PRINCIPAL.model_copy(update={"tenant_id": "ten_2"})
    await cache.get("theirs")
    change = _change(entity="connection", tenant_id="ten_2")
    started = time.process_time()
    for _ in range(2_000):
        cache.forget(change)
    # Looking at all 20,000 keys each time takes hundreds of times as long.
    assert time.process_time() - started < 5
    asked = registry.asked
    await cache.get("key 19999")
    assert registry.asked == asked
    await cache.get("theirs")
    assert registry.asked == asked + 1


async def test_a_gap_drops_everything() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    cache.forget_all()
    await cache.get("h")
    assert registry.asked == 2


async def test_unknown_keys_are_remembered_briefly() -> None:
    registry = _Registry()
    registry.answer = None
    cache = registry.cache()
    assert await cache.get("h") is None
    assert await cache.get("h") is None
    assert registry.asked == 1
    cache.forget(_change(key_hash="h", change="created"))
    registry.answer = PRINCIPAL
    assert await cache.get("h") == HOLDER


async def test_the_cache_is_bounded() -> None:
    registry = _Registry()
    cache = registry.cache(size=2)
    for key_hash in ("a", "b", "a", "c", "a"):
        await cache.get(key_hash)
    assert registry.asked == 3
    await cache.get("b")
    assert registry.asked == 4


@pytest.mark.parametrize(("live", "bound_s"), [(True, 900), (False, 300)])
async def test_a_registry_that_is_away_costs_known_keys_nothing_for_a_while(live: bool, bound_s: int) -> None:
    registry = _Registry()
    registry.live = live
    cache = registry.cache()
    await cache.get("h")
    registry.away = True
    for registry.now in (100, bound_s - 1):
        assert await cache.get("h") == HOLDER
    with pytest.raises(Overloaded):
        await cache.get("never seen")
    registry.now = bound_s + 1
    with pytest.raises(Overloaded):
        await cache.get("h")


async def test_a_registry_that_is_away_is_left_alone_for_a_moment_and_then_believed() -> None:
    registry = _Registry()
    registry.live = False
    cache = registry.cache()
    await cache.get("h")
    registry.away = True
    for registry.now in (10, 10.4):
        assert await cache.get("h") == HOLDER
    assert registry.asked == 2
    registry.away, registry.now = False, 10.6
    registry.answer = None
    assert await cache.get("h") is None
    registry.away, registry.now = True, 20
    with pytest.raises(Overloaded):
        await cache.get("h")


async def test_a_change_ends_what_is_held_while_the_registry_is_away() -> None:
    registry = _Registry()
    cache = registry.cache()
    await cache.get("h")
    registry.away, registry.now = True, 100
    assert await cache.get("h") == HOLDER
    cache.forget(_change(key_hash="h"))
    with pytest.raises(Overloaded):
        await cache.get("h")


async def _sentence(gateway: Any, key: str) -> tuple[int, str]:
    answer = await gateway.http.get("/v1/payments", headers={"X-API-Key": key})
    return answer.status_code, answer.json().get("detail", "")


async def test_each_refusal_says_why(gateway: Any, world: Any) -> None:
    good = world.tenant()
    revoked = world.tenant(status="revoked")
    expired = world.tenant(expires_at=isoformat(datetime.now(UTC) - timedelta(seconds=1)))
    assert (await _sentence(gateway, good.key))[0] == 200
    asked = world.services.introspections
    assert await _sentence(gateway, good.key[:-1] + ("a" if good.key[-1] != "a" else "b")) == (
        401,
        "The API key is not complete or has a typing error: its checksum does not match.",
    )
    assert world.services.introspections == asked, "a typing error costs no look-up"
    assert await _sentence(gateway, make_key("test").get_secret_value()) == (401, "There is no such API key.")
    assert await _sentence(gateway, revoked.key) == (401, "The API key has been revoked.")
    assert await _sentence(gateway, expired.key) == (401, "The API key has expired.")


async def test_scopes_are_needed(gateway: Any, world: Any) -> None:
    reader = world.tenant(scopes=["payments:read"])
    assert (await gateway.http.get("/v1/payments", headers=reader.auth)).status_code == 200
    answer = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=reader.auth)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "payments:write" in answer.json()["detail"]


async def test_a_revoked_key_stops_when_that_is_told(gateway: Any, world: Any) -> None:
    tenant = world.tenant()
    assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
    tenant.principal["status"] = "revoked"
    assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
    change = _change(tenant_id=tenant.id, key_hash=tenant.key_hash, change="deleted")
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    await producer.send_and_wait(REGISTRY_CHANGES, change.to_bytes(), key=b"key_1")
    await producer.stop()
    async with asyncio.timeout(60):  # a principal is believed for a minute
        while (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code != 401:
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("silence_is_noticed")
async def test_a_revoked_key_stops_soon_when_nobody_can_tell_of_it(gateway: Any, world: Any) -> None:
    tenant = world.tenant()
    assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
    world.services.away.add("heartbeat")
    tenant.principal["status"] = "revoked"
    try:
        async with asyncio.timeout(60):
            while (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code != 401:
                await asyncio.sleep(0.01)
    finally:
        world.services.away.clear()


async def test_no_registry_and_nothing_cached_is_503(gateway: Any, world: Any) -> None:
    tenant = world.tenant()
    world.services.away.add("registry")
    answer = await gateway.http.get("/v1/payments", headers=tenant.auth)
    world.services.away.clear()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
