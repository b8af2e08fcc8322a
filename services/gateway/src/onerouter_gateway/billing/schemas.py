"""Plans, subscriptions and customers as callers write and read them."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from onerouter_common.contracts.base import Environment
from onerouter_gateway.edge.amounts import MajorAmount
from onerouter_gateway.edge.moments import AnyMoment
from onerouter_gateway.payments.schemas import (
    Currency,
    CustomerDetails,
    Email,
    HttpUrl,
    Listed,
    Lower,
    Pairs,
    PaymentFailure,
    Request,
    ShortText,
)

ProviderName = Annotated[str, Field(max_length=64), Lower]
IdempotencyKey = Annotated[str, Field(max_length=255)]
_OLD_INTERVALS = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}


def _interval(value: Any) -> Any:
    """`monthly` is what some providers call a month."""
    word = value.strip().lower() if isinstance(value, str) else value
    return _OLD_INTERVALS.get(word, word) if isinstance(word, str) else word


class Writes(Request):
    """What every body that makes something may have."""

    notes: Pairs = Field(default_factory=dict, description="Shown at the provider.")
    metadata: Pairs = Field(default_factory=dict, description="Yours; kept with it and in its events.")
    provider: ProviderName | None = Field(None, description="Only this provider. Absent: your route decides.")
    idempotency_key: IdempotencyKey | None = Field(None, description="The same as the `Idempotency-Key` header.")
    environment: Environment | None = Field(None, description="A live key may ask for `test`; never the other way.")


class PlanCreate(Writes):
    """What to charge, and how often."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Pro", "amount": 499.00, "currency": "INR", "interval": "month", "trial_days": 14}]
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=127)]
    amount: MajorAmount
    currency: Currency | None = Field(None, description="Absent: the default of the key's connections.")
    interval: Annotated[Literal["day", "week", "month", "year"], BeforeValidator(_interval)] = Field(
        validation_alias=AliasChoices("interval", "period")
    )
    interval_count: int = Field(1, ge=1, le=365, description="Every so many intervals.")
    trial_days: int = Field(0, ge=0, le=730)
    description: Annotated[str, Field(max_length=250)] | None = None


class CustomerCreate(Writes):
    """A payer to remember at the provider. One of name, email and phone at least."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Asha Rao", "email": "asha@example.com"}]})

    name: ShortText | None = None
    email: Email | None = None
    phone: Annotated[str, Field(max_length=32)] | None = None


class SubscriptionCreate(Writes):
    """A subscription to be agreed to by its payer at `checkout_url`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "plan_id": "plan_01k9zq3v7m8e5t2r4w6y8a0c1d",
                    "total_count": 12,
                    "customer": {"name": "Asha Rao", "email": "asha@example.com"},
                }
            ]
        }
    )

    plan_id: ShortText = Field(description="Ours, or the provider's own of a plan made there.")
    customer_id: ShortText | None = Field(None, description="Of a customer made with us.")
    customer: CustomerDetails | None = None
    total_count: int | None = Field(None, ge=1, le=1_200, description="Charges in all. Absent: until it is canceled.")
    quantity: int = Field(1, ge=1, le=1_000_000)
    trial_days: int | None = Field(None, ge=0, le=730, description="Absent or 0: the plan's.")
    start_date: AnyMoment | None = Field(
        None, description="When the first charge is due: ISO 8601 with an offset, or Unix seconds. Absent: at once."
    )
    customer_notify: bool = Field(True, description="Whether the provider writes to the payer.")
    return_url: HttpUrl | None = None
    cancel_url: HttpUrl | None = None


class SubscriptionCancel(Request):
    cancel_at_cycle_end: bool = Field(False, description="Let the cycle that is paid run to its end.")
    reason: Annotated[str, Field(max_length=128)] | None = None


class SubscriptionPause(Request):
    pause_at: Annotated[Literal["now", "cycle_end"], Lower] = "now"
    reason: Annotated[str, Field(max_length=128)] | None = None


class SubscriptionResume(Request):
    """Nothing is needed: an empty body, or none, will do."""

    reason: Annotated[str, Field(max_length=128)] | None = None


class SubscriptionChangePlan(Request):
    new_plan_id: ShortText
    prorate: bool = Field(True, description="Charge or credit what is left of the cycle now.")
    quantity: int | None = Field(None, ge=1, le=1_000_000)
    return_url: HttpUrl | None = Field(None, description="Where the payer goes, should the provider ask for consent.")
    cancel_url: HttpUrl | None = None


class Shown(BaseModel):
    """What every resource has."""

    id: str
    provider: str
    failure: PaymentFailure | None
    notes: dict[str, str]
    metadata: dict[str, str]
    created_at: str = Field(examples=["2026-01-31T09:30:00.125Z"])
    created: int = Field(description="Unix seconds.")
    updated_at: str
    environment: Environment
    effect_guarantee: Literal["exactly_once", "at_most_once"]
    version: int = Field(description="Grows with each change.")


class Plan(Shown):
    object: Literal["plan"]
    provider_plan_id: str | None
    status: Literal["pending", "failed", "active", "inactive"]
    name: str
    description: str | None
    interval: Literal["day", "week", "month", "year"]
    interval_count: int
    trial_days: int
    amount: float = Field(description="Major units.")
    amount_minor: int
    currency: str


class Customer(Shown):
    object: Literal["customer"]
    provider_customer_id: str | None
    status: Literal["pending", "failed", "active", "deleted"]
    name: str | None
    email: str | None
    phone: str | None


class Charge(BaseModel):
    payment_id: str | None = Field(description="Of a charge that was paid: it is a payment of its own.")
    provider_payment_id: str
    status: Literal["succeeded", "failed"]
    amount: float | None
    amount_minor: int | None
    currency: str | None
    at: str | None


class Subscription(Shown):
    object: Literal["subscription"]
    provider_subscription_id: str | None
    status: Literal[
        "pending",
        "failed",
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
    plan_id: str | None
    provider_plan_id: str | None
    pending_plan_id: str | None = Field(description="A change that waits for the cycle's end or the payer's consent.")
    customer_id: str | None
    provider_customer_id: str | None
    checkout_url: str | None = Field(description="Where the payer agrees.")
    client_secret: str | None
    quantity: int | None
    total_count: int | None
    paid_count: int | None
    remaining_count: int | None
    trial_days: int | None
    trial_end: str | None
    start_at: str | None
    current_period_start: str | None
    current_period_end: str | None
    next_charge_at: str | None
    cancel_at_cycle_end: bool
    cancel_at: str | None = Field(description="When we will cancel it, where the provider cannot by itself.")
    pause_at: str | None = Field(description="When we will pause it.")
    customer_notify: bool | None
    charges: list[Charge] = Field(description="The latest, newest first.")


class PlanList(Listed):
    data: list[Plan]


class CustomerList(Listed):
    data: list[Customer]


class SubscriptionList(Listed):
    data: list[Subscription]
