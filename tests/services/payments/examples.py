"""Payments, refunds, commands and snapshots for tests."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.ids import new_id
from onerouter_common.worker.handler import Idempotency, Operation
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.settlement import Views
from onerouter_payments.payment.state import Payment
from onerouter_payments.refund.state import Refund
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentSnapshot

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
VIEWS = Views({"razorpay": "https://pay.example/checkout/{order_id}"})


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


@dataclass(frozen=True)
class FakeConnection:
    """A connection whose client is whatever a test gives it."""

    id: str = "con_1"
    tenant_id: str = "ten_1"
    environment: str = "test"
    provider: str = "razorpay"
    currency: str | None = "INR"
    max_in_flight: int = 8
    timeout_s: float = 5.0
    pace: None = None
    client: Any = None
    capabilities: dict[str, Idempotency] = field(
        default_factory=lambda: {
            "payment.create": Idempotency.LOOKUP,
            "payment.complete": Idempotency.NATIVE,
            "payment.capture": Idempotency.LOOKUP,
            "refund.create": Idempotency.NATIVE,
        }
    )

    def idempotency_of(self, capability: str) -> Idempotency | None:
        return self.capabilities.get(capability)

    def absence_settles_s(self, capability: str) -> float:
        return 60.0

    def retention_s(self, capability: str) -> float | None:
        return None

    def instead_of(self, capability: str) -> str | None:
        return None


def a_payment(**changes: Any) -> Payment:
    payment = Payment(
        id=new_id("pay"),
        tenant_id="ten_1",
        environment="test",
        connection_id="con_1",
        provider="razorpay",
        amount_minor=50_000,
        currency="INR",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(payment, **changes)


def a_refund(payment: Payment, **changes: Any) -> Refund:
    refund = Refund(
        id=new_id("re"),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        environment=payment.environment,
        connection_id=payment.connection_id,
        provider=payment.provider,
        amount_minor=10_000,
        currency=payment.currency,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(refund, **changes)


def captured(**changes: Any) -> PaymentAggregate:
    """A payment of 500.00 INR that was paid."""
    aggregate = PaymentAggregate(a_payment(**changes))
    told = PaymentSnapshot("succeeded", provider_order_id="order_1", provider_payment_id="pay_1", method="upi")
    return observe_payment(aggregate, told, NOW).aggregate


def an_operation(operation: str, resource_id: str, payment_id: str | None = None, **changes: Any) -> Operation:
    made = Operation(
        id=new_id("op"),
        operation=operation,
        tenant_id="ten_1",
        environment="test",
        category="payments",
        resource_id=resource_id,
        ordering_key=payment_id or resource_id,
        payload={},
        fingerprint="f" * 64,
        made_by=new_id("cmd"),
        api_key_id="key_1",
        accepted_at=NOW,
        created_at=NOW,
    )
    return replace(made, **changes)


def a_callback(told: CallbackObject, *, connection_id: str = "con_1") -> Callback:
    return Callback(
        callback_id=new_id("cb"),
        provider="razorpay",
        provider_event_id=new_id("evt"),
        provider_event_type="payment.captured",
        connection_id=connection_id,
        tenant_id="ten_1",
        environment="test",
        category="payments",
        occurred_at=NOW,
        received_at=NOW,
        object=told,
    )


def a_resource(kind: Kind, **changes: Any) -> Resource:
    resource = Resource(
        id=new_id(kind.prefix),
        kind=kind,
        tenant_id="ten_1",
        environment="test",
        connection_id="con_1",
        provider="razorpay",
        data={},
        created_at=NOW,
        updated_at=NOW,
        status="pending",
        status_as_of=NOW - timedelta(seconds=60),
    )
    return replace(resource, **changes)
