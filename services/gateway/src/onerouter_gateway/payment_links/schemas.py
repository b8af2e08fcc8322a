"""Payment links as callers write and read them."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from onerouter_gateway.billing.schemas import Shown, Writes
from onerouter_gateway.edge.amounts import MajorAmount
from onerouter_gateway.edge.moments import AnyMoment
from onerouter_gateway.payments.schemas import Currency, CustomerDetails, Email, HttpUrl, Listed, Request


class PaymentLinkCreate(Writes):
    """A page at the provider where somebody pays this amount once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount": 1299.00, "currency": "INR", "description": "Order 1042", "customer_email": "a@example.com"}
            ]
        }
    )

    amount: MajorAmount
    currency: Currency | None = Field(None, description="Absent: the default of the key's connections.")
    description: Annotated[str, Field(max_length=2048)] | None = None
    customer_email: Email | None = Field(None, description="The same as `customer.email`.")
    customer: CustomerDetails | None = None
    callback_url: HttpUrl | None = Field(None, description="Where the payer goes afterwards.")
    expires_at: AnyMoment | None = Field(None, description="Absent: the provider's own limit.")
    notify: bool = Field(False, description="Whether the provider sends the link to the customer.")


class PaymentLinkCancel(Request):
    """Nothing is needed: an empty body will do."""


class PaymentLink(Shown):
    object: Literal["payment_link"]
    provider_payment_link_id: str | None
    status: Literal["pending", "failed", "created", "partially_paid", "paid", "canceled", "expired"]
    amount: float = Field(description="Major units.")
    amount_minor: int
    amount_paid: float
    currency: str
    short_url: str | None = Field(description="What to send to the payer.")
    description: str | None
    customer: dict[str, Any] | None
    callback_url: str | None
    provider_order_id: str | None
    provider_payment_id: str | None
    payment_id: str | None = Field(description="Ours, of the payment it was paid by: refund that.")
    expires_at: str | None


class PaymentLinkList(Listed):
    data: list[PaymentLink]
