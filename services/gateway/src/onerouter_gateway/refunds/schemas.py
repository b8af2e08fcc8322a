"""Refunds as callers write and read them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.edge.amounts import MajorAmount
from onerouter_gateway.payments.schemas import Listed, Pairs, PaymentFailure, Request


class RefundCreate(Request):
    """Money to be returned for a payment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"payment_id": "pay_01k9zq3v7m8e5t2r4w6y8a0c1d", "amount": "100.00", "reason": "damaged"}]
        }
    )

    payment_id: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="Ours, or the provider's order id or payment id."
    )
    amount: MajorAmount | None = Field(None, description="Absent: all that is left to refund.")
    reason: Annotated[str, Field(max_length=255)] | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: Pairs = Field(default_factory=dict)
    idempotency_key: Annotated[str, Field(max_length=255)] | None = Field(
        None, description="The same as the `Idempotency-Key` header."
    )
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class Refund(BaseModel):
    """A refund as it stands."""

    id: str = Field(examples=["re_01k9zq3v7m8e5t2r4w6y8a0c1d"])
    object: Literal["refund"]
    payment_id: str
    provider: str | None
    provider_refund_id: str | None
    amount: float
    amount_minor: int
    currency: str
    status: Literal["pending", "succeeded", "failed"]
    reason: str | None
    speed: Literal["normal", "optimum"]
    notes: dict[str, str]
    failure: PaymentFailure | None
    created_at: str
    created: int
    updated_at: str
    environment: Environment
    effect_guarantee: Literal["exactly_once", "at_most_once"]
    version: int


class RefundList(Listed):
    data: list[Refund]
