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
from onerouter_gateway.rate_limit.policy import KEY, PLAN, Policy, Rate, Standing, Verdict
from onerouter_gateway.rate_limit.redis_window import _PREFIX, RedisAway, RedisWindows
from onerouter_local.engines import Valkey
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory

_LONG_S = 600
"""A window that no test is too slow for."""
_PATIENT_S = 60
"""What Redis may take where it is there: a busy machine is not one without Redis."""


def _one(key: str, limit: int, window_s: float, name: str = KEY) -> Policy:
    return Policy(name, key, Rate(limit, window_s))


def _both(limit: int, plan: int, window_s: float = 30) -> list[Policy]:
    """A fresh key's own limit and its tenant's."""
    tenant = f"{{{new_id('ten')}}}"
    return [_one(f"{tenant}:key:1", limit, window_s), _one(f"{tenant}:plan", plan, 2 * window_s, PLAN)]


@pytest.mark.parametrize(
    ("rate", "burst", "expected"),
    [
        (100, 200, Rate(200, 2)),
        (100, 100, Rate(100, 1)),
        (100, 10, Rate(100, 1)),
        (1, 5, Rate(5, 5)),
        (0, 0, Rate(1, 1)),
    ],
)
def test_a_rate_with_a_burst_is_a_window(rate: int, burst: int, expected: Rate) -> None:
    assert Rate.of(rate, burst) == expected


class TestHeaders:
    def test_are_whole_numbers(self) -> None:
        before = math.floor(time.time())
        headers = dict(Verdict(False, (Standing(_one("a", 3, 1.5), 0, 0.2),)).headers())
        assert headers[b"ratelimit-policy"] == b'"default";q=3;w=2'
        assert headers[b"ratelimit"] == b'"default";r=0;t=1'
        assert headers[b"x-ratelimit-limit"] == b"3"
        assert before <= int(headers[b"x-ratelimit-reset"]) <= math.ceil(time.time() + 0.2)

    def test_list_every_policy_and_single_out_the_tightest(self) -> None:
        key, plan = _both(100, 500)
        verdict = Verdict(True, (Standing(key, 40, 3.0), Standing(plan, 7, 59.5)))
        headers = dict(verdict.headers())
        assert headers[b"ratelimit-policy"] == b'"default";q=100;w=30, "plan";q=500;w=60'
        assert headers[b"ratelimit"] == b'"default";r=40;t=3, "plan";r=7;t=60'
        assert (headers[b"x-ratelimit-limit"], headers[b"x-ratelimit-remaining"]) == (b"500", b"7")

    def test_nothing_to_say_is_not_said(self) -> None:
        assert Verdict(True, ()).headers() == []


class TestRefusal:
    def test_says_which_limit_and_when(self) -> None:
        key, plan = _both(100, 500)
        refusal = Verdict(False, (Standing(key, 0, 3.0), Standing(plan, 0, 41.0))).refusal()
        assert str(refusal) == (
            "All API keys of your account together may make 500 requests in any minute; try again later."
        )
        assert refusal.retry_after_s == 41
        refusal = Verdict(False, (Standing(key, 0, 3.0), Standing(plan, 1, 41.0))).refusal()
        assert str(refusal) == "This API key may make 100 requests in any 30 seconds; try again later."
        assert refusal.retry_after_s == 3


class TestLocalWindows:
    def test_move(self) -> None:
        now = 0.0
        windows = LocalWindows(size=2, monotonic=lambda: now)
        policies = [_one("a", 2, 1)]
        assert [windows.hit(policies).allowed for _ in range(3)] == [True, True, False]
        assert windows.hit(policies).tightest.reset_s == 1
        now = 0.5
        assert windows.hit([_one("b", 2, 1)]).tightest.remaining == 1
        now = 1.0
        assert windows.hit(policies).allowed

    def test_are_looked_at_without_counting(self) -> None:
        windows = LocalWindows()
        policies = [_one("a", 1, 30)]
        assert [windows.look(policies).allowed for _ in range(3)] == [True] * 3
        assert windows.hit(policies).allowed
        assert not windows.look(policies).allowed

    def test_decide_together(self) -> None:
        windows = LocalWindows()
        _decide_together([windows.hit(policies) for policies in _mixed()])


def _mixed() -> list[list[Policy]]:
    """Two keys of one tenant: three requests each may make, four the tenant."""
    first, plan = _both(3, 4, _LONG_S)
    second = _one(f"{first.key}2", 3, _LONG_S)
    return [[first, plan]] * 5 + [[second, plan]] * 3 + [[second]] * 3


def _decide_together(verdicts: list[Verdict]) -> None:
    assert [verdict.allowed for verdict in verdicts] == [True] * 3 + [False] * 2 + [True] + [False] * 2 + [True] * 2 + [
        False
    ], "a request that one limit refuses counts in neither"
    assert [verdict.tightest.policy.name for verdict in verdicts if not verdict.allowed] == [KEY] * 2 + [PLAN] * 2 + [
        KEY
    ]
    assert [one.remaining for one in verdicts[3].standings] == [0, 1]


@pytest.fixture
async def windows(redis_url: str) -> AsyncIterator[RedisWindows]:
    async with RedisWindows(redis_url, timeout_s=_PATIENT_S) as one:
        yield one


async def test_the_shared_window_counts_and_moves(windows: RedisWindows) -> None:
    policies = [_one(new_id("key"), 3, _LONG_S)]
    verdicts = [await windows.hit(policies) for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.tightest.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert 0 < verdicts[3].tightest.reset_s <= _LONG_S
    await _were_earlier(windows, policies[0], _LONG_S)
    assert (await windows.hit(policies)).tightest.remaining == 2


async def _were_earlier(windows: RedisWindows, policy: Policy, by_s: float) -> None:
    """What was admitted was so long before: Redis goes by its own clock, which stands for nobody."""
    name = f"{_PREFIX}{policy.key}"
    for index, at in enumerate(await windows._redis.lrange(name, 0, -1)):
        await windows._redis.lset(name, index, int(at) - int(by_s * 1_000_000))


async def test_the_shared_window_is_looked_at_without_counting(windows: RedisWindows) -> None:
    policies = [_one(new_id("key"), 2, _LONG_S)]
    looks = [await windows.look(policies) for _ in range(3)]
    assert [(look.allowed, look.tightest.remaining, look.tightest.reset_s) for look in looks] == [(True, 2, 0)] * 3
    for allowed, remaining in ((True, 1), (False, 0)):
        await windows.hit(policies)
        look = await windows.look(policies)
        assert (look.allowed, look.tightest.remaining) == (allowed, remaining)
        assert 0 < look.tightest.reset_s <= _LONG_S


async def test_shared_windows_decide_together(windows: RedisWindows) -> None:
    _decide_together([await windows.hit(policies) for policies in _mixed()])


async def test_a_limit_that_was_lowered_is_over_at_once(windows: RedisWindows) -> None:
    key = new_id("key")
    for _ in range(5):
        await windows.hit([_one(key, 5, _LONG_S)])
    verdict = await windows.hit([_one(key, 3, _LONG_S)])
    assert (verdict.allowed, verdict.tightest.remaining) == (False, 0)


async def test_keys_and_their_tenant_are_exact_together_across_instances(windows: RedisWindows, redis_url: str) -> None:
    first, plan = _both(150, 200, _LONG_S)
    second = _one(f"{first.key}2", 150, _LONG_S)
    async with RedisWindows(redis_url, timeout_s=_PATIENT_S) as other:
        verdicts = await asyncio.gather(
            *((windows, other)[n % 2].hit([(first, second)[n // 2 % 2], plan]) for n in range(2_000))
        )
    allowed = [verdict for verdict in verdicts if verdict.allowed]
    assert len(allowed) == 200
    by_key = [sum(verdict.standings[0].policy == key for verdict in allowed) for key in (first, second)]
    assert sum(by_key) == 200
    assert max(by_key) <= 150
    assert {verdict.standings[1].remaining for verdict in allowed} == set(range(200))


async def test_two_instances_admit_exactly_the_limit(windows: RedisWindows, redis_url: str) -> None:
    policies = [_one(new_id("key"), 500, _LONG_S)]
    async with RedisWindows(redis_url, timeout_s=_PATIENT_S) as other:
        verdicts = await asyncio.gather(*((windows, other)[n % 2].hit(policies) for n in range(3_000)))
    assert sum(verdict.allowed for verdict in verdicts) == 500
    assert sorted(verdict.tightest.remaining for verdict in verdicts if verdict.allowed) == list(range(500))


async def test_a_flushed_redis_is_taught_again(windows: RedisWindows, redis_url: str) -> None:
    await windows.hit([_one(new_id("key"), 10, _LONG_S)])
    await windows._redis.script_flush()
    assert (await windows.hit([_one(new_id("key"), 10, 10)])).tightest.remaining == 9


async def test_no_redis_raises(redis_url: str) -> None:
    async with RedisWindows("redis://127.0.0.1:9", timeout_s=0.15) as windows:
        with pytest.raises(RedisAway):
            await windows.hit([_one("a", 1, 1)])


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
        async with asyncio.timeout(60):
            with pytest.raises(RedisAway):
                await windows.hit([_one(new_id("key"), 1, 1)])
    async with asyncio.timeout(60):
        assert (await windows.hit([_one(new_id("key"), 1, 1)])).allowed


async def test_redis_goes_and_comes_back() -> None:
    with scratch_directory() as directory:
        engine = Valkey(directory / "valkey", free_port(), "password-of-the-test")
        await engine.start()
        async with RedisWindows(engine.url, timeout_s=_PATIENT_S) as shared:
            limiter = Limiter(shared, LocalWindows(), instances=4, retry_s=0.05)
            quota = [_one("a", 100, _LONG_S)]
            assert (await limiter.hit(quota)).tightest.policy.rate.limit == 100
            await engine.stop()
            verdicts = [await limiter.hit(quota) for _ in range(30)]
            assert [verdict.allowed for verdict in verdicts] == [True] * 25 + [False] * 5
            assert {verdict.tightest.policy.rate.limit for verdict in verdicts} == {25}
            await engine.start()
            while (await limiter.hit([_one("b", 100, _LONG_S)])).tightest.policy.rate.limit != 100:
                await asyncio.sleep(0.01)
        await engine.stop()


@pytest.mark.usefixtures("long_windows")
async def test_the_limit_of_a_key_holds_across_gateways(world: Any) -> None:
    tenant = world.tenant(rate_limit_per_s=2, rate_burst=100)
    async with (
        world.gateway() as one,
        world.gateway() as other,
        httpx.AsyncClient(limits=httpx.Limits(max_connections=40), timeout=30) as http,
    ):
        urls = [f"{each.url}/v1/payments" for each in (one, other)]
        answers = await asyncio.gather(*(http.get(urls[n % 2], headers=tenant.auth) for n in range(220)))
    admitted = [answer for answer in answers if answer.status_code == 200]
    assert len(admitted) == 100
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused.headers["retry-after"]) <= 600
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-policy"] == '"default";q=100;w=600'
    assert admitted[0].headers["x-ratelimit-limit"] == "100"


@pytest.mark.usefixtures("long_windows")
async def test_without_redis_requests_are_served_by_the_local_policy(world: Any) -> None:
    tenant = world.tenant(rate_limit_per_s=1, rate_burst=60)
    async with world.gateway(redis_url="redis://127.0.0.1:9", expected_instances=3) as gateway:
        answers = [await gateway.http.get("/v1/payments", headers=tenant.auth) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    assert answers[0].headers["x-ratelimit-limit"] == "20"
