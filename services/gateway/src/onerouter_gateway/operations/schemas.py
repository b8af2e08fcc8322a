"""Operations as callers read them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.replies import OperationState
from onerouter_gateway.payments.schemas import Listed


class AcceptedOperation(BaseModel):
    """The body of a 202: stored, and not ended within the wait."""

    id: str = Field(examples=["op_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["operation"]
    operation: str = Field(examples=["payment.create"])
    category: str
    status: OperationState
    effect: Literal["none", "unknown", "committed"] = Field(
        description="`committed`: it has succeeded, and what it made is to be read by itself."
    )
    resource_id: str
    environment: Environment
    accepted_at: str
    created: int
    detail: str
    error: dict[str, Any] | None = None


class OperationCost(BaseModel):
    """What the provider takes for it."""

    amount: float = Field(description="Major units.")
    amount_minor: float = Field(description="A message costs a fraction of a cent, mostly.")
    currency: str
    estimated: bool = Field(description="By the provider's public price list; it has not said itself.")


class OperationResource(BaseModel):
    kind: str
    id: str


class RoutedConnection(BaseModel):
    connection_id: str
    provider: str


class PassedOver(BaseModel):
    connection_id: str
    provider: str | None
    reason: str = Field(examples=["currency_unsupported"])
    detail: str


class OperationRouting(BaseModel):
    """Which connection it went to, and why. `POST /api/routing/explain` answers the same for what is not sent."""

    by: Literal["rule", "default", "priority", "override", "resource"]
    rule: str | None = Field(description="The name of the rule that decided.")
    reason: str = Field(examples=["The rule 'Europe by card' matches."])
    policy_version: int
    connection_id: str | None = Field(description="The one that was taken last; null: none could take it.")
    candidates: list[RoutedConnection] = Field(description="In the order in which they are tried.")
    refused: list[PassedOver]


class Operation(BaseModel):
    """One accepted request and its outcome."""

    id: str
    object: Literal["operation"]
    category: str
    operation: str = Field(examples=["payment.create"])
    action: str = Field(
        description="What was done to the resource: the second half of `operation`.", examples=["create"]
    )
    status: OperationState
    resource: OperationResource
    provider: str | None
    connection_id: str | None
    routing: OperationRouting | None = Field(description="Null: not decided yet, or refused before.")
    created_at: str
    created: int
    updated_at: str
    finished_at: str | None
    attempts: list[dict[str, Any]] = Field(description="Each call to a provider, with its outcome.")
    provider_ms: float
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    cost: OperationCost | None = Field(
        description="Of what made a payment or sent a message, once it succeeded: as the provider says, else an "
        "estimate."
    )
    effect: Literal["none", "unknown", "committed"]
    effect_guarantee: str | None
    metadata: dict[str, str] = Field(
        description="As the request said; of a bulk send, what its messages have in common."
    )
    environment: Environment


class OperationList(Listed):
    data: list[Operation]


class _Entry(BaseModel):
    at: str = Field(examples=["2026-01-31T09:30:00.125Z"])
    detail: str = Field(description="A sentence for people.")


class Accepted(BaseModel):
    operation: str
    resource_id: str
    api_key_id: str = Field(description="`system`: we asked for it ourselves.")


class AcceptedEntry(_Entry):
    kind: Literal["accepted"]
    data: Accepted


class Scheduled(BaseModel):
    until: str


class ScheduledEntry(_Entry):
    kind: Literal["scheduled"]
    data: Scheduled


class RoutedEntry(_Entry):
    kind: Literal["routed"]
    data: OperationRouting


class Attempt(BaseModel):
    """One call to a provider."""

    number: int
    kind: Literal["call", "repeat", "lookup"] = Field(
        description="`repeat`: again under the same key; `lookup`: whether an unanswered call was done."
    )
    provider: str
    connection_id: str
    started_at: str
    duration_ms: float | None = Field(description="Null: it is under way.")
    outcome: str | None = Field(
        description="`succeeded`, `declined`, `refused`, `throttled`, `unreachable`, `unknown`, `absent` (a look-up found "
        "nothing), `unfit` (the provider cannot be told it, and was not asked), `not_sent` (we did not get to it, or must "
        "not) or `not_begun`.",
        examples=["declined"],
    )
    reason: str | None = Field(examples=["card_declined"])
    provider_code: str | None
    provider_request_id: str | None


class AttemptEntry(_Entry):
    kind: Literal["attempt"]
    data: Attempt


class ChangedBy(BaseModel):
    type: str
    resource_id: str
    sequence: int


class AppliedCallback(BaseModel):
    callback_id: str
    provider: str
    provider_event_id: str
    provider_event_type: str = Field(examples=["payment.captured"])
    occurred_at: str
    received_at: str
    applied_at: str
    changed: list[ChangedBy] = Field(description="The events it led to; none where it told nothing new.")


class CallbackEntry(_Entry):
    kind: Literal["callback"]
    data: AppliedCallback


class PublishedEvent(BaseModel):
    event_id: str
    type: str = Field(examples=["payment.succeeded"])
    resource: OperationResource
    sequence: int = Field(description="Counts the events of this resource without a gap.")
    status: str | None = Field(description="The resource's, from then on.")
    cost: OperationCost | None
    source: Literal["operation", "callback", "poll"] = Field(description="How we learned it.")
    operation_id: str | None
    callback_id: str | None


class EventEntry(_Entry):
    kind: Literal["event"]
    data: PublishedEvent


class Resolution(BaseModel):
    outcome: Literal["succeeded", "failed"]
    reason: str
    provider_id: str | None
    verified: bool = Field(description="The provider was asked, and agreed.")


class ResolutionEntry(_Entry):
    """Nobody could tell the outcome, and an operator of this service decided it."""

    kind: Literal["resolution"]
    data: Resolution


class Finished(BaseModel):
    status: OperationState
    effect: Literal["none", "unknown", "committed"]
    code: str | None
    provider_code: str | None


class FinishedEntry(_Entry):
    kind: Literal["finished"]
    data: Finished


TimelineEntry = Annotated[
    AcceptedEntry
    | ScheduledEntry
    | RoutedEntry
    | AttemptEntry
    | CallbackEntry
    | EventEntry
    | ResolutionEntry
    | FinishedEntry,
    Field(discriminator="kind"),
]


class OperationTimeline(Listed):
    """What happened to an operation and to what it made, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "operation_id": "op_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "status": "succeeded",
                    "effect": "committed",
                    "cost": {"amount": 11.78, "amount_minor": 1_178, "currency": "INR", "estimated": False},
                    "data": [
                        {
                            "at": "2026-01-31T09:30:00.125Z",
                            "kind": "accepted",
                            "detail": "payment.create was accepted.",
                            "data": {
                                "operation": "payment.create",
                                "resource_id": "pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
                                "api_key_id": "key_01k9zq3v7m8e5t2r4w6y8a0c1d",
                            },
                        },
                        {
                            "at": "2026-01-31T09:30:00.131Z",
                            "kind": "attempt",
                            "detail": "Call 1 to razorpay came back succeeded after 212 ms.",
                            "data": {
                                "number": 1,
                                "kind": "call",
                                "provider": "razorpay",
                                "connection_id": "con_01k9zq3v7m8e5t2r4w6y8a0c1d",
                                "started_at": "2026-01-31T09:30:00.131Z",
                                "duration_ms": 212.4,
                                "outcome": "succeeded",
                                "reason": None,
                                "provider_code": None,
                                "provider_request_id": None,
                            },
                        },
                    ],
                    "has_more": False,
                    "next_cursor": None,
                }
            ]
        }
    )

    operation_id: str
    status: OperationState
    effect: Literal["none", "unknown", "committed"]
    cost: OperationCost | None
    data: list[TimelineEntry]
