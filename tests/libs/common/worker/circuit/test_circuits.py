"""Circuits of several processes, through a real Valkey and without: one knowledge, one round of probes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from onerouter_common.ids import CONNECTION, new_id
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.redis_shared import RedisCircuits
from onerouter_common.worker.circuit.rule import Gate, Rule, Verdict
from onerouter_common.worker.circuit.shared import Answer, Change, SharedAway
from onerouter_local.engines import Valkey
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory

RULE = Rule(consecutive=3, open_s=5, probes=2, round_s=10)
FAILED, ANSWERED = Verdict.FAILED, Verdict.ANSWERED


@dataclass
class Time:
    """Moved by hand. The shared clock is Redis's own: only differences are ours."""

    moved_s: float = 0.0

    def seconds(self) -> float:
        import time

        return time.time() + self.moved_s


@dataclass
class Moved:
    """Redis seen from another moment."""

    shared: RedisCircuits
    time: Time
    asked: list[int] = field(default_factory=list)

    async def exchange(self, since: int, changes: list[Change]) -> Answer:
        self.asked.append(len(changes))
        answer = await self.shared.exchange(since, changes)
        return Answer(answer.now + self.time.moved_s, answer.head, answer.read_to, answer.kept, answer.news)


class Process:
    def __init__(self, shared: Moved | None, time: Time) -> None:
        self.shared = shared
        self.circuits = Circuits(RULE, shared, category="payments", retry_s=0.0, seconds=time.seconds)  # type: ignore[arg-type]

    def sees(self, connection_id: str, *verdicts: Verdict) -> None:
        for verdict in verdicts:
            self.circuits.observe(connection_id, "scripted", verdict, began_at=self.circuits.now())

    def gate(self, connection_id: str) -> Gate:
        return self.circuits.gate(connection_id)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
async def process(redis_url: str, time: Time) -> AsyncIterator[Callable[[], Process]]:
    category = new_id("cat")
    async with AsyncExitStack() as stack:
        shares = [
            await stack.enter_async_context(RedisCircuits(redis_url, category=category, timeout_s=5)) for _ in range(3)
        ]
        yield lambda: Process(Moved(shares.pop(), time), time)


@pytest.fixture
def time() -> Time:
    return Time()


async def test_what_one_opens_and_closes_the_others_hear_of(process: Callable[[], Process], time: Time) -> None:
    one, other, connection = process(), process(), new_id(CONNECTION)
    one.sees(connection, FAILED, FAILED, FAILED)
    assert (one.gate(connection), other.gate(connection)) == (Gate.OPEN, Gate.CLOSED)
    await one.circuits.refresh()
    await other.circuits.refresh()
    assert other.gate(connection) is Gate.OPEN
    assert other.circuits.provider_of(connection) == "scripted"
    assert "3 calls in a row failed" in other.circuits.why(connection)
    time.moved_s += RULE.open_s
    assert await other.circuits.permits({connection: 5}) == {connection: RULE.probes}
    other.sees(connection, ANSWERED, ANSWERED)
    assert other.gate(connection) is Gate.CLOSED
    await other.circuits.refresh()
    await one.circuits.refresh()
    assert (one.gate(connection), one.circuits.any_open) == (Gate.CLOSED, False)
    one.sees(connection, FAILED, FAILED, FAILED)
    await one.circuits.refresh()
    await other.circuits.refresh()
    assert other.gate(connection) is Gate.OPEN


async def test_all_together_let_one_round_of_probes_through(process: Callable[[], Process], time: Time) -> None:
    processes, connection = [process(), process(), process()], new_id(CONNECTION)
    processes[0].sees(connection, FAILED, FAILED, FAILED)
    for each in processes:
        await each.circuits.refresh()
    time.moved_s += RULE.open_s
    granted = [each.circuits.permits({connection: 1}) for each in processes for _ in range(3)]
    assert 1 <= sum(found[connection] for found in await asyncio.gather(*granted)) <= RULE.probes
    for each in processes:  # who came too late has heard, and takes what is left
        await each.circuits.permits({connection: 5})
    assert sum([(await each.circuits.permits({connection: 1}))[connection] for each in processes]) == 0
    assert {each.gate(connection) for each in processes} == {Gate.OPEN}
    time.moved_s += RULE.round_s
    assert {each.gate(connection) for each in processes} == {Gate.DUE}


async def test_a_probe_that_fails_elsewhere_closes_the_way_here(process: Callable[[], Process], time: Time) -> None:
    one, other, connection = process(), process(), new_id(CONNECTION)
    one.sees(connection, FAILED, FAILED, FAILED)
    await one.circuits.refresh()
    await other.circuits.refresh()
    time.moved_s += RULE.open_s
    assert (await one.circuits.permits({connection: 1}))[connection] == 1
    assert (await other.circuits.permits({connection: 1}))[connection] == 0  # it had not heard of the first
    assert (await other.circuits.permits({connection: 1}))[connection] == 1
    one.sees(connection, ANSWERED)  # both tell, from what they knew: neither word is lost
    other.sees(connection, FAILED)
    for each in (other, one, other):
        await each.circuits.refresh()
    assert (one.gate(connection), other.gate(connection)) == (Gate.OPEN, Gate.OPEN)
    assert one.circuits.wait_s(connection) > RULE.open_s
    assert one.circuits.wait_s(connection) == pytest.approx(other.circuits.wait_s(connection), abs=0.5)


async def test_while_closed_nothing_is_told_and_the_way_asks_nobody(process: Callable[[], Process]) -> None:
    one, connection = process(), new_id(CONNECTION)
    one.sees(connection, ANSWERED, FAILED, ANSWERED)
    assert one.circuits.may_ask(connection)
    assert await one.circuits.permits({}) == {}
    assert one.shared is not None
    assert one.shared.asked == []
    await one.circuits.refresh()
    assert one.shared.asked == [0]


async def test_a_flushed_redis_is_told_again(process: Callable[[], Process], redis: Redis) -> None:
    one, other, connection = process(), process(), new_id(CONNECTION)
    for _ in range(3):
        one.sees(connection, FAILED, FAILED, FAILED)
        await one.circuits.refresh()
    assert one.shared is not None
    await redis.delete(*[key async for key in redis.scan_iter(match=f"*{one.shared.shared._prefix[:-1]}*")])
    for each in (one, one, other):
        await each.circuits.refresh()
    assert other.gate(connection) is Gate.OPEN


async def test_questions_about_effects_go_at_a_low_rate(time: Time) -> None:
    alone, connection = Process(None, time), new_id(CONNECTION)
    assert [alone.circuits.may_ask(connection) for _ in range(3)] == [True] * 3
    alone.sees(connection, FAILED, FAILED, FAILED)
    assert [alone.circuits.may_ask(connection) for _ in range(3)] == [True, False, False]
    time.moved_s += 1.0
    assert [alone.circuits.may_ask(connection) for _ in range(2)] == [True, False]
    alone.sees(connection, Verdict.HEARD)  # where they are answered there may soon be more
    assert [alone.circuits.may_ask(connection) for _ in range(3)] == [True, True, False]
    alone.sees(connection, Verdict.HEARD, Verdict.HEARD, FAILED)
    assert not alone.circuits.may_ask(connection)


async def test_without_redis_each_goes_by_what_it_sees_and_tells_it_afterwards(time: Time) -> None:
    async with AsyncExitStack() as stack:
        server = Valkey(stack.enter_context(scratch_directory()), free_port(), "password-of-tests")
        shares = [
            await stack.enter_async_context(RedisCircuits(server.url, category="payments", timeout_s=2.0))
            for _ in range(2)
        ]
        one, other = (Process(Moved(share, time), time) for share in shares)
        connection = new_id(CONNECTION)
        with pytest.raises(SharedAway):
            await shares[0].exchange(0, [])
        one.sees(connection, FAILED, FAILED, FAILED)
        await one.circuits.refresh()
        assert (one.gate(connection), other.gate(connection)) == (Gate.OPEN, Gate.CLOSED)
        time.moved_s += RULE.open_s
        assert (await one.circuits.permits({connection: 5}))[connection] == RULE.probes
        one.sees(connection, FAILED)
        await server.start()
        stack.push_async_callback(server.stop)
        await one.circuits.refresh()
        await other.circuits.refresh()
        assert other.gate(connection) is Gate.OPEN
