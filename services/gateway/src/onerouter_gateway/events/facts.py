"""Data of events that are about what no other route shows, for the documentation."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.billing.schemas import Shown
from onerouter_gateway.email.schemas import Email
from onerouter_gateway.events.schemas import EventResource
from onerouter_gateway.sms.schemas import Sms


class _Told(BaseModel):
    event: dict[str, Any] = Field(
        description="What it says beside the message: of which `recipient`, the `url` that was followed, the `reason`."
    )


class SmsTold(Sms, _Told):
    """A text message as it was then."""


class EmailTold(Email, _Told):
    """An email as it was then."""


class Transfer(Shown):
    """A vendor's part of a payment."""

    object: Literal["transfer"]
    provider_transfer_id: str | None
    status: Literal["pending", "unclaimed", "failed", "canceled", "succeeded", "partially_reversed", "reversed"]
    payment_id: str | None
    vendor_id: str | None
    split_id: str | None
    amount: float | None
    amount_minor: int | None
    currency: str | None
    amount_reversed_minor: int | None


class StuckResource(EventResource):
    status: str | None = None


class StuckOperation(BaseModel):
    """An operation that is late, or one whose provider does not say what became of what it made."""

    id: str
    object: Literal["operation"]
    operation: str = Field(examples=["payment.create"])
    state: str
    reason: Literal["deadline", "silence"]
    since: str
    provider: str | None
    connection_id: str | None
    resource: StuckResource
    attempts: int
    environment: Environment


class ConnectionTold(BaseModel):
    """A connection, without anything of its credentials."""

    id: str
    object: Literal["connection"]
    service: str = Field(description="The category.")
    provider: str
    label: str
    environment: Environment
    status: Literal["enabled", "disabled", "disconnected"]
    priority: int
    currency: str | None
    max_in_flight: int | None
    rate_per_s: float | None
    verification: Literal["unverified", "accepted", "refused"]
    verified_error: str | None
    last_verified_at: str | None
    created_at: str | None
    updated_at: str | None
    disconnected_at: str | None


class EndpointTold(BaseModel):
    """One of your endpoints, and how it fails."""

    id: str
    object: Literal["webhook_endpoint"]
    url: str
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    failing_since: str | None
    failed_attempts: int


class RefusedSubscription(BaseModel):
    """Callbacks that a provider offered and that could not be agreed to: until they are, it does not call back."""

    id: str
    object: Literal["callback_subscription"]
    status: Literal["refused"]
    connection_id: str
    service: str = Field(description="The category.")
    provider: str
    subject: str = Field(description="What would call back: a topic's ARN.")
    reason: str = Field(description="What the provider said to the connection's key.")


class ExhaustedDelivery(BaseModel):
    """A delivery that was given up."""

    id: str
    object: Literal["delivery"]
    status: Literal["exhausted"]
    event_id: str
    event_type: str
    endpoint_id: str
    attempt_count: int
    last_status: int | None = Field(description="The HTTP status of the last attempt; null: none came back.")
    last_failure: str | None
