"""Operations of unknown outcome, as operators see and decide them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.replies import OperationState


class ResolutionBody(BaseModel):
    """What an operator found out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"outcome": "succeeded", "provider_id": "order_N8FRN1TFRHQ6qi", "reason": "In their dashboard."}
            ]
        },
    )

    outcome: Literal["succeeded", "failed"] = Field(description="`failed`: nothing was done at the provider.")
    reason: str = Field(
        min_length=1,
        max_length=500,
        description="How it was found out; shown to the tenant.",
        examples=["Their support confirms that nothing arrived."],
    )
    provider_id: str | None = Field(
        None,
        max_length=200,
        description="With `succeeded`: the provider's id of what was done (its order, payment or refund). The provider is "
        "asked whether it has that, and where it says no nothing is changed.",
        examples=["order_N8FRN1TFRHQ6qi"],
    )


class StuckOperationView(BaseModel):
    """Of any tenant."""

    id: str = Field(examples=["op_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    tenant_id: str
    environment: Environment
    operation: str = Field(examples=["payment.create"])
    status: OperationState
    resource_id: str
    belongs_to: str = Field(description="The payment, of a refund; else the resource itself.")
    provider: str | None
    connection_id: str | None
    effect_guarantee: str | None
    attempts: int
    amount_minor: int | None
    currency: str | None
    error: dict[str, Any] | None
    created_at: str
    in_doubt_since: str | None = Field(description="When the call was made that was never answered.")
    updated_at: str
    finished_at: str | None


class StuckOperationPageView(BaseModel):
    """Oldest first."""

    data: list[StuckOperationView]
    has_more: bool
    next_cursor: str | None
