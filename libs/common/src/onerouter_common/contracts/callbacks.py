"""What a provider told us, verified and normalized. Topic `callbacks.<category>.v1`, key: the resource id if known."""

from typing import Literal

from pydantic import JsonValue

from onerouter_common.contracts.base import Category, Contract, Environment, Moment

ObjectKind = Literal[
    "payment",
    "refund",
    "dispute",
    "plan",
    "customer",
    "subscription",
    "payment_link",
    "payment_method",
    "vendor",
    "transfer",
    "sms",
    "email",
]


class CallbackObject(Contract):
    """The provider's object at the moment it speaks of, in our words. Ids are the provider's unless said otherwise."""

    kind: ObjectKind
    status: str
    """Our status word (`authorized`, `succeeded`, …); `unchanged` where it only tells facts."""
    reference: str | None = None
    """Our own resource id, where the provider carries it (receipt, notes, metadata)."""
    order_id: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    provider_id: str | None = None
    """The thing's own id where it is neither payment nor refund; of a dispute, beside the payment it is about."""
    facts: dict[str, JsonValue] = {}
    """What else is told of it: the names of `onerouter_providers.resources.FACTS`; of a dispute `reason` and `due_by`; of a
    message those of `messages.FACTS`."""
    amount_minor: int | None = None
    amount_captured_minor: int | None = None
    """What was really taken, where it says so: of a payment that succeeded."""
    amount_refunded_minor: int | None = None
    currency: str | None = None
    method: str | None = None
    method_details: dict[str, str] = {}
    error_reason: str | None = None
    """Our normalized reason (`card_declined`, …) when the status is `failed`."""
    error_code: str | None = None
    error_message: str | None = None
    fee_minor: int | None = None
    fee_currency: str | None = None
    """Absent: `currency`."""
    awaits_completion: bool = False
    """The payer has approved, and the provider waits for us to take the money."""


class Callback(Contract):
    callback_id: str
    provider: str
    provider_event_id: str
    provider_event_type: str
    connection_id: str
    tenant_id: str
    environment: Environment
    category: Category
    occurred_at: Moment
    received_at: Moment
    object: CallbackObject
