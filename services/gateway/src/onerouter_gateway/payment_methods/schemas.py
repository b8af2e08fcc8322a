"""Saved payment methods as callers write and read them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from onerouter_common.contracts.base import Environment
from onerouter_gateway.billing.schemas import IdempotencyKey, ProviderName, Shown
from onerouter_gateway.payments.schemas import Pairs, Request, ShortText

Nickname = Annotated[str, Field(max_length=80)]


class PaymentMethodCreate(Request):
    """Keep a method that a payer has entrusted to the provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment_method_id": "pm_1Q0PsIJvEtkwdCNYMSaVuRz6",
                    "customer_id": "cus_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "nickname": "Office card",
                }
            ]
        }
    )

    payment_method_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_\-]{1,128}$")] = Field(
        description="The provider's own id of it."
    )
    customer_id: ShortText | None = Field(None, description="Of a customer made with us; some providers need one.")
    nickname: Nickname | None = None
    metadata: Pairs = Field(default_factory=dict)
    provider: ProviderName | None = Field(None, description="Where it is. Absent: where the customer is.")
    idempotency_key: IdempotencyKey | None = None
    environment: Environment | None = None


class PaymentMethodUpdate(Request):
    nickname: Nickname | None = None
    metadata: Pairs | None = Field(None, description="Takes the place of what was there.")


class PaymentMethodDelete(Request):
    """Nothing is needed."""


class PaymentMethod(Shown):
    object: Literal["payment_method"]
    payment_method_id: str | None = Field(description="The provider's own id of it.")
    status: Literal["pending", "failed", "active", "removed"]
    customer_id: str | None
    nickname: str | None
    type: str | None = Field(examples=["card"])
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    wallet: str | None
    email: str | None
    is_reusable: bool | None


class PaymentMethodArray(RootModel[list[PaymentMethod]]):
    """The methods themselves, without an envelope."""
