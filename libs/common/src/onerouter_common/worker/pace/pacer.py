"""Who of a batch may go over its connection now, and when the others may come back.

All workers together keep to a connection's pace, through one question a batch. While nobody answers, each keeps to its part
of it, counting what it has taken before.
"""

import math
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.worker.pace.rule import MOST_AHEAD, SECOND, Admitted, Asked, Bucket, Pace, Wanted, decide
from onerouter_common.worker.pace.shared import Answer, BucketsAway, Question, SharedBuckets

log = structlog.get_logger()

_MOST_KNOWN: Final = 20_000
_NO_TURNS: Final = -MOST_AHEAD
_GROUP_S: Final = 0.25
"""Bulk that waits comes back so far apart at most, several at once."""


@dataclass(frozen=True, slots=True)
class Going:
    """An operation that wants to make a call which does something."""

    op_id: str
    connection_id: str
    provider: str
    pace: Pace
    is_bulk: bool
    has_turn: bool
    """It waited for its turn, and that has come."""
    tokens: int = 1
    """Of its pace, that the call takes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an operation is told that cannot go."""

    in_s: float
    is_given: bool
    """Then it goes before who is new. False: too many wait before it, it asks again."""


class Pacer:
    """Lives on one event loop. `seconds` is a monotonic clock."""

    def __init__(
        self,
        shared: SharedBuckets | None,
        *,
        category: str,
        parts: int = 1,
        retry_s: float = 1.0,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`parts`: how many processes share a pace while none of them can ask the others."""
        self._shared = shared
        self._category = category
        self._parts = parts
        self._retry_s = retry_s
        self._seconds = seconds
        self._own: OrderedDict[str, Bucket] = OrderedDict()
        """By connection: our part, whether or not it is in use."""
        self._leave_alone_until = float("-inf")
        self._is_away = False

    async def turns(self, going: Sequence[Going]) -> dict[str, Turn]:
        """By operation id: who has to wait. One round trip."""
        if not going:
            return {}
        alike = _alike(going)
        turns: dict[str, Turn] = {}
        for some, answer in zip(alike, await self._answers([_question(some) for some in alike]), strict=True):
            told = _told(some, answer, time.time())
            self._count(some, told)
            turns |= told
        return turns

    async def spare(self, connection_id: str, pace: Pace) -> float | None:
        """For a call that can wait as well: None, and a token is taken; else in how many seconds there may be one.

        It goes like bulk that is new, when nobody waits. Nothing is kept for it.
        """
        question = Question(connection_id, pace, Wanted(bulk=Asked(new=1), ahead=_NO_TURNS))
        [(_, bulk)] = await self._answers([question])
        return None if bulk.new else bulk.first_in / SECOND

    def _count(self, going: Sequence[Going], told: Mapping[str, Turn]) -> None:
        waiting = Counter("bulk" if one.is_bulk else "transactional" for one in going if one.op_id in told)
        for priority, count in waiting.items():
            metrics.OPERATIONS_PACED.labels(self._category, going[0].provider, priority).inc(count)

    async def _answers(self, questions: Sequence[Question]) -> Sequence[Answer]:
        if self._shared is not None and self._seconds() >= self._leave_alone_until:
            try:
                answers = await self._shared.ask(questions)
            except BucketsAway as error:
                self._went_away(error)
            else:
                self._came_back()
                for question, answer in zip(questions, answers, strict=True):
                    self._note(question, sum(one.returned + one.new for one in answer) * question.wanted.tokens)
                return answers
        return [self._alone(question) for question in questions]

    def _alone(self, question: Question) -> Answer:
        """By our part of the pace."""
        known = self._own.get(question.connection_id, Bucket())
        after, *answer = decide(known, question.pace.part(self._parts), question.wanted, self._seconds() * SECOND)
        self._keep(question.connection_id, after)
        urgent, bulk = answer
        return urgent, bulk

    def _note(self, question: Question, went: int) -> None:
        """What the others let us take is taken from our part, too, so that nothing comes twice when they go away."""
        if went:
            now, part = self._seconds() * SECOND, question.pace.part(self._parts)
            known = self._own.get(question.connection_id, Bucket())
            full_at = max(known.full_at, now) + went * part.every
            self._keep(question.connection_id, Bucket(min(full_at, now + part.burst * part.every)))

    def _keep(self, connection_id: str, bucket: Bucket) -> None:
        self._own[connection_id] = bucket
        self._own.move_to_end(connection_id)
        while len(self._own) > _MOST_KNOWN:
            self._own.popitem(last=False)

    def _went_away(self, error: BucketsAway) -> None:
        self._leave_alone_until = self._seconds() + self._retry_s
        metrics.PACE_ALONE.labels(self._category).inc()
        if not self._is_away:
            self._is_away = True
            log.warning("pace.redis.away", error=str(error), policy=f"each process keeps to one of {self._parts} parts")

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("pace.redis.back")


def _alike(going: Sequence[Going]) -> list[list[Going]]:
    """By connection; where some take more tokens than others, also by those, and then what somebody waits for is first."""
    differ: dict[str, set[int]] = {}
    for one in going:
        differ.setdefault(one.connection_id, set()).add(one.tokens)
    alike: dict[object, list[Going]] = {}
    for one in sorted(going, key=lambda one: one.is_bulk):
        is_one_question = len(differ[one.connection_id]) == 1
        kind = one.connection_id if is_one_question else (one.connection_id, one.is_bulk, one.tokens)
        alike.setdefault(kind, []).append(one)
    return list(alike.values())


def _question(going: Sequence[Going]) -> Question:
    """Of operations that go over one connection, and take as many tokens each."""
    counts = Counter((one.is_bulk, one.has_turn) for one in going)
    urgent = Asked(counts[False, True], counts[False, False])
    bulk = Asked(counts[True, True], counts[True, False])
    return Question(going[0].connection_id, going[0].pace, Wanted(urgent, bulk, going[0].tokens))


def _told(going: Sequence[Going], answer: Answer, now_s: float) -> dict[str, Turn]:
    """The first of each kind go. `now_s`: by the clock that workers share."""
    turns: dict[str, Turn] = {}
    for is_bulk, admitted in zip((False, True), answer, strict=True):
        mine = [one for one in going if one.is_bulk is is_bulk]
        returned = [one for one in mine if one.has_turn][admitted.returned :]
        new = [one for one in mine if not one.has_turn][admitted.new :]
        waits = _waits(admitted, going[0].pace.every * going[0].tokens)
        if is_bulk and going[0].tokens == 1:
            waits = _in_groups(waits, going[0].pace, now_s)
        turns |= {one.op_id: next(waits) for one in (*returned, *new)}
    return turns


def _in_groups(waits: Iterator[Turn], pace: Pace, now_s: float) -> Iterator[Turn]:
    """As many at a time as the bucket has room for: what is claimed, called and stored together costs others less."""
    token_s = pace.every / SECOND
    together = min(pace.together, int(_GROUP_S / token_s))
    for turn in waits:
        if together > 1 and turn.is_given:
            length_s = together * token_s
            yield Turn(math.ceil((now_s + turn.in_s) / length_s) * length_s - now_s, True)
        else:
            yield turn


def _waits(admitted: Admitted, every: float) -> Iterator[Turn]:
    """For those that do not go, in their order; without an end."""
    if admitted.soon:
        yield Turn(admitted.soon_in / SECOND, True)
    for number in range(admitted.booked):
        yield Turn((admitted.first_in + number * every) / SECOND, True)
    while True:  # not all at once
        yield Turn(random.uniform(0.5, 1.0) * MOST_AHEAD / SECOND, False)  # noqa: S311
