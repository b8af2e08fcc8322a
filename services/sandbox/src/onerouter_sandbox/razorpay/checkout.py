"""Hosted checkout: the page on which a person pays, fails or cancels a simulated payment."""

from typing import Annotated, Final, Literal
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.control import checkout_result
from onerouter_sandbox.razorpay.currencies import display
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.payments import Method, Payments
from onerouter_sandbox.razorpay.state import Order, Payment, State

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors *",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REASONS: Final = {"fail": "card_declined", "cancel": "payment_cancelled"}

Action = Literal["success", "fail", "cancel"]


def router(state: State, payments: Payments) -> APIRouter:
    routes = APIRouter(tags=["razorpay"], include_in_schema=False)
    templates = Environment(
        loader=PackageLoader("onerouter_sandbox.razorpay"), autoescape=select_autoescape(default=True)
    )

    def page(order: Order, account: Account, *, status: int = 200, **more: object) -> HTMLResponse:
        html = templates.get_template("checkout.html.j2").render(
            order=order,
            merchant=account.merchant_name,
            amount=display(order.amount, order.currency),
            **more,
        )
        return HTMLResponse(html, status, _HEADERS)

    def find(order_id: str) -> tuple[Order, Account]:
        order = state.orders.get(order_id)
        account = None if order is None else state.accounts.get(order.account)
        if order is None or account is None:
            raise HTTPException(404, "There is no such order.")
        return order, account

    @routes.get("/checkout/{order_id}")
    async def show(order_id: str, return_url: str | None = None) -> HTMLResponse:
        order, account = find(order_id)
        return page(order, account, return_url=_web_address(return_url))

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
            payment = payments.pay(order, method=method, outcome=outcome, reason=_REASONS.get(action, ""))
        except Refused as refusal:
            return page(order, account, status=409, problem=str(refusal))
        back = _back(_web_address(return_url), account, payment)
        return page(order, account, payment=payment, result=checkout_result(account, payment), back=back)

    return routes


def _web_address(url: str | None) -> str | None:
    """Only http(s): the page shows it as a link."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None


def _back(return_url: str | None, account: Account, payment: Payment) -> str | None:
    """Where the shop wants its customer back, with what Checkout hands over."""
    if return_url is None:
        return None
    result = checkout_result(account, payment)
    handed = {name: value for name, value in result.items() if name.startswith("razorpay_")}
    if not handed:
        handed = {"error_reason": result["error_reason"], "razorpay_order_id": payment.order_id}
    return f"{return_url}{'&' if urlsplit(return_url).query else '?'}{urlencode(handed)}"
