"""Deliveries for the documentation; the webhooks service owns their rules."""

from typing import Literal

from pydantic import BaseModel, Field

from onerouter_gateway.payments.schemas import Page


class DeliveryAttempt(BaseModel):
    id: str
    number: int
    trigger: str
    at: str
    duration_ms: int
    status: int | None = Field(description="The HTTP status that came back; null: none did, see `failure`.")
    failure: str | None = Field(
        description="One word: `timeout`, `connect`, `dns`, `tls`, `blocked_address`, `redirect`, `status`, `proxy` (ours "
        "was away: it counts for nothing), …"
    )
    remote_address: str | None = Field(description="The address that was reached; null: none was.")
    response_headers: dict[str, str]
    response_body: str = Field(description="At most 16 kB; in a list at most 1 kB.")
    response_truncated: bool
    resent: bool = Field(
        description="The request went out twice in this attempt: the connection that was kept from before ended without a "
        "word, so a new one was used."
    )


class Delivery(BaseModel):
    """One event owed to one endpoint."""

    id: str
    object: Literal["delivery"]
    event_id: str
    event_type: str
    endpoint_id: str
    status: Literal["pending", "held", "succeeded", "exhausted", "canceled"] = Field(
        description="`held`: its endpoint is paused or disabled. `exhausted`: every attempt failed."
    )
    trigger: str = Field(
        description="`event`; `manual`: somebody asked for it to be sent again; `recovery`: a recovery did."
    )
    attempt_count: int
    attempts: list[DeliveryAttempt]
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None


class DeliveryList(Page):
    data: list[Delivery]


class RecoveryStart(BaseModel):
    """Which of what an endpoint missed is to be sent again."""

    since: str = Field(
        description="What was made at this moment or later (RFC 3339).", examples=["2026-01-30T00:00:00Z"]
    )
    until: str | None = Field(None, description="And before this moment; absent: up to now.")
    what: Literal["failed", "all"] = Field(
        "failed",
        description="`failed`: deliveries whose every attempt failed. `all`: every event of the period that the endpoint "
        "wants, whether it was delivered or not.",
    )
    types: list[str] | None = Field(None, description="Only events of these types.", examples=[["payment.*"]])


class Recovery(BaseModel):
    """A job that sends again what an endpoint missed."""

    id: str
    object: Literal["recovery"]
    endpoint_id: str
    what: Literal["failed", "all"]
    since: str
    until: str
    types: list[str] | None
    status: Literal["running", "finished", "canceled"]
    progress: float = Field(description="From 0 to 1, by time.")
    looked_at: int = Field(description="Deliveries or events of the period so far.")
    queued: int = Field(description="Of these, put on their way.")
    skipped: int = Field(description="Of these, left: taken meanwhile, or on their way already.")
    created_at: str
    finished_at: str | None


class RecoveryList(Page):
    data: list[Recovery]
