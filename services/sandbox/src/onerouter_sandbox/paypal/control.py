"""PayPal's part of the control API: apps, and what payers, banks and PayPal's reviewers do."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.paypal import shapes
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.errors import NotPossible
from onerouter_sandbox.paypal.orders import Orders
from onerouter_sandbox.paypal.payments import Payments
from onerouter_sandbox.paypal.refunds import Refunds
from onerouter_sandbox.paypal.signing import Signer
from onerouter_sandbox.paypal.state import Order, State


class Approve(BaseModel):
    """A payer's yes, and what the merchant's call will then meet."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["paypal", "card", "venmo"] = "paypal"
    decline: str | None = Field(
        None,
        pattern="^([0-9A-Z]{4}|INSTRUMENT_DECLINED)$",
        description="A processor's response code (the capture is made and declined), or INSTRUMENT_DECLINED (refused; the "
        "payer may choose another instrument).",
    )
    pending: Literal["ECHECK", "PENDING_REVIEW", "UNILATERAL"] | None = None


class SettleCapture(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["COMPLETED", "DECLINED"] = "COMPLETED"


class SettleRefund(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["COMPLETED", "FAILED"] = "COMPLETED"


def router(state: State, orders: Orders, payments: Payments, refunds: Refunds, signer: Signer) -> APIRouter:
    routes = APIRouter(tags=["paypal"])

    def find(order_id: str) -> Order:
        order = state.orders.get(order_id)
        if order is None:
            raise HTTPException(404, "There is no such order.")
        return order

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register an app, or replace what was registered under its client id."""
        known = state.accounts.get(account.client_id)
        if known is not None:
            kept = {"merchant_id", "webhook_id"} - account.model_fields_set
            account = account.model_copy(update={name: getattr(known, name) for name in kept})
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.delete("/accounts/{client_id}")
    async def remove_account(client_id: str) -> dict[str, Any]:
        if not state.remove_account(client_id):
            raise HTTPException(404, "There is no such app.")
        return {"deleted": True}

    @routes.post("/accounts/{client_id}/end-tokens")
    async def end_tokens(client_id: str) -> dict[str, Any]:
        """Every token that this app holds ends now."""
        return {"ended": state.end_tokens(client_id)}

    @routes.get("/roots")
    async def show_roots() -> PlainTextResponse:
        """The root that vouches for the certificate of our callbacks, PEM."""
        return PlainTextResponse(signer.chain.root)

    @routes.post("/orders/{order_id}/approve")
    async def approve(order_id: str, wanted: Annotated[Approve | None, Body()] = None) -> dict[str, Any]:
        """Approve an order as a payer would on the page."""
        order, how = find(order_id), wanted or Approve()
        try:
            orders.approve(order, source=how.source, decline=how.decline, pending=how.pending)
        except NotPossible as problem:
            raise HTTPException(409, str(problem)) from problem
        return shapes.order(order, state)

    @routes.post("/orders/{order_id}/reverse")
    async def reverse(order_id: str) -> dict[str, Any]:
        """The approval was not used in time."""
        order = find(order_id)
        try:
            orders.reverse_approval(order)
        except NotPossible as problem:
            raise HTTPException(409, str(problem)) from problem
        return shapes.order(order, state)

    @routes.post("/captures/{capture_id}/settle")
    async def settle_capture(capture_id: str, wanted: SettleCapture) -> dict[str, Any]:
        """Decide a pending capture now."""
        capture = state.payments.get(capture_id)
        if capture is None:
            raise HTTPException(404, "There is no such capture.")
        payments.settle(capture, wanted.status)
        return shapes.lone_payment(capture, state.orders[capture.order_id].base)

    @routes.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str, wanted: SettleRefund) -> dict[str, Any]:
        """Decide a pending refund now."""
        refund = state.refunds.get(refund_id)
        if refund is None:
            raise HTTPException(404, "There is no such refund.")
        refunds.settle(refund, wanted.status)
        return shapes.refund(refund, state.orders[state.payments[refund.capture_id].order_id].base)

    return routes
