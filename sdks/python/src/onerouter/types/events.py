"""Results: events.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

__all__ = [
    "Event",
    "EventDelivery",
    "EventPage",
    "EventResource",
    "EventTypeList",
    "EventTypeShown",
    "EventWithDeliveries",
    "Redelivery",
]


class Event(Object):
    """One fact about one resource, exactly as it is delivered to endpoints."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: OpenObject
    """The resource as it was then."""
    environment: Literal["test", "live"] | str
    id: str
    """The same however often it is sent."""
    operation_id: str | None
    """The operation that caused it; null where the provider told us."""
    resource: EventResource
    sequence: int
    """Counts the events of this resource without a gap: who holds 1 and sees 3 knows that 2 is to come."""
    timestamp: str
    """When it happened."""
    type: str


class EventDelivery(Object):
    """What became of one event at one endpoint."""

    attempt_count: int
    created_at: str
    endpoint_id: str
    finished_at: str | None
    id: str
    next_attempt_at: str | None
    object: Literal["delivery"]
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"] | str
    trigger: str
    """`event`; or `manual`: it was sent again."""


class EventPage(Object):
    """Event page."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: list[Event]
    done: bool
    """There is nothing more for now."""
    iterator: str
    """Where to go on: the next request's `after`. There is always one."""


class EventResource(Object):
    """Event resource."""

    id: str
    kind: str


class EventTypeList(Object):
    """Everything that may come, and in which form."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: list[EventTypeShown]
    object: Literal["list"]


class EventTypeShown(Object):
    """Event type shown."""

    category: str
    data_schema: OpenObject
    """JSON Schema of `data`: a reference into `$defs` of this answer."""
    description: str
    example: OpenObject
    """An event as it is delivered."""
    object: Literal["event_type"]
    resource: str
    """Kind of the resource it is about."""
    type: str


class EventWithDeliveries(Object):
    """Event with deliveries."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: OpenObject
    """The resource as it was then."""
    deliveries: list[EventDelivery]
    """Newest first, 100 at most."""
    environment: Literal["test", "live"] | str
    id: str
    """The same however often it is sent."""
    operation_id: str | None
    """The operation that caused it; null where the provider told us."""
    resource: EventResource
    sequence: int
    """Counts the events of this resource without a gap: who holds 1 and sees 3 knows that 2 is to come."""
    timestamp: str
    """When it happened."""
    type: str


class Redelivery(Object):
    """Redelivery."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    deliveries: list[EventDelivery]
    """Those that are on their way now. Each is tried once."""
    event_id: str
    object: Literal["redelivery"]


Event._nested = {"resource": EventResource}
EventPage._nested = {"data": Event}
EventTypeList._nested = {"data": EventTypeShown}
EventWithDeliveries._nested = {"deliveries": EventDelivery, "resource": EventResource}
Redelivery._nested = {"deliveries": EventDelivery}
