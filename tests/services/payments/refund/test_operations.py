"""Refunds: what may be returned, and what an outcome makes of refund and payment."""

import pytest

from onerouter_common.contracts.payments import CreateRefund
from onerouter_common.errors import Conflict, InvalidRequest, NotFound, ProviderDeclined, ProviderOutcomeUnknown
from onerouter_common.worker.handler import Failed, Succeeded, Unknown
from onerouter_payments.payment.aggregate import PaymentAggregate, add_refund
from onerouter_payments.refund.operations import RefundCreate
from onerouter_providers.capability import PaymentProvider, RefundRequest, RefundSnapshot

from ..examples import VIEWS, FakeConnection, FixedClock, a_payment, a_refund, an_operation, captured

HANDLER = RefundCreate(VIEWS, FixedClock())
CONNECTION = FakeConnection()
REFUND_ID = "re_0123456789abcdefghjkmnpqrs"


def command(amount_minor: int | None = None) -> CreateRefund:
    return CreateRefund(payment_id="x", amount_minor=amount_minor, reason="damaged")


def begin(aggregate: PaymentAggregate | None, amount_minor: int | None = None) -> PaymentAggregate:
    op = an_operation("refund.create", REFUND_ID, aggregate.payment.id if aggregate else "pay_x")
    return HANDLER.begin(op, command(amount_minor), aggregate, CONNECTION).resource


class TestBegin:
    def test_reserves_the_amount_before_the_call(self) -> None:
        aggregate = begin(captured(), 20_000)
        refund = aggregate.find_refund(REFUND_ID)
        assert refund is not None
        assert (refund.status, refund.amount_minor, refund.version) == ("pending", 20_000, 0)
        assert refund.effect_guarantee == "exactly_once"
        assert aggregate.left_minor == 30_000

    def test_takes_what_is_left_when_no_amount_is_named(self) -> None:
        aggregate = add_refund(captured(), a_refund(captured().payment, amount_minor=15_000))
        refund = begin(aggregate).find_refund(REFUND_ID)
        assert refund is not None
        assert refund.amount_minor == 35_000

    def test_begins_again_with_the_same_amount(self) -> None:
        aggregate = begin(captured())
        op = an_operation("refund.create", REFUND_ID, aggregate.payment.id)
        again = HANDLER.begin(op, command(), aggregate, CONNECTION)
        assert again.resource == aggregate
        assert again.request.amount.amount_minor == 50_000

    @pytest.mark.parametrize("status", ["pending", "succeeded"])
    def test_refuses_more_than_is_left_and_names_both(self, status: str) -> None:
        aggregate = captured()
        aggregate = add_refund(aggregate, a_refund(aggregate.payment, amount_minor=40_000, status=status))
        with pytest.raises(InvalidRequest, match=r"200\.00 INR, but only 100\.00 INR is left") as refused:
            begin(aggregate, 20_000)
        assert refused.value.errors[0].field == "amount"

    def test_gives_back_what_a_failed_refund_held(self) -> None:
        aggregate = captured()
        aggregate = add_refund(aggregate, a_refund(aggregate.payment, amount_minor=40_000, status="failed"))
        assert begin(aggregate, 50_000).left_minor == 0

    def test_refuses_when_nothing_is_left(self) -> None:
        aggregate = captured()
        aggregate = add_refund(aggregate, a_refund(aggregate.payment, amount_minor=50_000))
        with pytest.raises(Conflict, match="nothing left"):
            begin(aggregate, 1)

    def test_counts_refunds_that_only_the_provider_knows_of(self) -> None:
        assert captured(reported_refunded_minor=45_000).left_minor == 5_000

    @pytest.mark.parametrize("status", ["created", "requires_action", "authorized", "failed", "canceled"])
    def test_refuses_what_was_not_captured(self, status: str) -> None:
        with pytest.raises(Conflict, match=f"is {status}"):
            begin(PaymentAggregate(a_payment(status=status)))

    def test_a_missing_payment_is_not_found(self) -> None:
        with pytest.raises(NotFound) as refused:
            begin(None)
        assert refused.value.error_code == "PAYMENT_NOT_FOUND"

    def test_says_major_units_of_currencies_without_decimals(self) -> None:
        with pytest.raises(InvalidRequest, match="60000 JPY, but only 50000 JPY is left"):
            begin(captured(currency="JPY"), 60_000)


class TestSettle:
    op = an_operation("refund.create", REFUND_ID, "pay_x")

    def test_full_refund_is_told_in_order(self) -> None:
        told = Succeeded(RefundSnapshot("succeeded", "rfnd_1"))
        settled = HANDLER.settle(self.op, command(), begin(captured()), told)
        assert [(e.type, e.kind, e.sequence) for e in settled.events] == [
            ("refund.created", "refund", 1),
            ("refund.succeeded", "refund", 2),
            ("payment.refunded", "payment", 3),
        ]
        assert settled.status == 201
        assert settled.view is not None
        assert (settled.view["status"], settled.view["provider_refund_id"]) == ("succeeded", "rfnd_1")
        assert settled.events[-1].data["amount_refunded_minor"] == 50_000
        again = HANDLER.settle(self.op, command(), settled.resource, told)
        assert (again.resource, again.events, again.view) == (None, (), settled.view)

    def test_parts_add_up(self) -> None:
        first = HANDLER.settle(
            self.op, command(), begin(captured(), 20_000), Succeeded(RefundSnapshot("succeeded", "rfnd_1"))
        )
        assert first.resource is not None
        assert first.resource.payment.status == "partially_refunded"
        second = an_operation("refund.create", "re_2", "pay_x")
        begun = HANDLER.begin(
            an_operation("refund.create", "re_2", first.resource.payment.id), command(), first.resource, CONNECTION
        )
        settled = HANDLER.settle(second, command(), begun.resource, Succeeded(RefundSnapshot("succeeded", "rfnd_2")))
        assert settled.resource is not None
        assert settled.resource.payment.status == "refunded"
        assert [e.type for e in settled.events][-1] == "payment.refunded"

    def test_a_pending_refund_is_created_and_stays_reserved(self) -> None:
        settled = HANDLER.settle(self.op, command(), begin(captured()), Succeeded(RefundSnapshot("pending", "rfnd_1")))
        assert [e.type for e in settled.events] == ["refund.created"]
        assert settled.resource is not None
        assert settled.resource.payment.status == "succeeded"
        assert settled.resource.left_minor == 0

    def test_a_decline_fails_the_refund_and_frees_the_amount(self) -> None:
        error = ProviderDeclined("Too old.", provider="razorpay", reason="refund_rejected")
        settled = HANDLER.settle(self.op, command(), begin(captured()), Failed(error))
        assert [(e.type, e.sequence) for e in settled.events] == [("refund.failed", 1)]
        assert settled.events[0].data["failure"] == {"code": "refund_rejected", "message": "Too old."}
        assert settled.resource is not None
        assert settled.resource.left_minor == 50_000
        assert settled.resource.payment.status == "succeeded"

    def test_an_unknown_outcome_holds_the_amount(self) -> None:
        unknown = Unknown(ProviderOutcomeUnknown("No answer.", provider="razorpay"))
        aggregate = begin(captured())
        settled = HANDLER.settle(self.op, command(), aggregate, unknown)
        assert (settled.resource, settled.events, settled.status) == (None, (), 202)
        assert aggregate.left_minor == 0


async def test_a_declined_refund_has_a_code_of_its_own() -> None:
    class Declining:
        async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
            raise ProviderDeclined("Too old.", provider="razorpay")

    client: PaymentProvider = Declining()  # type: ignore[assignment]
    with pytest.raises(ProviderDeclined) as declined:
        await HANDLER.call(client, None, "key")  # type: ignore[arg-type]
    assert declined.value.error_code == "REFUND_FAILED"
