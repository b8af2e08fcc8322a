"""What a category asks of its providers: requests, answers, and the Protocol a provider's client implements.

What happened at the provider is told by the ProviderError tree (`onerouter_common.errors`); its class decides whether a
call is repeated, reconciled or final. A CallerError (InvalidRequest, CapabilityUnsupported, Conflict) is raised for what
the provider cannot be asked, before anything with an effect is sent: final, no effect. Amounts are `Money` in ISO minor
units; a provider that counts differently converts in its mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from onerouter_common.money import Money

PaymentStatus = Literal[
    "created",
    "requires_action",
    "processing",
    "authorized",
    "succeeded",
    "partially_refunded",
    "refunded",
    "failed",
    "canceled",
    "expired",
    "unknown",
]
RefundStatus = Literal["pending", "succeeded", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    payment_id: str
    """Ours: goes where the provider lets us find it again (receipt, custom id, metadata)."""
    amount: Money
    capture: Literal["automatic", "manual"] = "automatic"
    method: str | None = None
    method_details: Mapping[str, str] = field(default_factory=dict)
    receipt: str | None = None
    """The tenant's own receipt number, passed on where there is room beside our id."""
    description: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, str] = field(default_factory=dict)
    return_url: str | None = None
    cancel_url: str | None = None
    provider_customer_id: str | None = None
    """Whose payment it is, where that customer was made at this provider."""
    save_card: bool = False
    """Keep the method for later payments of that customer, with the payer's consent."""


@dataclass(frozen=True, slots=True)
class PaymentReference:
    """A payment that exists at the provider. At least one provider id is set."""

    payment_id: str
    amount: Money
    provider_order_id: str | None = None
    provider_payment_id: str | None = None
    of_subscription: bool = False
    """A subscription's charge. Its payment id is then what the charge was told as (`charge:<id>`), or what `get_payment`
    has answered to that."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """The payer has approved: take the money, or hold it where the tenant captures later."""

    payment: PaymentReference
    capture: Literal["automatic", "manual"] = "automatic"


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    payment: PaymentReference
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundRequest:
    refund_id: str
    payment: PaymentReference
    amount: Money
    speed: Literal["normal", "optimum"] = "normal"
    reason: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """What the provider says of a payment now."""

    status: PaymentStatus
    provider_order_id: str | None = None
    provider_payment_id: str | None = None
    amount: Money | None = None
    """What it was made for."""
    captured: Money | None = None
    """What was really taken, where the provider says so: of a payment that succeeded. A payer may have changed it."""
    amount_refunded_minor: int = 0
    method: str | None = None
    method_details: Mapping[str, str] = field(default_factory=dict)
    client_secret: str | None = None
    """What the provider's own front-end library needs (Stripe); for Razorpay see `checkout`."""
    checkout: Mapping[str, str | int] = field(default_factory=dict)
    """Public facts the payer's page needs: `{key_id, order_id, amount, currency}` for Razorpay's checkout."""
    checkout_url: str | None = None
    fee_minor: int | None = None
    """All that the provider kept, taxes included."""
    fee_currency: str | None = None
    """None: the payment's."""
    awaits_completion: bool = False
    """The payer has approved, and the provider waits for our `complete_payment`; only of those that `CompletesPayments`."""
    error_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    status: RefundStatus
    provider_refund_id: str
    amount: Money | None = None
    error_reason: str | None = None


class PaymentProvider(Protocol):
    """A provider's payments client. `key` is the operation's provider key: the same for each repeat."""

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot: ...

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        """The payment that `create_payment` made for this request, or None when there surely is none."""
        ...

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot: ...

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot: ...

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        """The captured payment, or None when it is surely not captured."""
        ...

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot: ...

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot: ...

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None: ...

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot: ...

    async def probe(self) -> None:
        """A read-only call that proves the credentials. Raises ProviderRefusedUs when they are wrong."""
        ...


class CompletesPayments(Protocol):
    """A provider where an approved payment is not taken before we say so (capability `payment.complete`)."""

    async def complete_payment(self, request: CompletionRequest, *, key: str) -> PaymentSnapshot:
        """Take or hold the money. Done already: that is the answer.

        Raises Conflict when the payer has not approved, ProviderDeclined when the money is refused.
        """
        ...

    async def find_completion(self, request: CompletionRequest) -> PaymentSnapshot | None:
        """The completed payment, or None when it surely is not completed."""
        ...
