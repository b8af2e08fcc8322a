"""Events for the documentation; the webhooks service makes them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment


class EventResource(BaseModel):
    kind: str = Field(examples=["payment"])
    id: str = Field(examples=["pay_01k9zq3v7m8e5t2r4w6y8a0c1d"])


class Event(BaseModel):
    """One fact about one resource, exactly as it is delivered to endpoints."""

    id: str = Field(examples=["evt_01k9zq3v7m8e5t2r4w6y8a0c1d"], description="The same however often it is sent.")
    type: str = Field(examples=["payment.succeeded"])
    timestamp: str = Field(examples=["2026-01-31T09:30:00.125Z"], description="When it happened.")
    environment: Environment
    resource: EventResource
    sequence: int = Field(
        description="Counts the events of this resource without a gap: who holds 1 and sees 3 knows that 2 is to come."
    )
    operation_id: str | None = Field(description="The operation that caused it; null where the provider told us.")
    data: dict[str, Any] = Field(description="The resource as it was then.")


class EventPage(BaseModel):
    data: list[Event]
    iterator: str = Field(description="Where to go on: the next request's `after`. There is always one.")
    done: bool = Field(description="There is nothing more for now.")


class EventDelivery(BaseModel):
    """What became of one event at one endpoint."""

    id: str
    object: Literal["delivery"]
    endpoint_id: str
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"]
    trigger: str = Field(description="`event`; or `manual`: it was sent again.")
    attempt_count: int
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None


class EventWithDeliveries(Event):
    deliveries: list[EventDelivery] = Field(description="Newest first, 100 at most.")


class EventRedeliver(BaseModel):
    """Where to send an event again."""

    endpoint_id: str | None = Field(
        None, max_length=64, description="Only there. Absent: to each endpoint that is enabled and takes its type."
    )


class Redelivery(BaseModel):
    event_id: str
    object: Literal["redelivery"]
    deliveries: list[EventDelivery] = Field(description="Those that are on their way now. Each is tried once.")
