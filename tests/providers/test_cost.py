"""A price list is read from the top, and a price is exact."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.money import Money
from onerouter_providers.cost import CostFacts, find_cost
from onerouter_providers.loader import Providers


def price(**facts: Any) -> CostFacts:
    return CostFacts(
        **{
            "of": "payment.create",
            "currency": "INR",
            "source": "https://x.example",
            "read_on": date(2026, 1, 1),
            **facts,
        }
    )


PRICES = (
    price(percent=3, when={"international": True}),
    price(percent=0, when={"methods": ["upi"]}),
    price(percent=2),
    price(percent=Decimal("2.9"), fixed_minor=30, currency="USD"),
    price(of="sms.send", fixed_minor=Decimal("0.79"), currency="USD", when={"countries": ["US"]}),
)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"currency": "INR"}, 2),
        ({"currency": "INR", "method": "card"}, 2),
        ({"currency": "INR", "method": "upi"}, 1),
        ({"currency": "INR", "method": "upi", "international": True}, 0),
        ({"currency": "USD", "method": "card", "international": True}, 3),
        ({"currency": "EUR"}, None),
        ({"capability": "sms.send", "currency": "USD", "country": "US"}, 4),
        ({"capability": "sms.send", "currency": "USD", "country": "IN"}, None),
        ({"capability": "sms.send", "currency": "USD"}, None),
        ({"capability": "refund.create", "currency": "INR"}, None),
    ],
)
def test_the_first_that_holds_applies(asked: dict[str, Any], index: int | None) -> None:
    found = find_cost(PRICES, **{"capability": "payment.create", **asked})
    assert found == (None if index is None else PRICES[index])


def test_an_estimate_is_the_share_and_the_fixed_part() -> None:
    assert PRICES[3].estimate(Money(10_000, "USD")) == Decimal("320.0")
    assert PRICES[3].estimate(Money(10_000, "EUR")) is None


@given(
    st.integers(min_value=1, max_value=10**15 - 1),
    st.decimals(min_value=0, max_value=100, places=4),
    st.decimals(min_value=0, max_value=9_999, places=4),
)
def test_an_estimate_is_exact_and_grows_with_the_amount(amount: int, percent: Decimal, fixed: Decimal) -> None:
    one = price(percent=percent, fixed_minor=fixed)
    lower, higher = one.estimate(Money(amount, "INR")), one.estimate(Money(amount + 1, "INR"))
    assert lower is not None
    assert higher is not None
    assert fixed <= lower <= higher
    assert (higher - lower) * 100 == percent


def test_numbers_are_numbers_in_json() -> None:
    assert '"percent":2.9,"fixed_minor":30.0' in PRICES[3].model_dump_json()


def test_a_card_from_abroad_costs_more_at_razorpay() -> None:
    razorpay = Providers.load().find("payments", "razorpay")
    assert razorpay is not None
    for international, minor in ((False, 200), (True, 300)):
        found = find_cost(
            razorpay.manifest.cost, "payment.create", currency="INR", method="card", international=international
        )
        assert found is not None
        assert found.estimate(Money(10_000, "INR")) == minor
