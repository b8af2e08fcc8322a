"""Stripe does what every payment provider must, over real HTTP; each call is judged by Stripe's own description."""

import pytest
from tests.providers.payments.stripe.conftest import StripeLab

from onerouter_common.money import Money
from onerouter_providers.testing.payments_suite import PaymentsSuite
from onerouter_providers.testing.resources_suite import ResourcesSuite


class TestStripe(PaymentsSuite):
    amount = Money(129_900, "USD")
    amounts_taken = (
        Money(50, "USD"),
        Money(100, "INR"),
        Money(295, "JPY"),
        Money(99_990, "KWD"),
        Money(5, "ISK"),
        Money(4_000, "UGX"),
        Money(500, "MGA"),
    )
    amounts_refused = (Money(99_991, "KWD"), Money(5_000, "LYD"), Money(550, "MGA"), Money(10**13, "USD"))
    declines = (
        "insufficient_funds",
        "card_declined",
        "expired_card",
        "incorrect_details",
        "fraud_suspected",
        "authentication_required",
        "canceled_by_customer",
        "payment_method_unavailable",
    )


class TestStripeResources(ResourcesSuite):
    price = Money(49_900, "USD")
    other_price = Money(99_900, "USD")
    country = "US"
    account_details = {"account_number": "000123456789", "routing_number": "110000000", "account_holder": "Asha Rao"}

    @pytest.fixture
    def lab(self, called: StripeLab) -> StripeLab:
        return called
