"""The pace of several processes through a real Valkey, and without: never more than all together may."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from onerouter_common.ids import CONNECTION, new_id
from onerouter_common.worker.pace.pacer import Going, Pacer, Turn
from onerouter_common.worker.pace.redis_shared import RedisBuckets
from onerouter_common.worker.pace.rule import MOST_AHEAD, Asked, Bucket, Pace, Wanted, decide
from onerouter_common.worker.pace.shared import Answer, BucketsAway, Question
from onerouter_local.engines import Valkey
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory

SLOW = Pace(1.0, 10.0)


@dataclass
class Time:
    moved_s: float = 0.0

    def seconds(self) -> float:
        return 1_000.0 + self.moved_s


@dataclass
class Counted:
    """Redis, and how often it was asked; away while it is told so."""

    shared: RedisBuckets
    asked: list[int] = field(default_factory=list)
    is_away: bool = False

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        if self.is_away:
            raise BucketsAway("of the test")
        self.asked.append(len(questions))
        return await self.shared.ask(questions)


@pytest.fixture
async def share(redis_url: str) -> AsyncIterator[Callable[[], Counted]]:
    async with AsyncExitStack() as stack:
        shares = [await stack.enter_async_context(RedisBuckets(redis_url, timeout_s=5)) for _ in range(2)]
        yield lambda: Counted(shares.pop())


def going(
    connection: str, count: int, *, pace: Pace = SLOW, is_bulk: bool = False, has_turn: bool = False, tokens: int = 1
) -> list[Going]:
    return [Going(new_id("op"), connection, "scripted", pace, is_bulk, has_turn, tokens) for _ in range(count)]


async def test_a_batch_is_one_round_trip_whatever_it_goes_over(share: Callable[[], Counted]) -> None:
    shared = share()
    pacer = Pacer(shared, category="sms")
    one, other = new_id(CONNECTION), new_id(CONNECTION)
    batch = [*going(one, 12), *going(other, 3), *going(one, 2, is_bulk=True)]
    turns = await pacer.turns(batch)
    assert shared.asked == [2]
    assert set(turns) == {each.op_id for each in (*batch[10:12], *batch[15:])}
    assert [round(turns[each.op_id].in_s) for each in batch[10:12]] == [1, 2]
    assert [round(turns[each.op_id].in_s) for each in batch[15:]] == [5, 6]  # behind those two, and above the reserve
    assert await pacer.turns([]) == {}
    assert shared.asked == [2]


async def test_those_that_take_more_wait_longer_and_what_somebody_waits_for_is_first(
    share: Callable[[], Counted],
) -> None:
    shared = share()
    pacer = Pacer(shared, category="email")
    connection = new_id(CONNECTION)
    bulk = going(connection, 3, is_bulk=True)
    large, small = going(connection, 3, tokens=4), going(connection, 1)
    turns = await pacer.turns([*bulk, *large, *small])
    assert shared.asked == [3]
    assert large[0].op_id not in turns
    assert large[1].op_id not in turns
    # Two of the ten tokens are left: the third lacks two, the others are behind it, and bulk leaves two again.
    assert [round(turns[one.op_id].in_s) for one in (large[2], *small, *bulk)] == [2, 3, 6, 7, 8]


async def test_what_can_wait_as_well_goes_when_nobody_waits(share: Callable[[], Counted]) -> None:
    pacer, connection = Pacer(share(), category="sms"), new_id(CONNECTION)
    assert [await pacer.spare(connection, SLOW) for _ in range(8)] == [None] * 8  # the reserve is left
    assert 0 < (await pacer.spare(connection, SLOW) or 0) <= 1
    turns = await pacer.turns(going(connection, 1, is_bulk=True))
    assert [round(turn.in_s) for turn in turns.values()] == [1]  # as if nobody had asked
    assert 1 < (await pacer.spare(connection, SLOW) or 0) <= 2


async def test_two_processes_never_let_more_through_than_one_would(share: Callable[[], Counted]) -> None:
    pacers = [Pacer(share(), category="sms") for _ in range(2)]
    connection, pace = new_id(CONNECTION), Pace(50.0, 10.0)
    began = asyncio.get_running_loop().time()
    went = 0
    for _ in range(20):
        batches = [going(connection, 7, pace=pace) for _ in pacers]
        told = await asyncio.gather(*(one.turns(batch) for one, batch in zip(pacers, batches, strict=True)))
        went += 14 - sum(len(turns) for turns in told)
    elapsed_s = asyncio.get_running_loop().time() - began
    assert 10 <= went <= 10 + 50 * elapsed_s


async def test_the_script_decides_as_the_rule(share: Callable[[], Counted]) -> None:
    """Over many questions: Redis's clock is not ours, so what it took is held against two clocks around each."""
    shared, connection = share(), new_id(CONNECTION)
    drawn, pace = random.Random(5), Pace.at_most(30)
    for _ in range(40):
        seconds, micros = await shared.shared._redis._redis.time()
        before = seconds * 1_000_000 + micros
        held = await shared.shared._redis._redis.get(f"onerouter:pace:{connection}")
        bucket = Bucket(*map(float, held.split())) if held else Bucket()
        wanted = Wanted(
            Asked(drawn.randrange(3), drawn.randrange(4)),
            Asked(drawn.randrange(4), drawn.choice([0, 1, 30, 1_000_000])),
            tokens=drawn.choice([1, 1, 2, 5, 50]),
            ahead=drawn.choice([MOST_AHEAD, MOST_AHEAD, -MOST_AHEAD]),
        )
        [(urgent, bulk)] = await shared.ask([Question(connection, pace, wanted)])
        held = await shared.shared._redis._redis.get(f"onerouter:pace:{connection}")
        after = Bucket(*map(float, held.split()))
        seconds, micros = await shared.shared._redis._redis.time()
        # The moment it decided at is not told, but follows where nobody had a turn: else it is looked for.
        found = [
            now
            for now in range(before, seconds * 1_000_000 + micros + 1)
            if decide(bucket, pace, wanted, now) == (after, urgent, bulk)
        ]
        assert found, (bucket, wanted, urgent, bulk, after)
        await asyncio.sleep(drawn.choice([0, 0, 0.02]))


class TestWithoutRedis:
    async def test_each_process_keeps_to_its_part(self) -> None:
        time, connection = Time(), new_id(CONNECTION)
        pacer = Pacer(None, category="sms", parts=2, seconds=time.seconds)
        assert len(await pacer.turns(going(connection, 7))) == 2
        time.moved_s += 2
        assert len(await pacer.turns(going(connection, 2, has_turn=True))) == 1

    async def test_what_was_taken_before_counts(self, share: Callable[[], Counted]) -> None:
        time, connection, shared = Time(), new_id(CONNECTION), share()
        pacer = Pacer(shared, category="sms", parts=2, seconds=time.seconds)
        assert await pacer.turns(going(connection, 10)) == {}
        shared.is_away = True
        assert len(await pacer.turns(going(connection, 1))) == 1
        assert len(await pacer.turns(going(new_id(CONNECTION), 5))) == 0

    async def test_it_is_left_alone_for_a_moment_and_asked_again(self) -> None:
        async with AsyncExitStack() as stack:
            server = Valkey(stack.enter_context(scratch_directory()), free_port(), "password-of-tests")
            shared = Counted(await stack.enter_async_context(RedisBuckets(server.url, timeout_s=2.0)))
            time = Time()
            pacer = Pacer(shared, category="sms", parts=2, seconds=time.seconds)
            for _ in range(3):
                assert await pacer.turns(going(new_id(CONNECTION), 1)) == {}
            assert len(shared.asked) == 1
            await server.start()
            stack.push_async_callback(server.stop)
            time.moved_s += 1.0
            connection = new_id(CONNECTION)
            assert await pacer.turns(going(connection, 9)) == {}  # more than its part
            assert len(shared.asked) == 2


async def test_who_is_far_behind_asks_again_later_and_not_all_at_once() -> None:
    # By the machine's clock the last may be a rounding behind.
    pacer = Pacer(None, category="sms", seconds=Time().seconds)
    turns = list((await pacer.turns(going(new_id(CONNECTION), 2_000))).values())
    assert [turn.is_given for turn in turns].count(True) == 900
    behind = [turn.in_s for turn in turns if not turn.is_given]
    assert min(behind) >= 450
    assert max(behind) <= 900
    assert len({round(in_s) for in_s in behind}) > 200
    assert turns[0] == Turn(pytest.approx(1.0), True)  # type: ignore[arg-type]


async def test_bulk_that_waits_comes_back_several_at_a_time_and_no_sooner() -> None:
    pace = Pace.at_most(30)
    pacer = Pacer(None, category="letters", seconds=Time().seconds)
    bulk = await pacer.turns(going("con_bulk", 100, pace=pace, is_bulk=True))
    together = Counter(round(turn.in_s, 3) for turn in bulk.values())
    assert max(together.values()) == pace.together == 4
    assert len(together) <= len(bulk) / pace.together + 2
    went = 100 - len(bulk)
    for number, turn in enumerate(sorted(bulk.values(), key=lambda turn: turn.in_s), start=1):
        assert went + number <= turn.in_s * pace.per_s + pace.burst
    codes = await pacer.turns(going("con_codes", 100, pace=pace))
    assert len({round(turn.in_s, 3) for turn in codes.values()}) == len(codes)
