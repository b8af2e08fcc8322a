"""PayPal does what every payment provider must, over real HTTP."""

from onerouter_common.money import Money
from onerouter_providers.testing.payments_suite import PaymentsSuite


class TestPayPal(PaymentsSuite):
    amount = Money(12_990, "USD")
    amounts_taken = (Money(1, "USD"), Money(295, "JPY"), Money(129_900, "HUF"), Money(10_000, "TWD"))
    amounts_refused = (Money(129_950, "HUF"), Money(10_001, "TWD"), Money(100, "INR"))
    declines = ("insufficient_funds", "card_declined", "expired_card")
    finds_payments = False
    carries_notes = False
