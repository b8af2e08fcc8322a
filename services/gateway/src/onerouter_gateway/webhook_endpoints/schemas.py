"""Webhook endpoints for the documentation; the webhooks service owns their rules."""

from typing import Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.payments.schemas import Page


class WebhookEndpointCreate(BaseModel):
    """Where events are to be delivered."""

    url: str = Field(max_length=2048, description="An https address.", examples=["https://example.com/hooks/onerouter"])
    event_types: list[str] | None = Field(
        None,
        description="`payment.succeeded`, or `payment.*` for all below a name. Absent: every event.",
        examples=[["payment.*", "refund.succeeded"]],
    )
    description: str | None = Field(None, max_length=500)
    metadata: dict[str, str] = Field(default_factory=dict)


class WebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    url: str
    event_types: list[str] | None
    description: str | None
    metadata: dict[str, str]
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    environment: Environment
    created_at: str
    updated_at: str


class CreatedWebhookEndpoint(WebhookEndpoint):
    secret: str = Field(description="`whsec_…`: verifies deliveries (Standard Webhooks). Shown only here.")


class WebhookEndpointList(Page):
    data: list[WebhookEndpoint]


class DeletedWebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]


class DeliveryAttempt(BaseModel):
    id: str
    number: int
    trigger: str
    at: str
    duration_ms: int
    status: int | None = Field(description="The HTTP status that came back; null: none did, see `failure`.")
    failure: str | None
    response_headers: dict[str, str]
    response_body: str
    response_truncated: bool


class Delivery(BaseModel):
    """One event owed to one endpoint."""

    id: str
    object: Literal["delivery"]
    event_id: str
    event_type: str
    endpoint_id: str
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"]
    attempt_count: int
    attempts: list[DeliveryAttempt]
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None


class DeliveryList(Page):
    data: list[Delivery]
