"""What callbacks make of payments: late ones, doubled ones, ones about refunds nobody asked us for."""

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_payments.payment.aggregate import PaymentAggregate, add_refund
from onerouter_payments.payment.callbacks import PaymentCallbacks

from ..examples import VIEWS, a_callback, a_payment, a_refund, captured

RULES = PaymentCallbacks(VIEWS)


def payment_told(status: str, **changes: object) -> CallbackObject:
    return CallbackObject.model_validate(
        {"kind": "payment", "status": status, "order_id": "order_1", "payment_id": "pay_1", **changes}
    )


def refund_told(
    status: str, refund_id: str = "rfnd_1", amount_minor: int | None = 10_000, **changes: object
) -> CallbackObject:
    return CallbackObject.model_validate(
        {
            "kind": "refund",
            "status": status,
            "payment_id": "pay_1",
            "refund_id": refund_id,
            "amount_minor": amount_minor,
            **changes,
        }
    )


def apply_all(aggregate: PaymentAggregate, *told: CallbackObject) -> tuple[PaymentAggregate, list[str]]:
    events = []
    for one in told:
        settled = RULES.apply(a_callback(one), aggregate)
        aggregate = settled.resource or aggregate
        events += [f"{event.type}:{event.sequence}" for event in settled.events]
    return aggregate, events


def test_order_paid_after_payment_captured_changes_nothing() -> None:
    aggregate, events = apply_all(
        PaymentAggregate(a_payment()),
        payment_told("authorized", method="upi"),
        payment_told("succeeded", method="upi", amount_minor=50_000),
        payment_told("succeeded", method="upi", amount_minor=50_000),
    )
    assert events == ["payment.created:1", "payment.authorized:2", "payment.succeeded:3"]
    assert aggregate.payment.amount_refunded_minor == 0


def test_a_late_authorization_revives_a_failed_payment() -> None:
    aggregate, events = apply_all(
        PaymentAggregate(a_payment()),
        payment_told("failed", error_reason="card_declined", payment_id="pay_A"),
        payment_told("authorized", payment_id="pay_B"),
        payment_told("failed", error_reason="card_declined", payment_id="pay_A"),
    )
    assert events == ["payment.created:1", "payment.failed:2", "payment.authorized:3"]
    assert aggregate.payment.text("provider_payment_id") == "pay_B"
    assert VIEWS.of(aggregate.payment)["failure"] is None


def test_a_refund_at_the_dashboard_gets_a_row_once() -> None:
    start = captured()
    aggregate, events = apply_all(
        start, refund_told("pending"), refund_told("succeeded"), refund_told("succeeded"), refund_told("pending")
    )
    assert events == ["refund.created:1", "refund.succeeded:2", "payment.partially_refunded:3"]
    assert len(aggregate.refunds) == 1
    assert aggregate.refunds[0].id.startswith("re_")
    assert aggregate.payment.amount_refunded_minor == 10_000
    assert aggregate.left_minor == 40_000
    same, _ = apply_all(start, refund_told("succeeded"))
    assert same.refunds[0].id == aggregate.refunds[0].id


def test_our_own_refund_is_found_by_its_reference() -> None:
    start = captured()
    ours = a_refund(start.payment)
    aggregate, events = apply_all(add_refund(start, ours), refund_told("succeeded", reference=ours.id))
    assert events == ["refund.created:1", "refund.succeeded:2", "payment.partially_refunded:3"]
    assert [refund.provider_refund_id for refund in aggregate.refunds] == ["rfnd_1"]


def test_a_refund_that_overtakes_its_capture_is_kept() -> None:
    start, _ = apply_all(PaymentAggregate(a_payment()), payment_told("authorized"))
    aggregate, events = apply_all(start, refund_told("succeeded"), payment_told("succeeded"))
    assert aggregate.payment.status == "partially_refunded"
    assert events[-2:] == ["payment.succeeded:4", "payment.partially_refunded:5"]


def test_what_cannot_be_counted_is_left_alone() -> None:
    aggregate, events = apply_all(captured(), refund_told("succeeded", amount_minor=None))
    assert (aggregate.refunds, events) == ((), [])


def test_another_account_cannot_speak_of_it() -> None:
    settled = RULES.apply(a_callback(payment_told("failed"), connection_id="con_other"), captured())
    assert (settled.resource, settled.events) == (None, ())
