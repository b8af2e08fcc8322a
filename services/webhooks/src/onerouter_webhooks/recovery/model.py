"""Words of recoveries. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

What = Literal["failed", "all"]
"""Deliveries whose every attempt failed, or every event it wants, taken before or not. What is held for an endpoint needs no
recovery: to enable it frees all of it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A recovery that is not at its end."""

    id: str
    tenant_id: str
    environment: str
    endpoint_id: str
    what: What
    since: datetime
    until: datetime
    types: Sequence[str] | None
    cursor: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something of the period that may be sent again. `id` is the delivery's or, for `all`, the event's."""

    id: str
    event_id: str
    event_at: datetime
    event_type: str
    at: datetime
    """When it was made: how far the job came."""
    is_wanted: bool = True
    """False: it was looked at, and is nothing to send."""


class Step(NamedTuple):
    """What was found in one step."""

    chosen: Sequence[Candidate]
    last: Candidate | None
    looked_at: int
    is_last: bool


def room_of(on_its_way: int, max_in_flight: int, *, has_live: bool) -> int:
    """How many more may join the queue. Beside live deliveries that wait a job has a fifth of the endpoint's places, alone
    enough to keep all of them busy."""
    most = max(1, max_in_flight // 5) if has_live else max_in_flight * 5
    return max(0, most - on_its_way)


def choose(candidates: Sequence[Candidate], room: int, page: int) -> Step:
    """As many as there is room for, in order; `page` candidates at most were asked for."""
    chosen: list[Candidate] = []
    last: Candidate | None = None
    looked_at = 0
    for one in candidates:
        if one.is_wanted and len(chosen) == room:
            return Step(chosen, last, looked_at, is_last=False)
        if one.is_wanted:
            chosen.append(one)
        last = one
        looked_at += 1
    return Step(chosen, last, looked_at, is_last=len(candidates) < page)


def progress_of(status: str, since: datetime, until: datetime, reached_at: datetime) -> float:
    """From 0 to 1, by the time it came to."""
    if status == "finished" or until <= since:
        return 1.0
    return round(min(1.0, max(0.0, (reached_at - since) / (until - since))), 4)
