"""What a payment cost: the provider's word before its price list, and nothing before money was taken."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.money import Money
from onerouter_payments.cost import Cost, cost_of
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.settlement import Views
from onerouter_payments.payment.state import CAPTURED, RANK, Payment
from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.cost import CostCondition, CostFacts
from onerouter_providers.loader import Providers

from .examples import NOW, a_payment


def a_price(percent: str, fixed: int = 0, currency: str = "INR", **when: object) -> CostFacts:
    return CostFacts(
        of="payment.create",
        percent=Decimal(percent),
        fixed_minor=Decimal(fixed),
        currency=currency,
        when=CostCondition.model_validate(when),
        source="https://example.com/prices",
        read_on=date(2026, 1, 1),
    )


PRICES = {
    "razorpay": (a_price("3", international=True), a_price("0", methods=("upi",)), a_price("2", 50)),
    "stripe": (a_price("4.4", 30, "USD", international=True), a_price("2.9", 30, "USD")),
}


def told(payment: Payment, **snapshot: object) -> Payment:
    given: dict[str, object] = {"status": "succeeded", "provider_payment_id": "pay_1", **snapshot}
    return observe_payment(PaymentAggregate(payment), PaymentSnapshot(**given), NOW).aggregate.payment  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payment", "snapshot", "minor"),
    [
        (a_payment(), {"method": "upi"}, 0),
        (a_payment(), {"method": "card"}, 1_050),
        (a_payment(), {"method": "card", "method_details": {"international": "true"}}, 1_500),
        (a_payment(), {"method": "card", "method_details": {"card_country": "DE"}}, 1_500),
        (a_payment(), {"method": "card", "method_details": {"card_country": "in"}}, 1_050),
        (a_payment(), {"captured": Money(10_000, "INR")}, 250),
        (a_payment(amount_minor=1_025), {}, 71),  # 20.5 and 50: half a unit goes up
        (a_payment(provider="stripe", currency="USD"), {"method_details": {"card_country": "US"}}, 1_480),
        (a_payment(provider="stripe", currency="USD"), {"method_details": {"card_country": "FR"}}, 2_230),
    ],
)
def test_the_price_that_holds(payment: Payment, snapshot: dict[str, object], minor: int) -> None:
    assert cost_of(told(payment, **snapshot), PRICES) == Cost(Money(minor, payment.currency), estimated=True)


@pytest.mark.parametrize("payment", [a_payment(currency="EUR"), a_payment(provider="paypal")])
def test_without_a_price_it_is_not_known(payment: Payment) -> None:
    assert cost_of(told(payment), PRICES) is None


snapshots = st.builds(
    PaymentSnapshot,
    status=st.sampled_from(tuple(RANK)),
    provider_payment_id=st.just("pay_1"),
    method=st.sampled_from((None, "upi", "card")),
    fee_minor=st.sampled_from((None, 1_180)),
    fee_currency=st.sampled_from((None, "INR")),
)


@given(st.lists(snapshots, max_size=6), st.randoms(use_true_random=False))
def test_the_providers_word_wins_whenever_it_comes(tellings: list[PaymentSnapshot], shuffle: object) -> None:
    def end(order: list[PaymentSnapshot]) -> Payment:
        aggregate = PaymentAggregate(a_payment(id="pay_0"))
        for one in order:
            aggregate = observe_payment(aggregate, one, NOW).aggregate
        return aggregate.payment

    payment = end(tellings)
    shuffled = list(tellings)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    cost = cost_of(payment, PRICES)
    assert cost == cost_of(end(shuffled), PRICES)
    if payment.status not in CAPTURED:
        assert cost is None
    elif any(one.fee_minor is not None for one in tellings):
        assert cost == Cost(Money(1_180, "INR"), estimated=False)
    else:
        assert cost is not None
        assert cost.estimated


def test_a_fee_that_comes_later_is_a_change_that_is_told() -> None:
    paid = observe_payment(PaymentAggregate(a_payment()), PaymentSnapshot("succeeded"), NOW).aggregate
    change = observe_payment(paid, PaymentSnapshot("succeeded", fee_minor=99, fee_currency="USD"), NOW)
    assert [item.type for item in change.happened] == ["payment.updated"]
    assert Views({}, PRICES).of(paid.payment)["cost"] == {
        "amount": 10.5,
        "amount_minor": 1_050,
        "currency": "INR",
        "estimated": True,
    }
    assert Views({}, PRICES).of(change.aggregate.payment)["cost"] == {
        "amount": 0.99,
        "amount_minor": 99,
        "currency": "USD",
        "estimated": False,
    }


def test_the_installed_price_lists_are_of_payments() -> None:
    from onerouter_payments.app import prices_of

    prices = prices_of(Providers.load())
    assert prices.keys() >= {"razorpay", "paypal", "stripe"}
    assert cost_of(told(a_payment()), prices) == Cost(Money(1_000, "INR"), estimated=True)
