"""The hosted page on which a person pays, fails or gives up: Stripe's for a session, the shop's own for an intent."""

from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from onerouter_sandbox.stripe.control.common import Pay, pay
from onerouter_sandbox.stripe.currencies import display
from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.parts import Parts
from onerouter_sandbox.stripe.paying import PAYABLE, Method
from onerouter_sandbox.stripe.setups import OPEN

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors *",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Action = Literal["success", "fail", "authenticate"]


class Page(NamedTuple):
    """What is to be paid, or (`saves`) which method is to be kept; `open` while it can be."""

    id: str
    merchant: str
    amount: str
    name: str
    open: bool
    back: str | None = None
    cancel: str | None = None
    saves: bool = False


class Tried(NamedTuple):
    """What became of it; `message` says why it failed."""

    id: str
    status: str
    message: str


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["stripe"], include_in_schema=False)
    templates = Environment(
        loader=PackageLoader("onerouter_sandbox.stripe"), autoescape=select_autoescape(default=True)
    )

    def find(payment_id: str) -> Page:
        page = _page(parts, payment_id)
        if page is None:
            raise HTTPException(404, "There is no such payment.")
        return page

    def show(page: Page, *, status: int = 200, tried: Tried | None = None) -> HTMLResponse:
        html = templates.get_template("checkout.html.j2").render(page=page, tried=tried)
        return HTMLResponse(html, status, HEADERS)

    @routes.get("/checkout/{payment_id}")
    async def show_checkout(payment_id: str) -> HTMLResponse:
        return show(find(payment_id))

    @routes.post("/checkout/{payment_id}/pay")
    async def pay_checkout(
        payment_id: str, action: Annotated[Action, Form()], method: Annotated[Method, Form()] = "card"
    ) -> HTMLResponse:
        page = find(payment_id)
        try:
            tried = _try(parts, page, _how(action, method))
        except Refused:
            return show(page._replace(open=False), status=409)
        return show(page, tried=tried)

    @routes.get("/pay/{link_id}")
    async def open_link(link_id: str, request: Request) -> Response:
        """A payment link: each visit is a checkout page of its own."""
        link = parts.links.shelf.find(link_id)
        if link is None:
            raise HTTPException(404, "There is no such payment link.")
        session = parts.links.visit(
            link, str(request.url_for("open_link", link_id="x")).removesuffix("/pay/x") + "/checkout"
        )
        if session is None:
            html = templates.get_template("inactive.html.j2").render(message=link.inactive_message)
            return HTMLResponse(html, 200, HEADERS)
        return RedirectResponse(session.url, 303)

    return routes


def _how(action: Action, method: Method) -> Pay:
    match action:
        case "success":
            return Pay(method=method)
        case "fail":
            return Pay(method=method, outcome="failure")
        case "authenticate":
            return Pay(method=method, outcome="requires_action")


def _try(parts: Parts, page: Page, how: Pay) -> Tried:
    """Raises Refused."""
    if page.saves:
        setup = parts.setups.shelf[page.id]
        parts.setups.complete(setup, word=None if how.outcome == "success" else how.decline)
        return Tried(setup.id, setup.status, str((setup.error or {}).get("message", "")))
    intent = pay(parts, page.id, how)
    if intent is None:
        raise HTTPException(404, "There is nothing to pay.")
    return Tried(intent.id, intent.status, str((intent.last_payment_error or {}).get("message", "")))


def _page(parts: Parts, payment_id: str) -> Page | None:
    state = parts.state
    session, intent = state.sessions.get(payment_id), state.intents.get(payment_id)
    invoice, setup = parts.billing.invoices.shelf.find(payment_id), parts.setups.shelf.find(payment_id)
    thing = session or intent or invoice or setup
    account = None if thing is None else state.accounts.get(thing.account)
    if account is None:
        return None
    merchant = account.merchant_name
    if session is not None:
        back = _web_address(session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id))
        amount = display(session.amount, session.currency)
        is_open, cancel = session.status == "open", _web_address(session.cancel_url)
        return Page(session.id, merchant, amount, session.name, is_open, back, cancel)
    if invoice is not None:
        amount = display(invoice.amount_due, invoice.currency)
        return Page(invoice.id, merchant, amount, f"Invoice {invoice.number}", invoice.status == "open")
    if setup is not None:
        return Page(setup.id, merchant, "Save a card", "Nothing is charged now", setup.status in OPEN, saves=True)
    if intent is not None:
        amount = display(intent.amount, intent.currency)
        return Page(intent.id, merchant, amount, intent.description or "", intent.status in PAYABLE[:3])
    return None


def _web_address(url: str | None) -> str | None:
    """Only http(s): the page shows it as a link."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
