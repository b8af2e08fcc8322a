"""The rule of a connection's bucket: never too much, the reserve holds, each that waits is told once."""

import heapq
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_common.worker.pace.rule import MOST_AHEAD, NOISE, SECOND, Admitted, Asked, Bucket, Pace, Wanted, decide

counts = st.integers(0, 40)
wanted = st.builds(Wanted, st.builds(Asked, counts, counts), st.builds(Asked, counts, counts))
paces = st.builds(Pace.at_most, st.floats(0.2, 500))
steps = st.lists(st.tuples(st.floats(0, 3), wanted), min_size=1, max_size=40)
tokens = st.sampled_from([1, 1, 2, 3, 7, 50])
heavy_steps = st.lists(
    st.tuples(
        st.floats(0, 3), st.builds(replace, wanted, tokens=tokens, ahead=st.sampled_from([MOST_AHEAD, -MOST_AHEAD]))
    ),
    min_size=1,
    max_size=40,
)
BEGIN = 1_790_000_000 * SECOND


def noise(pace: Pace) -> float:
    """In tokens: what is nearly the same moment counts as the same."""
    return NOISE / pace.every + 1e-3


def went(*admitted: Admitted) -> int:
    return sum(one.returned + one.new for one in admitted)


def told(admitted: Admitted, asked: Asked) -> int:
    """How many of those that asked know when they go."""
    return admitted.returned + admitted.new + admitted.soon + admitted.booked


class TestDecide:
    @given(paces, steps)
    def test_never_lets_more_through_than_the_pace(self, pace: Pace, steps: list[tuple[float, Wanted]]) -> None:
        bucket, now, calls = Bucket(), BEGIN, [(BEGIN, 0)]
        for after_s, asked in steps:
            now += after_s * SECOND
            bucket, urgent, bulk = decide(bucket, pace, asked, now)
            calls.append((now, went(urgent, bulk)))
        for first in range(len(calls)):
            total = 0
            for at, count in calls[first:]:
                total += count
                assert total <= pace.per_s * (at - calls[first][0]) / SECOND + pace.burst + noise(pace)

    @given(paces, heavy_steps)
    def test_never_lets_more_tokens_through_than_the_pace_or_one_call_takes(
        self, pace: Pace, steps: list[tuple[float, Wanted]]
    ) -> None:
        """What takes more than the bucket holds is paid for before the next goes."""
        bucket, now, calls = Bucket(), BEGIN, [(BEGIN, 0)]
        most = max(pace.burst, *(asked.tokens for _, asked in steps))
        for after_s, asked in steps:
            now += after_s * SECOND
            bucket, urgent, bulk = decide(bucket, pace, asked, now)
            calls.append((now, went(urgent, bulk) * asked.tokens))
        for first in range(len(calls)):
            total = 0
            for at, count in calls[first:]:
                total += count
                assert total <= pace.per_s * (at - calls[first][0]) / SECOND + most + noise(pace)

    @given(st.floats(0.2, 200), tokens, st.booleans())
    def test_turns_are_as_far_apart_as_what_they_take_and_kept(self, limit: float, takes: int, is_bulk: bool) -> None:
        pace, priority = Pace.at_most(limit), 1 if is_bulk else 0
        bucket, now = Bucket(), BEGIN
        new, returned = (
            Wanted(bulk=asked, tokens=takes) if is_bulk else Wanted(asked, tokens=takes)
            for asked in (Asked(new=12), Asked(returned=1))
        )
        bucket, *answer = decide(bucket, pace, new, now)
        admitted = answer[priority]
        turns = [BEGIN + admitted.first_in + n * takes * pace.every + 500 for n in range(admitted.booked)]
        assert went(admitted) >= 1
        for at in turns:
            bucket, *answer = decide(bucket, pace, returned, at)
            assert went(answer[priority]) == 1

    def test_nothing_is_kept_for_who_wants_no_turn(self) -> None:
        pace = Pace(10, 5)
        before, _, bulk = decide(Bucket(), pace, Wanted(bulk=Asked(new=20)), BEGIN)
        after, _, asked = decide(before, pace, Wanted(bulk=Asked(new=1), ahead=-MOST_AHEAD), BEGIN)
        assert (after, went(asked), asked.booked) == (before, 0, 0)
        assert asked.first_in == bulk.first_in + bulk.booked * pace.every

    @given(paces, steps)
    def test_bulk_leaves_the_reserve(self, pace: Pace, steps: list[tuple[float, Wanted]]) -> None:
        bucket, now = Bucket(), BEGIN
        for after_s, asked in steps:
            now += after_s * SECOND
            bucket, _, bulk = decide(bucket, pace, asked, now)
            tokens = pace.burst - max(0.0, bucket.full_at - now) / pace.every
            assert not went(bulk) or tokens >= pace.reserve - noise(pace)

    @given(paces, steps)
    def test_everybody_goes_or_is_told_when(self, pace: Pace, steps: list[tuple[float, Wanted]]) -> None:
        bucket, now = Bucket(), BEGIN
        for after_s, asked in steps:
            now += after_s * SECOND
            bucket, *answer = decide(bucket, pace, asked, now)
            for mine, admitted in zip((asked.urgent, asked.bulk), answer, strict=True):
                assert admitted.returned <= mine.returned
                assert admitted.new <= mine.new
                known = told(admitted, mine)
                assert known <= mine.returned + mine.new
                last_in = admitted.first_in + max(0, admitted.booked - 1) * pace.every
                assert known == mine.returned + mine.new or last_in + pace.every > MOST_AHEAD - 1

    @given(st.floats(3, 500), st.integers(1, 400))
    def test_turns_are_a_token_apart_and_kept(self, limit: float, many: int) -> None:
        pace = Pace.at_most(limit)
        bucket, _, bulk = decide(Bucket(), pace, Wanted(bulk=Asked(new=many)), BEGIN)
        turns = [BEGIN + bulk.first_in + number * pace.every + 500 for number in range(bulk.booked)]
        assert -1 < went(bulk) - min(many, pace.burst - pace.reserve) <= noise(pace)
        for at in turns:
            bucket, _, bulk = decide(bucket, pace, Wanted(bulk=Asked(returned=1)), at)
            assert went(bulk) == 1

    def test_who_is_new_goes_behind_who_waits(self) -> None:
        pace = Pace(10, 5)
        bucket, _, bulk = decide(Bucket(), pace, Wanted(bulk=Asked(new=10)), BEGIN)
        assert (bulk.new, bulk.booked) == (4, 6)
        later = BEGIN + bulk.first_in + pace.every
        bucket, _, newer = decide(bucket, pace, Wanted(bulk=Asked(new=1)), later)
        assert (newer.new, newer.booked) == (0, 1)
        assert later + newer.first_in == BEGIN + bulk.first_in + 6 * pace.every

    def test_what_somebody_waits_for_passes_all_bulk_and_takes_the_reserve(self) -> None:
        pace = Pace(10, 5)
        bucket, _, _ = decide(Bucket(), pace, Wanted(bulk=Asked(new=1_000)), BEGIN)
        bucket, urgent, _ = decide(bucket, pace, Wanted(urgent=Asked(new=1)), BEGIN)
        assert urgent.new == 1
        _, urgent, bulk = decide(bucket, pace, Wanted(urgent=Asked(new=1), bulk=Asked(returned=1)), BEGIN)
        assert (urgent.new, urgent.first_in) == (0, pace.every)
        assert went(bulk) == 0

    def test_a_full_bucket_that_nobody_comes_for_is_for_who_is_new(self) -> None:
        """What had turns was canceled."""
        pace = Pace(10, 5)
        bucket, _, bulk = decide(Bucket(), pace, Wanted(bulk=Asked(new=1_000)), BEGIN)
        assert bulk.booked == 996
        _, _, bulk = decide(bucket, pace, Wanted(bulk=Asked(new=1)), BEGIN + 3 * SECOND)
        assert bulk.new == 1

    def test_a_turn_that_lacks_part_of_a_token_waits_for_that_alone(self) -> None:
        pace = Pace(10, 5)
        bucket, _, bulk = decide(Bucket(), pace, Wanted(bulk=Asked(new=1_000)), BEGIN)
        early = BEGIN + bulk.first_in - 0.3 * pace.every
        _, _, bulk = decide(bucket, pace, Wanted(bulk=Asked(returned=1)), early)
        assert (bulk.returned, bulk.soon, bulk.booked) == (0, 1, 0)
        assert abs(bulk.soon_in - 0.3 * pace.every) < 10


class TestABatchOfAThousand:
    @settings(max_examples=15)
    @given(st.sampled_from([5.0, 14.0, 30.0, 100.0]), st.integers(0, 1_000), st.integers(0, 30))
    def test_asks_about_twice_for_each(self, limit: float, seed: int, urgent: int) -> None:
        """With lateness of up to 60 ms, and others taking tokens in between: nobody comes back over and over."""
        pace, many, random = Pace.at_most(limit), 1_000, Random(seed)
        bucket, now, asked, done, spent = Bucket(), BEGIN, 0, 0, 0
        due = [(BEGIN + number, False) for number in range(many)]
        others = sorted(BEGIN + random.uniform(0, many / pace.per_s) * SECOND for _ in range(urgent))
        calls: list[float] = []
        heapq.heapify(due)
        while due:
            at, has_turn = heapq.heappop(due)
            now = max(now, at + random.uniform(0, 60_000))
            while others and others[0] < now:
                bucket, other, _ = decide(bucket, pace, Wanted(urgent=Asked(new=1)), others.pop(0))
                spent += went(other)
            returned = int(has_turn)
            bucket, _, bulk = decide(bucket, pace, Wanted(bulk=Asked(returned, 1 - returned)), now)
            asked += 1
            if went(bulk):
                done += 1
                calls.append(now)
            elif bulk.soon:
                heapq.heappush(due, (now + bulk.soon_in, True))
            else:
                heapq.heappush(due, (now + bulk.first_in, bool(bulk.booked)))
        assert done == many
        is_tiny = pace.burst - pace.reserve < 1.5  # what comes while one is late is lost
        assert asked <= (3.1 if is_tiny else 2.1) * many + spent
        assert (calls[-1] - BEGIN) / SECOND <= (1.35 if is_tiny else 1.05) * (many + spent) / pace.per_s + 5


class TestAtMost:
    @given(st.floats(0.2, 1_000))
    def test_no_second_has_more_calls_than_the_limit(self, limit: float) -> None:
        pace = Pace.at_most(limit)
        assert pace.burst >= 1
        assert pace.burst + pace.per_s - 1 <= max(limit, 1.0) + 1e-9 or limit < 3
        assert 0 <= pace.reserve <= pace.burst - 1

    def test_bulk_gets_something_of_the_smallest_bucket(self) -> None:
        _, _, bulk = decide(Bucket(), Pace.at_most(1), Wanted(bulk=Asked(new=2)), BEGIN)
        assert (bulk.new, bulk.booked) == (1, 1)

    def test_a_part_is_slower(self) -> None:
        assert Pace.at_most(14, counts_recipients=True).part(2).counts_recipients
        assert Pace(10, 5).part(2) == replace(Pace(10, 5), per_s=5, burst=2.5)
