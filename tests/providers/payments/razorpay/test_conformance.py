"""Razorpay does what every payment provider must, over real HTTP."""

from onerouter_common.money import Money
from onerouter_providers.testing.payments_suite import PaymentsSuite


class TestRazorpay(PaymentsSuite):
    partial_capture = False
    amounts_taken = (Money(100, "INR"), Money(295, "JPY"), Money(1_299, "USD"), Money(99_990, "KWD"))
    amounts_refused = (Money(99, "INR"), Money(99_991, "KWD"), Money(5_000, "LYD"))
    declines = ("insufficient_funds", "card_declined")
