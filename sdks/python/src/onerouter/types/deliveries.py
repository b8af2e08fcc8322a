"""Results: deliveries.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

__all__ = ["Delivery", "DeliveryAttempt", "Recovery"]


class Delivery(Object):
    """One event owed to one endpoint."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    attempt_count: int
    attempts: list[DeliveryAttempt]
    created_at: str
    endpoint_id: str
    event_id: str
    event_type: str
    finished_at: str | None
    id: str
    next_attempt_at: str | None
    object: Literal["delivery"]
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"] | str
    """`held`: its endpoint is paused or disabled. `exhausted`: every attempt failed."""
    trigger: str
    """`event`; `manual`: somebody asked for it to be sent again; `recovery`: a recovery did."""


class DeliveryAttempt(Object):
    """Delivery attempt."""

    at: str
    duration_ms: int
    failure: str | None
    """One word: `timeout`, `connect`, `dns`, `tls`, `blocked_address`, `redirect`, `status`, `proxy` (ours was
    away: it counts for nothing), …
    """
    id: str
    number: int
    remote_address: str | None
    """The address that was reached; null: none was."""
    resent: bool
    """The request went out twice in this attempt: the connection that was kept from before ended without a word,
    so a new one was used.
    """
    response_body: str
    """At most 16 kB; in a list at most 1 kB."""
    response_headers: dict[str, str]
    response_truncated: bool
    status: int | None
    """The HTTP status that came back; null: none did, see `failure`."""
    trigger: str


class Recovery(Object):
    """A job that sends again what an endpoint missed."""

    created_at: str
    endpoint_id: str
    finished_at: str | None
    id: str
    looked_at: int
    """Deliveries or events of the period so far."""
    object: Literal["recovery"]
    progress: float
    """From 0 to 1, by time."""
    queued: int
    """Of these, put on their way."""
    since: str
    skipped: int
    """Of these, left: taken meanwhile, or on their way already."""
    status: Literal["running", "finished", "canceled"] | str
    types: list[str] | None
    until: str
    what: Literal["failed", "all"] | str


Delivery._nested = {"attempts": DeliveryAttempt}
