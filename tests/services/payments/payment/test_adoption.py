"""A subscription's charges become payments: each once, whoever hears of it first, and also when it cannot be read."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from pydantic import JsonValue

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.payments import AdoptPayment
from onerouter_common.errors import Conflict, ProviderOutcomeUnknown, ProviderRefusedUs
from onerouter_common.money import Money
from onerouter_common.worker.handler import Failed, Outcome, Settled, Succeeded, Unknown
from onerouter_common.worker.outbox import of_commands
from onerouter_payments.payment.adoption import PaymentAdopt
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.resource.change import observe, settled
from onerouter_payments.resource.charges import payment_id_of, payments_after
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.kinds.subscription import SUBSCRIPTION_KIND
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentReference, PaymentSnapshot
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, VIEWS, FakeConnection, FixedClock, a_resource, an_operation

HANDLER = PaymentAdopt(VIEWS, FixedClock())
SUBSCRIPTION = a_resource(SUBSCRIPTION_KIND, id="sub_0123456789abcdefghjkmnpqrs", customer_id="cus_1")
COMMAND = AdoptPayment(
    subscription_id=SUBSCRIPTION.id,
    customer_id="cus_1",
    provider_charge_id="pay_X",
    connection_id="con_1",
    provider="razorpay",
    amount_minor=3_000,
    currency="INR",
)
READ = PaymentSnapshot(
    "succeeded", "order_X", "pay_X", Money(3_000, "INR"), Money(3_000, "INR"), method="upi", fee_minor=71
)


def charged(charge_id: str, status: str = "succeeded", at: int = 1, amount_minor: int = 3_000) -> ResourceSnapshot:
    charge: dict[str, JsonValue] = {
        "amount_minor": amount_minor,
        "currency": "INR",
        "at": f"2026-03-0{at}",
        "status": status,
    }
    return ResourceSnapshot("unchanged", "sub_1", NOW + timedelta(days=at), facts={f"charge:{charge_id}": charge})


def told(*words: ResourceSnapshot) -> tuple[Resource, list[Command]]:
    """The subscription after these words, and the commands that they led to."""
    subscription, commands = SUBSCRIPTION, []
    for word in words:
        change = observe(subscription, word, NOW)
        made = settled(subscription, change)
        whose: dict[str, Any] = {"tenant_id": "ten_1", "environment": "test", "category": "payments"}
        records = of_commands(made.commands, accepted_at=NOW, ordering_key=subscription.id, **whose)
        commands += [Command.model_validate_json(record.value) for record in records]
        subscription = change.resource
    return subscription, commands


def concluded(outcome: Outcome, aggregate: PaymentAggregate | None = None) -> Settled[PaymentAggregate]:
    return HANDLER.settle(operation(), COMMAND, aggregate, outcome)


def operation() -> Any:
    payment_id = payment_id_of(SUBSCRIPTION, "pay_X")
    return an_operation("payment.adopt", payment_id)


class TestPaymentsAfter:
    def test_each_charge_that_succeeded_is_one_operation_in_any_order(self) -> None:
        words = [charged("pay_A"), charged("pay_A"), charged("pay_B", "failed", 2), charged("pay_B", at=3)]
        for order in permutations(words):
            _, commands = told(*order)
            assert {command.resource_id for command in commands} == {
                payment_id_of(SUBSCRIPTION, charge) for charge in ("pay_A", "pay_B")
            }
            assert len({command.operation_id for command in commands}) == len(commands) == 2

    @pytest.mark.parametrize("word", [charged("pay_A", "failed"), charged("pay_A", amount_minor=0)])
    def test_what_took_no_money_is_no_payment(self, word: ResourceSnapshot) -> None:
        assert told(word)[1] == []

    def test_it_is_ordered_by_the_payment_and_says_all_that_is_needed(self) -> None:
        (command,) = told(charged("pay_X"))[1]
        assert (command.operation, command.ordering_key) == ("payment.adopt", command.resource_id)
        assert AdoptPayment.model_validate(command.payload) == COMMAND

    def test_what_was_known_before_is_not_told_again(self) -> None:
        before, _ = told(charged("pay_A"))
        after = observe(before, charged("pay_B", at=2), NOW).resource
        (draft,) = payments_after(before, after)
        assert draft.resource_id == payment_id_of(SUBSCRIPTION, "pay_B")

    def test_the_subscription_shows_which_payment_a_charge_is(self) -> None:
        shown = SUBSCRIPTION_KIND.view(told(charged("pay_A"), charged("pay_B", "failed", 2))[0])
        charges = shown["charges"]
        assert isinstance(charges, list)
        ids = {one["provider_payment_id"]: one["payment_id"] for one in charges if isinstance(one, dict)}
        assert ids == {"pay_A": payment_id_of(SUBSCRIPTION, "pay_A"), "pay_B": None}


class TestPaymentAdopt:
    async def test_the_payment_is_read_by_what_the_charge_was_told_as(self) -> None:
        begun = HANDLER.begin(operation(), COMMAND, None, FakeConnection())
        assert begun.request == PaymentReference(
            operation().resource_id, Money(3_000, "INR"), provider_payment_id="pay_X", of_subscription=True
        )
        again = HANDLER.begin(operation(), COMMAND, begun.resource, FakeConnection())
        assert again.resource == begun.resource

    @pytest.mark.parametrize(("provider_id", "fits"), [("pay_X", True), ("pay_Y", False)])
    async def test_a_person_must_name_the_payment_that_is_read(self, provider_id: str, fits: bool) -> None:
        class Provider:
            async def get_payment(self, _: PaymentReference) -> PaymentSnapshot:
                return PaymentSnapshot("succeeded", "order_X", "pay_X")

        request = HANDLER.begin(operation(), COMMAND, None, FakeConnection()).request
        assert (await HANDLER.confirm(Provider(), request, provider_id, "key") is not None) == fits

    def test_it_is_as_the_provider_has_it(self) -> None:
        begun = HANDLER.begin(operation(), COMMAND, None, FakeConnection()).resource
        made = concluded(Succeeded(READ), begun)
        assert made.resource is not None
        payment = made.resource.payment
        assert (payment.status, payment.used_method, payment.fee) == ("succeeded", "upi", Money(71, "INR"))
        assert (payment.subscription_id, payment.customer) == (SUBSCRIPTION.id, {"id": "cus_1"})
        assert payment.reference.of_subscription
        assert [event.type for event in made.events] == ["payment.created", "payment.succeeded"]
        repeated = concluded(Succeeded(READ), made.resource)
        assert (repeated.resource, repeated.events) == (None, ())

    def test_what_went_back_already_is_known(self) -> None:
        refunded = PaymentSnapshot("refunded", "order_X", "pay_X", captured=Money(3_000, "INR"))
        made = concluded(Succeeded(refunded))
        assert made.resource is not None
        assert made.resource.payment.status == "refunded"

    @pytest.mark.parametrize(
        "error",
        [Conflict("PayPal knows no such sale."), ProviderRefusedUs("no", provider="razorpay", reason="not_found")],
    )
    def test_that_it_cannot_be_read_does_not_undo_that_it_was_charged(self, error: Any) -> None:
        made = concluded(Failed(error))
        assert made.resource is not None
        payment = made.resource.payment
        assert (payment.status, payment.amount_received) == ("succeeded", Money(3_000, "INR"))
        assert payment.text("provider_payment_id") == "pay_X"
        assert [event.type for event in made.events] == ["payment.created", "payment.succeeded"]

    def test_an_answer_that_knows_less_than_the_charge_is_not_believed(self) -> None:
        made = concluded(Succeeded(PaymentSnapshot("processing", provider_payment_id="pay_X")))
        assert made.resource is not None
        assert made.resource.payment.status == "succeeded"

    def test_a_doubt_changes_nothing(self) -> None:
        error = ProviderOutcomeUnknown("?", provider="razorpay", reason="indeterminate")
        assert concluded(Unknown(error)).events == ()
        assert concluded(Unknown(error)).resource is None


class Refusing:
    """A provider that shows everything but this payment."""

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        raise ProviderRefusedUs("PayPal does not know this object.", provider="paypal", reason="not_found")


async def test_what_the_provider_does_not_show_is_adopted_by_its_own_word() -> None:
    begun = HANDLER.begin(operation(), COMMAND, None, FakeConnection())
    for ask in (HANDLER.call, HANDLER.lookup):
        told = await ask(Refusing(), begun.request, "key")  # type: ignore[arg-type]
        view = concluded(Succeeded(told), begun.resource).view
        assert view is not None
        assert (view["status"], view["provider_payment_id"], view["amount_minor"]) == ("succeeded", "pay_X", 3_000)


def test_what_was_paid_at_a_link_is_adopted_once_it_is_known_by_what() -> None:
    link = a_resource(KINDS["payment_link"], data={"amount_minor": 1_250, "currency": "INR"})
    known = {"provider_payment_id": "pay_L"}
    paid = observe(link, ResourceSnapshot("paid", "plink_1", NOW), NOW).resource
    by = observe(paid, ResourceSnapshot("paid", "plink_1", NOW + timedelta(seconds=1), facts=known), NOW).resource
    again = observe(by, ResourceSnapshot("paid", "plink_1", NOW + timedelta(seconds=2), facts=known), NOW).resource
    assert payments_after(link, paid) == ()
    [draft] = payments_after(paid, by)
    assert (draft.resource_id, draft.ordering_key) == (payment_id_of(link, "pay_L"),) * 2
    assert isinstance(draft.payload, AdoptPayment)
    assert (draft.payload.payment_link_id, draft.payload.amount_minor) == (link.id, 1_250)
    assert payments_after(by, again) == ()
