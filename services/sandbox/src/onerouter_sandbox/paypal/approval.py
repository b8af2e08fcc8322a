"""PayPal's page: a person approves an order, lets it be declined, or goes back."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.errors import NotPossible
from onerouter_sandbox.paypal.hosted import back_to, render
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.orders import INSTRUMENT_DECLINED, Orders
from onerouter_sandbox.paypal.state import Order, State

_DECLINES: Final = {"approve": None, "decline": "5100", "instrument": INSTRUMENT_DECLINED}

Action = Literal["approve", "decline", "instrument", "cancel"]
Source = Literal["paypal", "card"]


def router(state: State, orders: Orders) -> APIRouter:
    routes = APIRouter(tags=["paypal"], include_in_schema=False)

    def page(order: Order, account: Account, *, status: int = 200, **more: object) -> HTMLResponse:
        amount = Money(order.amount, order.currency)
        shown = f"{amount.currency} {amount.value}"
        return render("approval.html.j2", status, order=order, merchant=account.merchant_name, amount=shown, **more)

    def find(order_id: str) -> tuple[Order, Account]:
        order = state.orders.get(order_id)
        account = None if order is None else state.accounts.get(order.account)
        if order is None or account is None:
            raise HTTPException(404, "There is no such order.")
        return order, account

    @routes.get("/checkoutnow")
    async def show(token: str) -> HTMLResponse:
        return page(*find(token))

    @routes.post("/checkoutnow")
    async def decide(
        token: Annotated[str, Form()],
        action: Annotated[Action, Form()],
        source: Annotated[Source, Form()] = "paypal",
    ) -> HTMLResponse:
        order, account = find(token)
        if action == "cancel":
            return page(order, account, decided="cancel", back=_back(order, "cancel_url"))
        try:
            orders.approve(order, source=source, decline=_DECLINES[action])
        except NotPossible:
            return page(order, account, status=409)
        return page(order, account, decided="approve", back=_back(order, "return_url"))

    return routes


def _back(order: Order, name: str) -> str | None:
    handed = {"token": order.id} | ({"PayerID": order.payer_id} if order.payer_id else {})
    return back_to(order.context.get(name), **handed)
