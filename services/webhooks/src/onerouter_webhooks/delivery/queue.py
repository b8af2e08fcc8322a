"""Words of the delivery queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.delivery.transport import Answer

READY: Final = 0
LEASED: Final = 1
HELD: Final = 2
"""Kept until the endpoint is enabled again."""

MANUAL: Final = "manual"
"""The trigger of what somebody asked to be sent again."""

Outcome = Literal["succeeded", "exhausted", "canceled"]


class Lease(NamedTuple):
    """Who works on a delivery, and for how long nobody else may."""

    owner: str
    length: timedelta
    attempt: timedelta
    """Of it, what an attempt may take; an endpoint that allows more makes the lease longer."""

    def longer_s(self, timeout_s: float | None) -> float:
        """By how much."""
        return max(0.0, (timeout_s or 0.0) - self.attempt.total_seconds())


class Due(NamedTuple):
    """An endpoint's earliest ready delivery, and when it may be sent. `wait_s` is negative when it is overdue."""

    lane: Lane
    wait_s: float
    status: str | None = "enabled"
    """The endpoint's. None: it is gone."""
    max_in_flight: int | None = None
    """What the endpoint asks for."""
    rate_per_s: float | None = None
    in_order: bool = False
    """It wants the events of each resource one after the other."""
    asked_s: float | None = None
    """The same of what somebody asked for by hand, which no open breaker keeps back. None: there is none."""
    later_s: float | None = None
    """When the first comes that is not due yet."""


@dataclass(frozen=True, slots=True)
class Work:
    """One delivery this process holds the lease and a slot of. `generation` fences: it grows with each lease."""

    delivery_id: str
    generation: int
    attempts: int
    """Attempts made so far."""
    tenant_id: str
    environment: str
    endpoint_id: str
    event_id: str
    trigger: str
    url: str | None
    """None: the endpoint is gone."""
    endpoint_status: str | None
    endpoint_version: int
    body: bytes | None
    """None: the event is past its retention."""
    timeout_s: float | None = None
    """What the endpoint asks for, as the next one; None: what is usual."""
    retry_schedule_s: Sequence[float] | None = None
    event_type: str = ""
    resource: str | None = None
    """Of which the next event waits for this one's end."""
    is_probe: bool = False
    """The one request that shows whether an endpoint that was left alone answers again."""

    @property
    def lane(self) -> Lane:
        return Lane(self.endpoint_id, self.tenant_id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was made."""

    id: str
    number: int
    started_at: datetime
    answer: Answer


@dataclass(frozen=True, slots=True)
class Finished:
    """The delivery ends."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TryAgain:
    wait_s: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for the endpoint to be enabled. `disable` says why it must be disabled now; None: it already is."""

    disable: str | None = None


Decision = Finished | TryAgain | Hold


@dataclass(frozen=True, slots=True)
class Completion:
    """What is written when the lease is given back."""

    work: Work
    decision: Decision
    attempt: Attempt | None
    at: datetime
