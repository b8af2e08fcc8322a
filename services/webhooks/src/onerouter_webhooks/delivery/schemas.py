"""Bodies of the internal API of deliveries, as the gateway forwards them."""

from typing import Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Moment

Status = Literal["pending", "held", "succeeded", "exhausted", "canceled"]


class Attempt(BaseModel):
    """One request that was made."""

    id: str
    number: int
    trigger: str
    at: Moment
    duration_ms: int
    status: int | None = Field(description="The HTTP status that came back; null: none did, see `failure`.")
    failure: str | None = Field(description="timeout, connect, dns, tls, blocked_address, proxy, redirect, status, …")
    remote_address: str | None = Field(description="What answered, or was reached; null: nothing was.")
    response_headers: dict[str, str]
    response_body: str
    response_truncated: bool
    resent: bool = Field(
        # What was kept for an idempotency key before there was this does without.
        False,
        description="It went out twice: the connection that was kept ended without a word, so a new one was used.",
    )


class Delivery(BaseModel):
    """One event owed to one endpoint."""

    id: str
    object: Literal["delivery"] = "delivery"
    event_id: str
    event_type: str
    endpoint_id: str
    status: Status
    trigger: str = Field(description="`event`; or `manual`: somebody asked for it to be sent again.")
    attempt_count: int
    attempts: list[Attempt]
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class DeliveryList(BaseModel):
    data: list[Delivery]
    has_more: bool
    next_cursor: str | None
