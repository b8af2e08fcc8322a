"""Bodies of the internal API of events."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Moment


class RedeliverEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoint_id: str | None = Field(
        None, max_length=64, description="Only to this one; absent: to each that is enabled and takes its type."
    )


class EventDelivery(BaseModel):
    """What became of one event at one endpoint."""

    id: str
    object: Literal["delivery"] = "delivery"
    endpoint_id: str
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"]
    trigger: str = Field(description="`event`, or `manual`: it was sent again.")
    attempt_count: int
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class Redelivery(BaseModel):
    event_id: str
    object: Literal["redelivery"] = "redelivery"
    deliveries: list[EventDelivery] = Field(description="Those that are on their way now.")
