"""The rules around one call: what may begin, what is asked of the provider, what an outcome makes of the payment."""

from typing import Any

import pytest

from onerouter_common.contracts.payments import CancelPayment, CapturePayment, CreatePayment, Customer
from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    NotFound,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderUnavailable,
)
from onerouter_common.money import Money
from onerouter_common.worker.handler import Failed, Idempotency, Succeeded, Unknown
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.operations import PaymentCancel, PaymentCapture, PaymentCreate
from onerouter_providers.capability import PaymentSnapshot

from ..examples import NOW, VIEWS, FakeConnection, FixedClock, a_payment, an_operation, captured

CONNECTION = FakeConnection()
ORDER = PaymentSnapshot(
    "requires_action",
    provider_order_id="order_1",
    checkout={"key_id": "rzp_test_1", "order_id": "order_1", "amount": 50_000, "currency": "INR"},
)
DECLINED = ProviderDeclined("The bank declined.", provider="razorpay", reason="card_declined")


def authorized(**changes: Any) -> PaymentAggregate:
    told = PaymentSnapshot("authorized", provider_order_id="order_1", provider_payment_id="pay_1")
    return observe_payment(PaymentAggregate(a_payment(capture="manual", **changes)), told, NOW).aggregate


class TestCreate:
    handler = PaymentCreate(VIEWS, FixedClock())
    op = an_operation("payment.create", "pay_0123456789abcdefghjkmnpqrs")
    command = CreatePayment(
        amount_minor=50_000,
        currency="INR",
        method="upi",
        receipt="A-1",
        notes={"cart": "7"},
        customer=Customer(email="a@example.com", id="cus_1"),
    )

    def begun(self) -> PaymentAggregate:
        return self.handler.begin(self.op, self.command, None, CONNECTION).resource

    def test_saves_a_payment_before_the_call(self) -> None:
        begun = self.handler.begin(self.op, self.command, None, CONNECTION)
        payment = begun.resource.payment
        assert (payment.id, payment.status, payment.version) == (self.op.resource_id, "created", 0)
        assert begun.request.payment_id == payment.id
        assert begun.request.amount.amount_minor == 50_000
        assert begun.request.customer == {"email": "a@example.com", "id": "cus_1"}

    def test_begins_again_with_the_same_request(self) -> None:
        first = self.handler.begin(self.op, self.command, None, CONNECTION)
        again = self.handler.begin(self.op, self.command, first.resource, CONNECTION)
        assert again == first

    def test_moves_to_the_connection_that_takes_over(self) -> None:
        other = FakeConnection(id="con_2", provider="stripe", capabilities={"payment.create": Idempotency.NONE})
        payment = self.handler.begin(self.op, self.command, self.begun(), other).resource.payment
        assert (payment.connection_id, payment.provider) == ("con_2", "stripe")
        assert payment.effect_guarantee == "at_most_once"
        assert payment.revision > self.begun().payment.revision

    def test_refuses_what_it_cannot_pass_on(self) -> None:
        with pytest.raises(CapabilityUnsupported):
            self.handler.begin(self.op, self.command.model_copy(update={"save_card": True}), None, CONNECTION)

    def test_answers_with_the_payment_and_one_event(self) -> None:
        settled = self.handler.settle(self.op, self.command, self.begun(), Succeeded(ORDER))
        assert settled.status == 201
        assert settled.view is not None
        assert settled.view["status"] == "requires_action"
        assert settled.view["provider_order_id"] == "order_1"
        assert settled.view["checkout_url"] == "https://pay.example/checkout/order_1"
        assert settled.view["checkout"] == dict(ORDER.checkout)
        assert settled.view["effect_guarantee"] == "exactly_once"
        assert [(e.type, e.kind, e.resource_id, e.sequence) for e in settled.events] == [
            ("payment.created", "payment", self.op.resource_id, 1)
        ]
        assert settled.events[0].data == settled.view

    def test_settles_a_second_time_without_a_trace(self) -> None:
        first = self.handler.settle(self.op, self.command, self.begun(), Succeeded(ORDER))
        again = self.handler.settle(self.op, self.command, first.resource, Succeeded(ORDER))
        assert (again.resource, again.events) == (None, ())
        assert again.view == first.view

    def test_a_decline_fails_the_payment(self) -> None:
        settled = self.handler.settle(self.op, self.command, self.begun(), Failed(DECLINED))
        assert settled.view is None
        assert settled.resource is not None
        assert settled.resource.payment.status == "failed"
        assert [(e.type, e.sequence) for e in settled.events] == [("payment.failed", 1)]
        assert settled.events[0].data["failure"] == {"code": "card_declined", "message": "The bank declined."}

    def test_giving_up_on_an_absent_provider_says_so(self) -> None:
        error = ProviderUnavailable("Razorpay cannot be reached.", provider="razorpay")
        settled = self.handler.settle(self.op, self.command, self.begun(), Failed(error))
        assert settled.events[0].data["failure"] == {
            "code": "provider_unavailable",
            "message": "Razorpay cannot be reached.",
        }

    def test_a_refusal_before_it_existed_leaves_nothing(self) -> None:
        settled = self.handler.settle(self.op, self.command, None, Failed(NotFound("No.")))
        assert (settled.resource, settled.events) == (None, ())

    def test_an_unknown_outcome_changes_nothing(self) -> None:
        unknown = Unknown(ProviderOutcomeUnknown("No answer.", provider="razorpay"))
        settled = self.handler.settle(self.op, self.command, self.begun(), unknown)
        assert (settled.resource, settled.events, settled.status) == (None, (), 202)
        assert settled.view is not None
        assert settled.view["status"] == "created"

    def test_a_callback_that_came_first_is_not_undone(self) -> None:
        paid = PaymentSnapshot("succeeded", provider_order_id="order_1", provider_payment_id="pay_1", method="upi")
        change = observe_payment(self.begun(), paid, NOW)
        assert [(e.type, e.resource.version) for e in change.happened] == [
            ("payment.created", 1),
            ("payment.succeeded", 2),
        ]
        settled = self.handler.settle(self.op, self.command, change.aggregate, Succeeded(ORDER))
        assert settled.view is not None
        assert settled.view["status"] == "succeeded"
        assert settled.view["provider_payment_id"] == "pay_1"
        assert [(e.type, e.sequence) for e in settled.events] == [("payment.updated", 3)]


class TestCapture:
    handler = PaymentCapture(VIEWS, FixedClock())

    def op(self, aggregate: PaymentAggregate, **changes: Any) -> Any:
        return an_operation("payment.capture", aggregate.payment.id, **changes)

    def test_asks_for_all_of_it_where_the_payment_lives(self) -> None:
        aggregate = authorized()
        command = CapturePayment(payment_id=aggregate.payment.id)
        op = self.op(aggregate)
        assert self.handler.hint(op, command, aggregate).connection_id == "con_1"
        request = self.handler.begin(op, command, aggregate, CONNECTION).request
        assert (request.amount.amount_minor, request.payment.provider_payment_id) == (50_000, "pay_1")

    @pytest.mark.parametrize("changes", [{"tenant_id": "ten_2"}, {"environment": "live"}])
    def test_another_tenants_payment_is_not_found(self, changes: dict[str, str]) -> None:
        aggregate = authorized(**changes)
        with pytest.raises(NotFound) as refused:
            self.handler.hint(self.op(aggregate), CapturePayment(payment_id=aggregate.payment.id), aggregate)
        assert refused.value.error_code == "PAYMENT_NOT_FOUND"

    def test_refuses_a_second_capture(self) -> None:
        with pytest.raises(Conflict, match="already captured"):
            self.handler.begin(self.op(captured()), CapturePayment(payment_id="x"), captured(), CONNECTION)

    def test_refuses_what_is_not_authorized(self) -> None:
        fresh = PaymentAggregate(a_payment())
        with pytest.raises(Conflict, match="only an authorized payment"):
            self.handler.begin(self.op(fresh), CapturePayment(payment_id="x"), fresh, CONNECTION)

    def test_refuses_more_than_was_authorized_in_major_units(self) -> None:
        aggregate = authorized()
        with pytest.raises(InvalidRequest, match=r"600\.00 INR, but only 500\.00 INR") as refused:
            self.handler.begin(
                self.op(aggregate), CapturePayment(payment_id="x", amount_minor=60_000), aggregate, CONNECTION
            )
        assert refused.value.errors[0].field == "amount"

    @pytest.mark.parametrize(
        ("received", "asked", "is_done"), [(None, None, True), (20_000, 20_000, True), (20_000, None, False)]
    )
    def test_what_was_taken_already_is_not_taken_again(
        self, received: int | None, asked: int | None, is_done: bool
    ) -> None:
        took = None if received is None else Money(received, "INR")
        told = PaymentSnapshot("succeeded", "order_1", "pay_1", captured=took)
        aggregate = observe_payment(authorized(), told, NOW).aggregate
        command = CapturePayment(payment_id=aggregate.payment.id, amount_minor=asked)
        held = self.handler.held(self.op(aggregate), command, aggregate)
        assert (held is not None) == is_done
        assert self.handler.held(self.op(aggregate), command, authorized()) is None
        if held is not None:
            settled = self.handler.settle(self.op(aggregate), command, aggregate, Succeeded(held))
            assert settled.view is not None
            assert (settled.view["status"], settled.events) == ("succeeded", ())

    def test_still_asks_about_its_own_capture(self) -> None:
        request = self.handler.request(self.op(captured()), CapturePayment(payment_id="x"), captured(), CONNECTION)
        assert request.amount.amount_minor == 50_000

    def test_success_is_shown_and_told_once(self) -> None:
        aggregate = authorized()
        told = Succeeded(PaymentSnapshot("succeeded", "order_1", "pay_1"))
        command = CapturePayment(payment_id=aggregate.payment.id)
        settled = self.handler.settle(self.op(aggregate), command, aggregate, told)
        assert [(e.type, e.sequence) for e in settled.events] == [("payment.succeeded", 3)]
        again = self.handler.settle(self.op(aggregate), command, settled.resource, told)
        assert (again.resource, again.events) == (None, ())

    def test_a_partial_capture_bounds_the_refunds(self) -> None:
        aggregate = authorized()
        told = Succeeded(PaymentSnapshot("succeeded", "order_1", "pay_1"))
        command = CapturePayment(payment_id=aggregate.payment.id, amount_minor=20_000)
        settled = self.handler.settle(self.op(aggregate), command, aggregate, told)
        assert settled.resource is not None
        assert settled.resource.left_minor == 20_000

    def test_a_refusal_leaves_it_authorized(self) -> None:
        settled = self.handler.settle(
            self.op(authorized()), CapturePayment(payment_id="x"), authorized(), Failed(DECLINED)
        )
        assert (settled.resource, settled.view, settled.events) == (None, None, ())


class TestCancel:
    handler = PaymentCancel(VIEWS, FixedClock())
    command = CancelPayment(payment_id="x")

    def begin(self, aggregate: PaymentAggregate) -> Any:
        return self.handler.begin(
            an_operation("payment.cancel", aggregate.payment.id), self.command, aggregate, CONNECTION
        )

    def test_cancels_what_is_authorized(self) -> None:
        aggregate = authorized()
        assert self.begin(aggregate).request == aggregate.payment.reference
        op = an_operation("payment.cancel", aggregate.payment.id)
        settled = self.handler.settle(op, self.command, aggregate, Succeeded(PaymentSnapshot("canceled", "order_1")))
        assert [e.type for e in settled.events] == ["payment.canceled"]

    def test_refuses_what_was_captured(self) -> None:
        with pytest.raises(Conflict, match="only be refunded"):
            self.begin(captured())

    def test_refuses_what_the_provider_does_not_have_yet(self) -> None:
        with pytest.raises(Conflict, match="still being created"):
            self.begin(PaymentAggregate(a_payment()))
