"""Webhook endpoints for the documentation; the webhooks service owns their rules."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment


class WebhookEndpointCreate(BaseModel):
    """Where events are to be delivered."""

    url: str = Field(description="An https address of yours.", examples=["https://example.com/webhooks/onerouter"])
    event_types: list[str] | None = Field(None, description="Absent: all.", examples=[["payment.succeeded"]])
    description: str | None = None


class WebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    url: str
    event_types: list[str] | None
    description: str | None
    secret: str | None = Field(None, description="`whsec_…`; only in the answer that creates it.")
    created_at: str
    environment: Environment


class WebhookEndpointList(BaseModel):
    data: list[WebhookEndpoint]


class DeletedWebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]


class DeliveryList(BaseModel):
    data: list[dict[str, Any]]
    has_more: bool
    next_cursor: str | None
