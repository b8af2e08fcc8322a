"""Bodies of the endpoint management API, as the gateway forwards them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from onerouter_common.contracts.base import Moment
from onerouter_webhooks.event.matching import is_pattern

MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40)]
MetadataValue = Annotated[str, StringConstraints(max_length=500)]


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    return value


class CreateEndpoint(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2048, description="Where deliveries are sent: https.")
    event_types: list[str] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="`payment.succeeded`, or `payment.*` for all below a name; absent: every event.",
    )
    description: str | None = Field(None, max_length=500)
    metadata: dict[MetadataKey, MetadataValue] = Field(default_factory=dict, max_length=50)

    @field_validator("event_types")
    @classmethod
    def _are_patterns(cls, value: list[str] | None) -> list[str] | None:
        wrong = next((one for one in value or () if not is_pattern(one)), None)
        if wrong is not None:
            raise ValueError(f"'{wrong[:100]}' is not an event type such as payment.succeeded or payment.*")
        return None if value is None else list(dict.fromkeys(value))

    @field_validator("url", "description")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return None if value is None else _without_nul(value)

    @field_validator("metadata")
    @classmethod
    def _texts(cls, value: dict[str, str]) -> dict[str, str]:
        return {_without_nul(key): _without_nul(text) for key, text in value.items()}


class Endpoint(BaseModel):
    """A webhook endpoint as tenants see it."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    url: str
    event_types: list[str] | None
    description: str | None
    metadata: dict[str, str]
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    environment: str
    created_at: Moment
    updated_at: Moment


class CreatedEndpoint(Endpoint):
    secret: str = Field(description="Verifies deliveries (Standard Webhooks). Shown only here.")


class EndpointList(BaseModel):
    data: list[Endpoint]
    has_more: bool
    next_cursor: str | None


class DeletedEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    deleted: Literal[True] = True


class Attempt(BaseModel):
    """One request that was made."""

    id: str
    number: int
    trigger: str
    at: Moment
    duration_ms: int
    status: int | None = Field(description="The HTTP status that came back; null: none did, see `failure`.")
    failure: str | None = Field(description="timeout, connect, dns, tls, blocked_address, redirect, status, …")
    response_headers: dict[str, str]
    response_body: str
    response_truncated: bool


class Delivery(BaseModel):
    """One event owed to one endpoint."""

    id: str
    object: Literal["delivery"] = "delivery"
    event_id: str
    event_type: str
    endpoint_id: str
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"]
    attempt_count: int
    attempts: list[Attempt]
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class DeliveryList(BaseModel):
    data: list[Delivery]
    has_more: bool
    next_cursor: str | None
