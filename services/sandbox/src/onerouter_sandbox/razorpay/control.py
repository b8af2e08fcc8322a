"""Razorpay's part of the control API: accounts, and what customers and banks do."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.razorpay import shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.customers.operations import Customers, TokenMethod
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.payments import Method, Outcome, Payer, Payments
from onerouter_sandbox.razorpay.refunds import Refunds
from onerouter_sandbox.razorpay.state import Payment, State

_KEPT: Final[Mapping[str, TokenMethod]] = {"card": "card", "upi": "upi"}
"""Methods that can be kept."""


class Pay(BaseModel):
    """One try of a customer."""

    model_config = ConfigDict(extra="forbid")

    method: Method = "upi"
    outcome: Outcome = "success"
    error_reason: str = "payment_failed"
    customer_id: str | None = Field(None, description="Whose try it is, as the shop's page told Checkout.")
    save: bool = Field(
        False, description="The customer lets the card or UPI id be kept: a payment that works leaves a token."
    )


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["processed", "failed"] = "processed"


def checkout_result(account: Account, payment: Payment) -> dict[str, Any]:
    """What the shop's page gets from Checkout, and the payment's status for whoever watches."""
    result = {
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "status": payment.status,
        "error_reason": (payment.error or {}).get("reason"),
    }
    if payment.status == "failed":
        return result
    return result | {
        "razorpay_payment_id": payment.id,
        "razorpay_order_id": payment.order_id,
        "razorpay_signature": shapes.checkout_signature(account.key_secret, payment.order_id, payment.id),
    }


def router(state: State, payments: Payments, refunds: Refunds, customers: Customers) -> APIRouter:
    routes = APIRouter(tags=["razorpay"])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register a key pair, or replace what was registered under its key id."""
        known = state.accounts.get(account.key_id)
        if known is not None and "account_id" not in account.model_fields_set:
            account = account.model_copy(update={"account_id": known.account_id})
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.delete("/accounts/{key_id}")
    async def remove_account(key_id: str) -> dict[str, Any]:
        if not state.remove_account(key_id):
            raise HTTPException(404, "There is no such account.")
        return {"deleted": True}

    @routes.post("/orders/{order_id}/pay")
    async def pay(order_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """Pay an order as a customer would in Checkout."""
        order = state.orders.get(order_id)
        account = None if order is None else state.accounts.get(order.account)
        if order is None or account is None:
            raise HTTPException(404, "There is no such order.")
        how = wanted or Pay()
        try:
            payer = _payer(account, customers, how)
            payment = payments.pay(order, method=how.method, outcome=how.outcome, reason=how.error_reason, payer=payer)
        except Refused as refusal:
            raise HTTPException(409, str(refusal)) from refusal
        return checkout_result(account, payment)

    @routes.post("/payments/{payment_id}/authorize")
    async def authorize(payment_id: str) -> dict[str, Any]:
        """Late authorization: the bank says yes after the payment was given up."""
        payment = state.payments.get(payment_id)
        if payment is None:
            raise HTTPException(404, "There is no such payment.")
        try:
            payments.authorize(payment, capture=state.orders[payment.order_id].auto_capture)
        except Refused as refusal:
            raise HTTPException(409, str(refusal)) from refusal
        return shapes.payment(payment)

    @routes.post("/refunds/{refund_id}/settle")
    async def settle(refund_id: str, wanted: Settle) -> dict[str, Any]:
        """Decide a pending refund now."""
        refund = state.refunds.get(refund_id)
        if refund is None:
            raise HTTPException(404, "There is no such refund.")
        refunds.settle(refund, wanted.status)
        return shapes.refund(refund)

    return routes


def _payer(account: Account, customers: Customers, how: Pay) -> Payer:
    """Who pays; with the token that the payment leaves behind. Raises `Refused` for a customer that is nobody."""
    if how.customer_id is None:
        return Payer()
    customer = customers.customers.owned(account, how.customer_id)
    method = _KEPT.get(how.method)
    if not how.save or how.outcome == "failure" or method is None:
        return Payer(customer_id=customer.id)
    return Payer(customer_id=customer.id, token_id=customers.attach(customer, method, international=False).id)
