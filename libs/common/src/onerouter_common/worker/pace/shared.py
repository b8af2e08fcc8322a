"""Where the buckets of all workers are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onerouter_common.worker.pace.rule import Admitted, Pace, Wanted


class BucketsAway(Exception):
    """Nobody can be asked now; each process keeps to its part of the pace."""


@dataclass(frozen=True, slots=True)
class Question:
    """What wants to go over one connection."""

    connection_id: str
    pace: Pace
    wanted: Wanted


Answer = tuple[Admitted, Admitted]
"""Of the urgent, and of the bulk."""


class SharedBuckets(Protocol):
    async def ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Take what there is, in one round trip; an answer each, in their order. Raises BucketsAway."""
        ...
