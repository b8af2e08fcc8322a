"""Quotas: exact in one process, exact across instances, and local when Redis is away."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from onerouter_common.ids import new_id
from onerouter_gateway.rate_limit.limiter import Limiter
from onerouter_gateway.rate_limit.local_window import LocalWindows
from onerouter_gateway.rate_limit.quota import Quota, Verdict
from onerouter_gateway.rate_limit.redis_window import RedisAway, RedisWindows
from onerouter_local.engines import Valkey
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory


@pytest.mark.parametrize(
    ("rate", "burst", "expected"),
    [
        (100, 200, Quota(200, 2)),
        (100, 100, Quota(100, 1)),
        (100, 10, Quota(100, 1)),
        (1, 5, Quota(5, 5)),
        (0, 0, Quota(1, 1)),
    ],
)
def test_a_rate_with_a_burst_is_a_window(rate: int, burst: int, expected: Quota) -> None:
    assert Quota.of(rate, burst) == expected


def test_headers_are_whole_numbers() -> None:
    headers = dict(Verdict(False, Quota(3, 1.5), 0, 0.2).headers())
    assert headers[b"ratelimit-policy"] == b'"default";q=3;w=2'
    assert headers[b"ratelimit"] == b'"default";r=0;t=1'
    assert headers[b"x-ratelimit-limit"] == b"3"
    assert abs(int(headers[b"x-ratelimit-reset"]) - math.ceil(time.time())) <= 1


def test_a_local_window_moves() -> None:
    now = 0.0
    windows = LocalWindows(size=2, monotonic=lambda: now)
    quota = Quota(2, 1)
    assert [windows.hit("a", quota).allowed for _ in range(3)] == [True, True, False]
    assert windows.hit("a", quota).reset_s == 1
    now = 0.5
    assert windows.hit("b", quota).remaining == 1
    now = 1.0
    assert windows.hit("a", quota).allowed


@pytest.fixture
async def windows(redis_url: str) -> AsyncIterator[RedisWindows]:
    async with RedisWindows(redis_url, timeout_s=2) as one:
        yield one


async def test_the_shared_window_counts_and_moves(windows: RedisWindows) -> None:
    key, quota = new_id("key"), Quota(3, 0.3)
    verdicts = [await windows.hit(key, quota) for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert 0 < verdicts[3].reset_s <= 0.3
    while not (verdict := await windows.hit(key, quota)).allowed:
        assert verdict.reset_s <= 0.3
        await asyncio.sleep(verdict.reset_s)


async def test_two_instances_admit_exactly_the_limit(windows: RedisWindows, redis_url: str) -> None:
    key, quota = new_id("key"), Quota(500, 30)
    async with RedisWindows(redis_url, timeout_s=2) as other:
        verdicts = await asyncio.gather(*((windows, other)[n % 2].hit(key, quota) for n in range(3_000)))
    assert sum(verdict.allowed for verdict in verdicts) == 500
    assert sorted(verdict.remaining for verdict in verdicts if verdict.allowed) == list(range(500))


async def test_a_flushed_redis_is_taught_again(windows: RedisWindows, redis_url: str) -> None:
    quota = Quota(10, 10)
    await windows.hit(new_id("key"), quota)
    await windows._redis.script_flush()
    assert (await windows.hit(new_id("key"), quota)).remaining == 9


async def test_no_redis_raises(redis_url: str) -> None:
    async with RedisWindows("redis://127.0.0.1:9", timeout_s=0.15) as windows:
        with pytest.raises(RedisAway):
            await windows.hit("a", Quota(1, 1))


@pytest.mark.parametrize("answer", [RuntimeError("readuntil() called twice"), [None], [b"PONG"], [[1, 2]]])
async def test_nonsense_from_redis_is_redis_away_and_ends_nothing(
    windows: RedisWindows, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    async def evaluate(_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(windows, "_evaluate", evaluate)
        async with asyncio.timeout(5):
            with pytest.raises(RedisAway):
                await windows.hit(new_id("key"), Quota(1, 1))
    async with asyncio.timeout(5):
        assert (await windows.hit(new_id("key"), Quota(1, 1))).allowed


async def test_redis_goes_and_comes_back() -> None:
    with scratch_directory() as directory:
        engine = Valkey(directory / "valkey", free_port(), "password-of-the-test")
        await engine.start()
        async with RedisWindows(engine.url, timeout_s=1) as shared:
            limiter = Limiter(shared, LocalWindows(), instances=4, retry_s=0.05)
            quota = Quota(100, 60)
            assert (await limiter.hit("a", quota)).quota.limit == 100
            await engine.stop()
            started = time.perf_counter()
            verdicts = [await limiter.hit("a", quota) for _ in range(30)]
            assert [verdict.allowed for verdict in verdicts] == [True] * 25 + [False] * 5
            assert {verdict.quota.limit for verdict in verdicts} == {25}
            assert time.perf_counter() - started < 2.5
            await engine.start()
            while (await limiter.hit("b", quota)).quota.limit != 100:
                await asyncio.sleep(0.01)
        await engine.stop()


async def test_the_limit_of_a_key_holds_across_gateways(world: Any, gateway: Any) -> None:
    tenant = world.tenant(rate_limit_per_s=2, rate_burst=100)
    async with world.gateway() as other, httpx.AsyncClient(limits=httpx.Limits(max_connections=40), timeout=30) as http:
        urls = [f"{one.url}/v1/payments" for one in (gateway, other)]
        started = time.monotonic()
        answers = await asyncio.gather(*(http.get(urls[n % 2], headers=tenant.auth) for n in range(220)))
        elapsed_s = time.monotonic() - started
    admitted = [answer for answer in answers if answer.status_code == 200]
    assert elapsed_s < 50, "slower than the window: the count below would say nothing"
    assert len(admitted) == 100
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused.headers["retry-after"]) <= 50
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-policy"] == '"default";q=100;w=50'
    assert admitted[0].headers["x-ratelimit-limit"] == "100"


async def test_without_redis_requests_are_served_by_the_local_policy(world: Any) -> None:
    tenant = world.tenant(rate_limit_per_s=1, rate_burst=60)
    async with world.gateway(redis_url="redis://127.0.0.1:9", expected_instances=3) as gateway:
        answers = [await gateway.http.get("/v1/payments", headers=tenant.auth) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    assert answers[0].headers["x-ratelimit-limit"] == "20"
