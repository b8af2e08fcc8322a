"""Hosted checkout: the page on which a person pays, fails or cancels a simulated payment."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.control import checkout_result
from onerouter_sandbox.razorpay.currencies import display
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.pages import REASONS, Pages, web_address, with_query
from onerouter_sandbox.razorpay.payments import Method, Payments
from onerouter_sandbox.razorpay.state import Order, Payment, State

Action = Literal["success", "fail", "cancel"]


def router(state: State, payments: Payments, pages: Pages) -> APIRouter:
    routes = APIRouter(tags=["razorpay"], include_in_schema=False)

    def page(order: Order, account: Account, *, status: int = 200, **more: object) -> HTMLResponse:
        return pages.show(
            "checkout",
            status=status,
            order=order,
            merchant=account.merchant_name,
            amount=display(order.amount, order.currency),
            **more,
        )

    def find(order_id: str) -> tuple[Order, Account]:
        order = state.orders.get(order_id)
        account = None if order is None else state.accounts.get(order.account)
        if order is None or account is None:
            raise HTTPException(404, "There is no such order.")
        return order, account

    @routes.get("/checkout/{order_id}")
    async def show(order_id: str, return_url: str | None = None) -> HTMLResponse:
        order, account = find(order_id)
        return page(order, account, return_url=web_address(return_url))

    @routes.post("/checkout/{order_id}/pay")
    async def pay(
        order_id: str,
        action: Annotated[Action, Form()],
        method: Annotated[Method, Form()] = "card",
        return_url: Annotated[str | None, Form()] = None,
    ) -> HTMLResponse:
        order, account = find(order_id)
        outcome: Literal["success", "failure"] = "success" if action == "success" else "failure"
        try:
            payment = payments.pay(order, method=method, outcome=outcome, reason=REASONS.get(action, ""))
        except Refused as refusal:
            return page(order, account, status=409, problem=str(refusal))
        back = _back(web_address(return_url), account, payment)
        return page(order, account, payment=payment, result=checkout_result(account, payment), back=back)

    return routes


def _back(return_url: str | None, account: Account, payment: Payment) -> str | None:
    """Where the shop wants its customer back, with what Checkout hands over."""
    if return_url is None:
        return None
    result = checkout_result(account, payment)
    handed = {name: value for name, value in result.items() if name.startswith("razorpay_")}
    if not handed:
        handed = {"error_reason": result["error_reason"], "razorpay_order_id": payment.order_id}
    return with_query(return_url, **handed)
