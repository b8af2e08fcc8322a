"""Payloads of the payments commands: what the public API accepted, in canonical form."""

from typing import Literal

from pydantic import Field

from onerouter_common.contracts.base import Contract

PaymentMethod = Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"]


class Customer(Contract):
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    id: str | None = None


class SplitItem(Contract):
    """One part of a split payment. Amounts are minor units of its currency."""

    type: Literal["vendor", "fee", "tax"]
    amount_minor: int = Field(gt=0)
    vendor_id: str | None = None
    """Ours; of a `vendor` item."""
    account_id: str | None = None
    """The vendor's account at the provider."""


class CreatePayment(Contract):
    """`payment.create`. Amounts are minor units of `currency`."""

    amount_minor: int = Field(gt=0)
    currency: str
    provider: str | None = None
    """Only this provider may serve it; absent: the tenant's route decides."""
    method: PaymentMethod | None = None
    capture: Literal["automatic", "manual"] = "automatic"
    receipt: str | None = None
    description: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}
    customer: Customer | None = None
    return_url: str | None = None
    cancel_url: str | None = None
    method_details: dict[str, str] = {}
    """upi_app, emi_plan, card_network, wallet_provider, bank_code as sent."""
    save_card: bool = False
    country: str | None = None
    """Of the customer, ISO 3166 alpha-2; for the tenant's routing rules."""
    channel: str | None = None
    """Where the sale is made, in the tenant's own words; for its routing rules."""
    customer_connection_id: str | None = None
    """Where the customer (`customer.id`) was made with us, and…"""
    provider_customer_id: str | None = None
    """…as what. Another connection knows nothing of it."""
    connection_id: str | None = None
    """Only this connection may serve it: that of its vendors' accounts."""
    split: list[SplitItem] = []


class CapturePayment(Contract):
    """`payment.capture`. `amount_minor` absent: all that is authorized. `payment_id` is our own."""

    payment_id: str
    amount_minor: int | None = Field(None, gt=0)


class CompletePayment(Contract):
    """`payment.complete`: the payer has approved, and the provider waits for us. Never asked for from outside."""

    payment_id: str


class AdoptPayment(Contract):
    """`payment.adopt`: a subscription's charge or a link's payment becomes one of ours. Never asked for from outside."""

    subscription_id: str | None = None
    payment_link_id: str | None = None
    customer_id: str | None = None
    provider_charge_id: str
    """What the provider told it as: its payment, sale or invoice."""
    connection_id: str
    provider: str
    amount_minor: int = Field(gt=0)
    currency: str


class CancelPayment(Contract):
    """`payment.cancel`."""

    payment_id: str


class CreateRefund(Contract):
    """`refund.create`. `amount_minor` absent: all that is left to refund. `payment_id` is our own."""

    payment_id: str
    amount_minor: int | None = Field(None, gt=0)
    reason: str | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: dict[str, str] = {}
