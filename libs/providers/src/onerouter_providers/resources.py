"""What the payments category asks of its providers beside payments and refunds: requests, one snapshot, the Protocols.

Each kind has a Protocol of its own; a client implements those whose capabilities its manifest lists. The rules are those of
`capability.py`: errors are the ProviderError tree, `key` is the operation's provider key and the same for each repeat,
`find_…` answers None only when the thing surely was not made, a CallerError refuses before anything with an effect is sent.
A change (cancel, pause, …) has no `find_…`: whether it was done is read from the thing itself (`get_…`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import JsonValue

from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference

SubscriptionStatus = Literal[
    "pending_authorization",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
    "completed",
    "expired",
]
PlanStatus = Literal["active", "inactive"]
CustomerStatus = Literal["active", "deleted"]
PaymentLinkStatus = Literal["created", "partially_paid", "paid", "canceled", "expired"]
PaymentMethodStatus = Literal["active", "removed"]
VendorStatus = Literal["pending", "active", "restricted", "rejected"]
TransferStatus = Literal[
    "pending",
    "unclaimed",
    "succeeded",
    "failed",
    "partially_reversed",
    "reversed",
    "canceled",
]
DisputeStatus = Literal["warning", "needs_response", "under_review", "won", "lost", "closed"]

FACTS: Final[Mapping[str, frozenset[str]]] = {
    "plan": frozenset({"provider_product_id"}),
    "customer": frozenset({"name", "email", "phone"}),
    "subscription": frozenset(
        {
            "approve_url",  # where the payer agrees, the first time or to a changed plan
            "client_secret",  # for the provider's own front-end library
            "provider_plan_id",
            "provider_customer_id",
            "quantity",
            "trial_end",  # moments are ISO 8601 with Z
            "current_period_start",
            "current_period_end",
            "next_charge_at",
            "cancel_at_cycle_end",  # true once asked for, false when taken back
            "pending_provider_plan_id",  # a change that waits (for the cycle's end, or the payer's consent)
            "paid_count",
            "remaining_count",
            "failed_count",
        }
    ),
    "payment_link": frozenset(
        {"short_url", "provider_order_id", "provider_payment_id", "amount_paid_minor", "expires_at"}
    ),
    "payment_method": frozenset(
        {"type", "brand", "last4", "exp_month", "exp_year", "wallet", "email", "provider_customer_id", "is_reusable"}
    ),
    "vendor": frozenset(
        {
            "onboarding_url",
            "charges_enabled",
            "payouts_enabled",
            "requirements",
            "provider_merchant_id",
            "provider_product_id",  # Razorpay's configuration of the account, which tells how far its checks are
        }
    ),
    "transfer": frozenset({"provider_payout_id", "amount_reversed_minor", "fee_minor"}),
}
"""The names of facts that a snapshot of each kind may carry; what has no value is left out. A subscription's charges and a
failed charge come as `charge:<provider's payment id>`: {amount_minor, currency, at, status: succeeded | failed, cycle?}."""

CHARGE: Final = "charge:"


@dataclass(frozen=True, slots=True)
class ResourceSnapshot:
    """What the provider says of one thing."""

    status: str
    provider_id: str
    as_of: datetime | None = None
    """When it was so, by the provider's word (a callback's event time). None: at the moment of this answer."""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    error_reason: str | None = None
    """Our normalized reason where the status is a failure."""
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A thing that exists at the provider."""

    id: str
    """Ours: what the provider carries as reference, custom id or metadata."""
    provider_id: str
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """What it told of it so far (a Stripe subscription's item, a Razorpay token's customer)."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    plan_id: str
    name: str
    amount: Money
    interval: Literal["day", "week", "month", "year"]
    interval_count: int = 1
    description: str | None = None
    trial_days: int = 0
    """Free days at the start; where the provider keeps trials with the subscription it takes them from there."""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    customer_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    subscription_id: str
    provider_plan_id: str
    plan: PlanRequest | None = None
    """The plan as we know it; None when it was made at the provider."""
    provider_customer_id: str | None = None
    customer: Mapping[str, str] = field(default_factory=dict)
    """name, email, phone where no customer was made at the provider."""
    total_count: int | None = None
    """Cycles to be charged. None: until it is canceled, where the provider can, else its longest."""
    quantity: int = 1
    trial_days: int = 0
    start_at: datetime | None = None
    customer_notify: bool = True
    return_url: str | None = None
    cancel_url: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """Cancel, pause, resume or change the plan of a subscription."""

    subscription: ResourceReference
    at_cycle_end: bool = False
    reason: str | None = None
    provider_plan_id: str | None = None
    """The plan to change to."""
    prorate: bool = True
    quantity: int | None = None
    return_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentLinkRequest:
    link_id: str
    amount: Money
    description: str | None = None
    customer: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    """Where the payer goes afterwards."""
    expires_at: datetime | None = None
    notify: bool = False
    """Whether the provider mails or texts the link to the customer."""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentMethodRequest:
    """Keep a method that the payer has entrusted to the provider (Stripe `pm_…`, Razorpay `token_…`, PayPal's vault)."""

    method_id: str
    provider_method_id: str
    provider_customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class VendorRequest:
    vendor_id: str
    name: str
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    business_type: str | None = None
    account_details: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Bank data in the clear, only while the call is made: account_number, ifsc, routing_number, iban, account_holder, …"""
    return_url: str | None = None
    refresh_url: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Give a vendor its part of a captured payment."""

    transfer_id: str
    payment: PaymentReference
    vendor: ResourceReference
    amount: Money
    notes: Mapping[str, str] = field(default_factory=dict)


class OffersPlans(Protocol):
    """Capabilities `plan.create`, `plan.get`."""

    async def create_plan(self, request: PlanRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_plan(self, request: PlanRequest) -> ResourceSnapshot | None: ...

    async def get_plan(self, reference: ResourceReference) -> ResourceSnapshot: ...


class KeepsCustomers(Protocol):
    """Capabilities `customer.create`, `customer.get`."""

    async def create_customer(self, request: CustomerRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_customer(self, request: CustomerRequest) -> ResourceSnapshot | None: ...

    async def get_customer(self, reference: ResourceReference) -> ResourceSnapshot: ...


class RunsSubscriptions(Protocol):
    """Capabilities `subscription.create`, `.get`, `.cancel`, `.cancel_at_cycle_end`, `.pause`, `.pause_at_cycle_end`,
    `.resume`, `.change_plan`; each that the provider lacks is left out of its manifest, and never called.
    """

    async def create_subscription(self, request: SubscriptionRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_subscription(self, request: SubscriptionRequest) -> ResourceSnapshot | None: ...

    async def get_subscription(self, reference: ResourceReference) -> ResourceSnapshot: ...

    async def cancel_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        """Canceled already: that is the answer."""
        ...

    async def pause_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot: ...

    async def resume_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot: ...

    async def change_subscription_plan(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        """The new plan holds (`provider_plan_id`) or waits (`pending_provider_plan_id`, with `approve_url` where the payer
        has to agree)."""
        ...


class OffersPaymentLinks(Protocol):
    """Capabilities `payment_link.create`, `payment_link.get`, `payment_link.cancel`."""

    async def create_payment_link(self, request: PaymentLinkRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_payment_link(self, request: PaymentLinkRequest) -> ResourceSnapshot | None: ...

    async def get_payment_link(self, reference: ResourceReference) -> ResourceSnapshot: ...

    async def cancel_payment_link(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot: ...


class KeepsPaymentMethods(Protocol):
    """Capabilities `payment_method.create`, `payment_method.get`, `payment_method.delete`."""

    async def attach_payment_method(self, request: PaymentMethodRequest, *, key: str) -> ResourceSnapshot:
        """Attached already to that customer: that is the answer. Raises CallerError when it is nobody's."""
        ...

    async def get_payment_method(self, reference: ResourceReference) -> ResourceSnapshot: ...

    async def detach_payment_method(self, reference: ResourceReference, *, key: str) -> ResourceSnapshot:
        """Gone already: that is the answer (`removed`)."""
        ...


class OnboardsVendors(Protocol):
    """Capabilities `vendor.create`, `vendor.get`."""

    async def create_vendor(self, request: VendorRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_vendor(self, request: VendorRequest) -> ResourceSnapshot | None: ...

    async def get_vendor(self, reference: ResourceReference) -> ResourceSnapshot: ...


class TransfersToVendors(Protocol):
    """Capabilities `transfer.create`, `transfer.get`."""

    async def create_transfer(self, request: TransferRequest, *, key: str) -> ResourceSnapshot: ...

    async def find_transfer(self, request: TransferRequest) -> ResourceSnapshot | None: ...

    async def get_transfer(self, reference: ResourceReference) -> ResourceSnapshot: ...
