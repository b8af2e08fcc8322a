"""Payloads of the commands on plans, customers, subscriptions, payment links, payment methods, vendors and transfers.

A command that belongs to something else (a subscription to its plan) carries what the worker needs of it: the gateway has
looked it up, tenant by tenant, before anything was written down. `connection_id` then names where it lives.
"""

from typing import Literal

from pydantic import Field

from onerouter_common.contracts.base import Contract, Moment
from onerouter_common.contracts.payments import Customer

Interval = Literal["day", "week", "month", "year"]


class CreatePlan(Contract):
    """`plan.create`. The amount is in minor units of `currency`."""

    name: str
    amount_minor: int = Field(gt=0)
    currency: str
    interval: Interval
    interval_count: int = Field(1, ge=1)
    trial_days: int = Field(0, ge=0)
    description: str | None = None
    provider: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}


class CreateCustomer(Contract):
    """`customer.create`."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    provider: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}


class CreateSubscription(Contract):
    """`subscription.create`. `plan_id` is our own; absent where the plan was made at the provider."""

    provider_plan_id: str
    plan_id: str | None = None
    plan: CreatePlan | None = None
    connection_id: str | None = None
    """Where the plan is; absent: the tenant's route decides (and `provider`)."""
    provider: str | None = None
    customer_id: str | None = None
    provider_customer_id: str | None = None
    customer: Customer | None = None
    total_count: int | None = Field(None, ge=1)
    quantity: int = Field(1, ge=1)
    trial_days: int = Field(0, ge=0)
    start_at: Moment | None = None
    customer_notify: bool = True
    return_url: str | None = None
    cancel_url: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}


class CancelSubscription(Contract):
    """`subscription.cancel`. `scheduled_for`: set when we ask ourselves at the end of a cycle; stale when it was moved."""

    subscription_id: str
    at_cycle_end: bool = False
    reason: str | None = None
    scheduled_for: str | None = None


class PauseSubscription(Contract):
    """`subscription.pause`."""

    subscription_id: str
    at_cycle_end: bool = False
    reason: str | None = None
    scheduled_for: str | None = None


class ResumeSubscription(Contract):
    """`subscription.resume`."""

    subscription_id: str
    reason: str | None = None


class ChangeSubscriptionPlan(Contract):
    """`subscription.change_plan`."""

    subscription_id: str
    provider_plan_id: str
    plan_id: str | None = None
    prorate: bool = True
    quantity: int | None = Field(None, ge=1)
    return_url: str | None = None
    cancel_url: str | None = None


class CreatePaymentLink(Contract):
    """`payment_link.create`."""

    amount_minor: int = Field(gt=0)
    currency: str
    description: str | None = None
    customer: Customer | None = None
    callback_url: str | None = None
    expires_at: Moment | None = None
    notify: bool = False
    provider: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}


class CancelPaymentLink(Contract):
    """`payment_link.cancel`."""

    payment_link_id: str


class CreatePaymentMethod(Contract):
    """`payment_method.create`: keep what the payer has entrusted to the provider."""

    provider_method_id: str
    customer_id: str | None = None
    provider_customer_id: str | None = None
    connection_id: str | None = None
    provider: str | None = None
    nickname: str | None = None
    metadata: dict[str, str] = {}


class UpdatePaymentMethod(Contract):
    """`payment_method.update`: our own words for it. None: as it is."""

    payment_method_id: str
    nickname: str | None = None
    metadata: dict[str, str] | None = None


class DeletePaymentMethod(Contract):
    """`payment_method.delete`."""

    payment_method_id: str


class SplitConfig(Contract):
    """A vendor's usual part of a payment, where the payment does not say: a percentage, a fixed amount, or both."""

    percent: str | None = None
    """Decimal text, 0–100."""
    fixed_minor: int | None = Field(None, ge=0)
    currency: str | None = None


class CreateVendor(Contract):
    """`vendor.create`. Bank data does not travel here: it is sealed in the worker's own database under `details_id`."""

    name: str
    vendor_id: str | None = None
    """The tenant's own id of it."""
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    business_type: str | None = None
    details_id: str | None = None
    account_masked: dict[str, str] = {}
    split_config: SplitConfig | None = None
    return_url: str | None = None
    refresh_url: str | None = None
    provider: str | None = None
    notes: dict[str, str] = {}
    metadata: dict[str, str] = {}


class UpdateVendorSplit(Contract):
    """`vendor.update_split`."""

    vendor_id: str
    split_config: SplitConfig


class CreateTransfer(Contract):
    """`transfer.create`: a vendor's part of a captured payment. Asked for by ourselves once the payment succeeded."""

    payment_id: str
    provider_order_id: str | None = None
    provider_payment_id: str | None = None
    payment_amount_minor: int = Field(gt=0)
    vendor_id: str
    provider_account_id: str
    connection_id: str
    amount_minor: int = Field(gt=0)
    currency: str
    split_id: str | None = None
    notes: dict[str, str] = {}
