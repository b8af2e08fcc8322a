"""Charging a token: an order made before, paid without its customer.

Source: https://razorpay.com/docs/api/payments/recurring-payments/cards/create-subsequent-payments/
"""

from typing import Any, Final

from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.errors import order_already_paid, refused
from onerouter_sandbox.razorpay.payments import Method, Payer, Payments
from onerouter_sandbox.razorpay.state import State

_FIELDS: Final = frozenset(
    {"email", "contact", "amount", "currency", "order_id", "customer_id", "token", "recurring", "description", "notes"}
)


class Recurring:
    def __init__(self, state: State, payments: Payments, customers: Customers) -> None:
        self._state = state
        self._payments = payments
        self._customers = customers

    def charge(self, account: Account, body: dict[str, Any]) -> dict[str, Any]:
        """The payment's id with Checkout's signature. Razorpay tells how it ended by callback only."""
        fields.only(body, _FIELDS)
        order = self._state.orders.owned(account, fields.needed(body, "order_id"))
        token = self._customers.token(account, fields.needed(body, "customer_id"), fields.needed(body, "token"))
        if not fields.flag(body, "recurring"):
            raise refused("The recurring field is required.", field="recurring")
        if order.status == "paid":
            raise order_already_paid(order.id)
        currency = fields.currency(body, required=True) or ""
        if (fields.amount(body, currency, subject="Payment"), currency) != (order.amount, order.currency):
            raise refused("Payment amount is different from order amount.", field="amount", reason="invalid_amount")
        payer = Payer(
            email=fields.needed(body, "email"),
            contact=fields.needed(body, "contact"),
            customer_id=token.customer_id,
            token_id=token.id,
            description=fields.text(body, "description"),
        )
        confirmed = token.status == "confirmed"
        method: Method = "card" if token.method == "card" else "upi"
        payment = self._payments.pay(
            order, method=method, outcome="success" if confirmed else "failure", reason="payment_failed", payer=payer
        )
        return {
            "razorpay_payment_id": payment.id,
            "razorpay_order_id": order.id,
            "razorpay_signature": shapes.checkout_signature(account.key_secret, order.id, payment.id),
        }
