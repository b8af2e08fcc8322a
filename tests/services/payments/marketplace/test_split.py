"""What follows when a split payment has succeeded: one transfer for each vendor's part, and never a second one."""

from dataclasses import replace
from typing import Any, Literal

import pytest
from tests.libs.common.logs import captured

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.payment_resources import CreateTransfer
from onerouter_common.contracts.payments import SplitItem
from onerouter_common.money import Money
from onerouter_common.worker.handler import CommandDraft
from onerouter_payments.marketplace.split import standing_without_transfer, transfer_id_of, transfers_after
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.state import Payment
from onerouter_providers.capability import PaymentSnapshot

from ..examples import NOW, VIEWS, a_callback, a_payment

ITEMS = (
    SplitItem(type="vendor", amount_minor=30_000, vendor_id="ven_1", account_id="acc_1"),
    SplitItem(type="fee", amount_minor=5_000),
    SplitItem(type="vendor", amount_minor=15_000, vendor_id="ven_2", account_id="acc_2"),
)
PAYMENT = a_payment(split=[item.model_dump(exclude_none=True) for item in ITEMS])


def after(status: str, captured_minor: int = 50_000, payment: Payment = PAYMENT) -> Payment:
    told = PaymentSnapshot(
        status,  # type: ignore[arg-type]
        "order_1",
        "pay_1",
        captured=Money(captured_minor, "INR") if status == "succeeded" else None,
    )
    return observe_payment(PaymentAggregate(payment), told, NOW).aggregate.payment


class TestTransfersAfter:
    def test_each_vendor_gets_its_part(self) -> None:
        drafts = transfers_after(PAYMENT, after("succeeded"))
        assert [draft.operation for draft in drafts] == ["transfer.create"] * 2
        assert [draft.resource_id for draft in drafts] == [transfer_id_of(PAYMENT.id, place) for place in (0, 2)]
        assert all(draft.ordering_key == draft.resource_id for draft in drafts)
        payloads = [draft.payload for draft in drafts]
        assert all(isinstance(payload, CreateTransfer) for payload in payloads)
        assert [(p.vendor_id, p.provider_account_id, p.amount_minor) for p in payloads] == [  # type: ignore[attr-defined]
            ("ven_1", "acc_1", 30_000),
            ("ven_2", "acc_2", 15_000),
        ]
        assert {p.provider_payment_id for p in payloads} == {"pay_1"}  # type: ignore[attr-defined]

    @pytest.mark.parametrize("status", ["created", "processing", "authorized", "failed", "canceled", "expired"])
    def test_nobody_is_given_what_is_not_there(self, status: str) -> None:
        assert transfers_after(PAYMENT, after(status)) == ()

    def test_what_succeeded_before_is_not_divided_again(self) -> None:
        paid = after("succeeded")
        assert transfers_after(paid, replace(paid, status="partially_refunded")) == ()

    def test_another_amount_than_the_parts_add_up_to_is_left_to_a_person(self) -> None:
        assert transfers_after(PAYMENT, after("succeeded", 49_999)) == ()

    @pytest.mark.parametrize("refunded_minor", [1, 50_000])
    def test_what_is_back_with_the_payer_is_given_to_nobody(self, refunded_minor: int) -> None:
        """The success was heard of with the refund: a callback was lost, and a poll tells both."""
        word: Literal["refunded", "partially_refunded"]
        word = "refunded" if refunded_minor == 50_000 else "partially_refunded"
        told = PaymentSnapshot(
            word, "order_1", "pay_1", captured=Money(50_000, "INR"), amount_refunded_minor=refunded_minor
        )
        back = observe_payment(PaymentAggregate(PAYMENT), told, NOW).aggregate.payment
        with captured() as logs:
            assert transfers_after(PAYMENT, back) == ()
        assert [(line["event"], line["amount_refunded_minor"]) for line in logs] == [("split.withheld", refunded_minor)]
        assert standing_without_transfer(back) == "withheld"

    @pytest.mark.parametrize(
        ("payment", "word"),
        [
            (after("created"), "waiting"),
            (after("succeeded"), "waiting"),
            (after("failed"), "canceled"),
            (after("succeeded", 49_999), "withheld"),
        ],
    )
    def test_a_part_without_a_transfer_says_why(self, payment: Payment, word: str) -> None:
        assert standing_without_transfer(payment) == word

    def test_a_payment_of_no_parts_has_none(self) -> None:
        plain = a_payment()
        assert transfers_after(plain, after("succeeded", payment=plain)) == ()


def test_callbacks_lead_to_them_once_in_any_number() -> None:
    rules, aggregate = PaymentCallbacks(VIEWS), PaymentAggregate(PAYMENT)
    words: list[dict[str, Any]] = [
        {"status": "authorized"},
        {"status": "succeeded", "amount_captured_minor": 50_000},
        {"status": "succeeded", "amount_captured_minor": 50_000, "fee_minor": 7},
        {"status": "authorized"},
    ]
    commands: list[CommandDraft] = []
    for word in words:
        told = CallbackObject.model_validate({"kind": "payment", "order_id": "order_1", "payment_id": "pay_1", **word})
        settled = rules.apply(a_callback(told), aggregate)
        aggregate = settled.resource or aggregate
        commands += settled.commands
    assert [command.resource_id for command in commands] == [transfer_id_of(PAYMENT.id, place) for place in (0, 2)]
