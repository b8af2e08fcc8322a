"""Where the provider waits for us after the payer: what follows from being told, and what becomes of it."""

from dataclasses import replace
from typing import Any

import pytest

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.payments import CompletePayment
from onerouter_common.errors import (
    Conflict,
    NotFound,
    OneRouterError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
)
from onerouter_common.worker.handler import Failed, Succeeded, Unknown
from onerouter_common.worker.outbox import OURSELVES, of_commands
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.completion import PaymentComplete, completion_after
from onerouter_providers.capability import CompletionRequest, PaymentSnapshot

from ..examples import NOW, VIEWS, FakeConnection, FixedClock, a_callback, a_payment, an_operation, captured

APPROVED = PaymentSnapshot("processing", provider_order_id="ORDER1", awaits_completion=True)
HANDLER = PaymentComplete(VIEWS, FixedClock())
RULES = PaymentCallbacks(VIEWS)


def approved(**changes: Any) -> PaymentAggregate:
    return observe_payment(PaymentAggregate(a_payment(**changes)), APPROVED, NOW).aggregate


def told(**changes: Any) -> CallbackObject:
    return CallbackObject.model_validate(
        {"kind": "payment", "status": "processing", "order_id": "ORDER1", "awaits_completion": True, **changes}
    )


def error(kind: type[Any], reason: str = "card_declined") -> OneRouterError:
    made: OneRouterError = kind("no", provider="paypal", reason=reason)
    return made


class TestCompletionAfter:
    def test_an_approval_is_followed_by_one_operation_however_often_it_is_told(self) -> None:
        aggregate = PaymentAggregate(a_payment())
        callback = a_callback(told())
        first = RULES.apply(callback, aggregate)
        assert first.resource is not None
        assert first.resource.payment.status == "processing"
        second = RULES.apply(callback, first.resource)
        whose = {"tenant_id": "ten_1", "environment": "test", "category": "payments", "ordering_key": "pay_1"}
        made = [
            Command.model_validate_json(record.value)
            for settled in (first, second)
            for record in of_commands(settled.commands, accepted_at=NOW, **whose)
        ]
        assert len({command.operation_id for command in made}) == 1
        assert [(command.operation, command.api_key_id) for command in made] == [("payment.complete", OURSELVES)] * 2
        assert made[0].payload == {"payment_id": aggregate.payment.id}

    def test_a_second_approval_is_followed_by_a_second_operation(self) -> None:
        aggregate = approved()
        causes = {RULES.apply(a_callback(told()), aggregate).commands[0].cause for _ in range(2)}
        assert len(causes) == 2

    @pytest.mark.parametrize("status", ["created", "requires_action", "processing", "failed"])
    def test_what_was_neither_taken_nor_held_is_completed(self, status: str) -> None:
        assert len(completion_after(a_payment(status=status), APPROVED, cause="x")) == 1

    @pytest.mark.parametrize("status", ["authorized", "expired", "canceled", "succeeded", "refunded"])
    def test_what_is_further_is_left_alone(self, status: str) -> None:
        assert completion_after(a_payment(status=status), APPROVED, cause="x") == ()

    def test_who_does_not_wait_needs_nothing(self) -> None:
        assert completion_after(a_payment(), replace(APPROVED, awaits_completion=False), cause="x") == ()
        assert RULES.apply(a_callback(told(awaits_completion=False)), approved()).commands == ()

    def test_another_connections_word_leads_to_nothing(self) -> None:
        assert RULES.apply(a_callback(told(), connection_id="con_2"), approved()).commands == ()


class TestPaymentComplete:
    @pytest.mark.parametrize("capture", ["automatic", "manual"])
    def test_it_asks_for_the_order_as_it_was_made(self, capture: str) -> None:
        aggregate = approved(capture=capture)
        op = an_operation("payment.complete", aggregate.payment.id)
        begun = HANDLER.begin(op, self.command(aggregate), aggregate, FakeConnection())
        assert begun.request == CompletionRequest(aggregate.payment.reference, capture)  # type: ignore[arg-type]
        assert HANDLER.hint(op, self.command(aggregate), aggregate).connection_id == "con_1"

    def test_what_is_done_is_not_done_again(self) -> None:
        aggregate = captured()
        op = an_operation("payment.complete", aggregate.payment.id)
        with pytest.raises(Conflict):
            HANDLER.begin(op, self.command(aggregate), aggregate, FakeConnection())
        # but can still be asked about
        assert HANDLER.request(op, self.command(aggregate), aggregate, FakeConnection())

    def test_anothers_payment_does_not_exist(self) -> None:
        aggregate = approved(tenant_id="ten_2")
        with pytest.raises(NotFound):
            HANDLER.hint(an_operation("payment.complete", "pay_1"), self.command(aggregate), aggregate)

    def test_taken(self) -> None:
        aggregate = approved()
        done = PaymentSnapshot("succeeded", "ORDER1", "CAPTURE1")
        settled = self.settle(aggregate, Succeeded(done))
        assert settled.resource is not None
        assert settled.resource.payment.status == "succeeded"
        assert [event.type for event in settled.events] == ["payment.succeeded"]
        again = self.settle(settled.resource, Succeeded(done))
        assert (again.resource, again.events) == (None, ())

    def test_declined(self) -> None:
        settled = self.settle(approved(), Failed(error(ProviderDeclined)))
        assert settled.resource is not None
        assert settled.resource.payment.status == "failed"
        assert settled.resource.payment.failure == {"code": "card_declined", "message": "no"}

    @pytest.mark.parametrize(
        "why",
        [
            error(ProviderDeclined, "authentication_required"),  # the payer approves once more
            error(ProviderRefusedUs, "permission_denied"),  # ours to mend: the order is still approved
            Conflict("not approved"),
        ],
    )
    def test_what_says_nothing_of_the_payer_fails_no_payment(self, why: OneRouterError) -> None:
        settled = self.settle(approved(), Failed(why))
        assert (settled.resource, settled.events) == (None, ())

    def test_an_approval_that_is_gone_after_an_answer_was_lost_was_declined(self) -> None:
        """PayPal keeps no answer of a refusal: who repeats a declined capture hears that the order is not approved."""
        settled = self.settle(approved(), Failed(error(ProviderDeclined, "authentication_required")), attempts=2)
        assert settled.resource is not None
        assert settled.resource.payment.status == "failed"
        assert settled.resource.payment.failure == {"code": "authentication_required", "message": "no"}
        assert [event.type for event in settled.events] == ["payment.failed"]

    def test_unknown(self) -> None:
        settled = self.settle(approved(), Unknown(error(ProviderOutcomeUnknown)))
        assert (settled.resource, settled.status) == (None, 202)

    def command(self, aggregate: PaymentAggregate) -> CompletePayment:
        return CompletePayment(payment_id=aggregate.payment.id)

    def settle(self, aggregate: PaymentAggregate, outcome: Any, attempts: int = 1) -> Any:
        op = an_operation("payment.complete", aggregate.payment.id, attempts=attempts)
        return HANDLER.settle(op, self.command(aggregate), aggregate, outcome)
