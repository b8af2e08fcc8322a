"""Payment links put together: API, control, and the hosted page."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Form, HTTPException
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.razorpay import shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.currencies import display
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.links.endpoints import Endpoints
from onerouter_sandbox.razorpay.links.model import Link
from onerouter_sandbox.razorpay.links.operations import Links
from onerouter_sandbox.razorpay.pages import REASONS, Pages, with_query
from onerouter_sandbox.razorpay.payments import Method
from onerouter_sandbox.razorpay.routing import Routes
from onerouter_sandbox.razorpay.state import Payment, State


class PayLink(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method = "upi"
    outcome: Literal["success", "failure"] = "success"
    error_reason: str = "payment_failed"
    amount: int | None = Field(None, gt=0, description="A part, in minor units, where the link takes parts.")


class LinksFeature:
    """A `Feature`."""

    def __init__(self, state: State, links: Links, pages: Pages) -> None:
        self._state = state
        self._links = links
        self._pages = pages
        self._endpoints = Endpoints(links)

    def routes(self) -> Routes:
        return self._endpoints.routes()

    def resume(self) -> None:
        self._links.resume()

    def control(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/payment_links/{link_id}/pay")
        async def pay(link_id: str, wanted: Annotated[PayLink | None, Body()] = None) -> dict[str, Any]:
            """Pay a link as whoever opened it would; what the shop's address is called with comes back."""
            link, account = self._find(link_id)
            how = wanted or PayLink()
            try:
                payment = self._links.pay(
                    link, method=how.method, outcome=how.outcome, reason=how.error_reason, amount=how.amount
                )
            except Refused as refusal:
                raise HTTPException(409, str(refusal)) from refusal
            shown = {"payment_id": payment.id, "order_id": payment.order_id, "status": payment.status}
            return shown | (_handed(account, link, payment) if payment.captured else {})

        return routes

    def pages(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.get("/links/{link_id}")
        async def show(link_id: str) -> HTMLResponse:
            return self._page(*self._find(link_id))

        @routes.post("/links/{link_id}/pay")
        async def pay(
            link_id: str,
            action: Annotated[Literal["success", "fail", "cancel"], Form()],
            method: Annotated[Method, Form()] = "card",
            amount: Annotated[int | None, Form(gt=0)] = None,
        ) -> HTMLResponse:
            link, account = self._find(link_id)
            try:
                payment = self._links.pay(
                    link,
                    method=method,
                    outcome="success" if action == "success" else "failure",
                    reason=REASONS.get(action, ""),
                    amount=amount,
                )
            except Refused as refusal:
                return self._page(link, account, status=409, problem=str(refusal))
            back = None
            if payment.captured and link.callback_url is not None:
                back = with_query(link.callback_url, **_handed(account, link, payment))
            return self._page(link, account, payment=payment, back=back)

        return routes

    def _find(self, link_id: str) -> tuple[Link, Account]:
        link = self._links.links.get(link_id)
        account = None if link is None else self._state.accounts.get(link.account)
        if link is None or account is None:
            raise HTTPException(404, "There is no such payment link.")
        return link, account

    def _page(self, link: Link, account: Account, *, status: int = 200, **more: object) -> HTMLResponse:
        return self._pages.show(
            "link",
            status=status,
            link=link,
            merchant=account.merchant_name,
            amount=display(link.amount, link.currency),
            due=display(link.due, link.currency),
            **more,
        )


def _handed(account: Account, link: Link, payment: Payment) -> dict[str, str]:
    """What the shop's callback address is called with."""
    message = f"{link.id}|{link.reference_id}|{link.status}|{payment.id}"
    return {
        "razorpay_payment_id": payment.id,
        "razorpay_payment_link_id": link.id,
        "razorpay_payment_link_reference_id": link.reference_id,
        "razorpay_payment_link_status": link.status,
        "razorpay_signature": shapes.signature(account.key_secret, message.encode()),
    }
