"""Operations as callers read them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.replies import OperationState


class AcceptedOperation(BaseModel):
    """The body of a 202: stored, and not ended within the wait."""

    id: str = Field(examples=["op_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["operation"]
    operation: str = Field(examples=["payment.create"])
    category: str
    status: OperationState
    effect: Literal["none", "unknown"]
    resource_id: str
    environment: Environment
    accepted_at: str
    created: int
    detail: str
    error: dict[str, Any] | None = None


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
    operation: str
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
    effect: Literal["none", "unknown", "committed"]
    effect_guarantee: str | None
    environment: Environment


class OperationList(BaseModel):
    data: list[Operation]
    has_more: bool
    next_cursor: str | None
