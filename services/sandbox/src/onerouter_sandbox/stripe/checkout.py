"""The hosted page on which a person pays, fails or gives up: Stripe's for a session, the shop's own for an intent."""

from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from onerouter_sandbox.stripe.control import Pay, pay
from onerouter_sandbox.stripe.currencies import display
from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.intents import Intents, Method
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.state import Intent, State

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors *",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAYABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")

Action = Literal["success", "fail", "authenticate"]


class Page(NamedTuple):
    """What is to be paid; `open` while it can be."""

    id: str
    merchant: str
    amount: str
    name: str
    open: bool
    back: str | None
    cancel: str | None


def router(state: State, intents: Intents, sessions: Sessions) -> APIRouter:
    routes = APIRouter(tags=["stripe"], include_in_schema=False)
    templates = Environment(
        loader=PackageLoader("onerouter_sandbox.stripe"), autoescape=select_autoescape(default=True)
    )

    def find(payment_id: str) -> Page:
        page = _page(state, payment_id)
        if page is None:
            raise HTTPException(404, "There is no such payment.")
        return page

    def show(page: Page, *, status: int = 200, intent: Intent | None = None) -> HTMLResponse:
        html = templates.get_template("checkout.html.j2").render(page=page, intent=intent)
        return HTMLResponse(html, status, _HEADERS)

    @routes.get("/checkout/{payment_id}")
    async def show_checkout(payment_id: str) -> HTMLResponse:
        return show(find(payment_id))

    @routes.post("/checkout/{payment_id}/pay")
    async def pay_checkout(
        payment_id: str, action: Annotated[Action, Form()], method: Annotated[Method, Form()] = "card"
    ) -> HTMLResponse:
        page = find(payment_id)
        try:
            intent = pay(state, intents, sessions, payment_id, _how(action, method))
        except Refused:
            return show(page._replace(open=False), status=409)
        return show(page, intent=intent)

    return routes


def _how(action: Action, method: Method) -> Pay:
    match action:
        case "success":
            return Pay(method=method)
        case "fail":
            return Pay(method=method, outcome="failure")
        case "authenticate":
            return Pay(method=method, outcome="requires_action")


def _page(state: State, payment_id: str) -> Page | None:
    session, intent = state.sessions.get(payment_id), state.intents.get(payment_id)
    thing = session or intent
    account = None if thing is None else state.accounts.get(thing.account)
    if thing is None or account is None:
        return None
    if session is not None:
        back = _web_address(session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id))
        name, is_open, cancel = session.name, session.status == "open", _web_address(session.cancel_url)
    else:
        back = cancel = None
        name, is_open = thing.description or "", intent is not None and intent.status in _PAYABLE
    return Page(thing.id, account.merchant_name, display(thing.amount, thing.currency), name, is_open, back, cancel)


def _web_address(url: str | None) -> str | None:
    """Only http(s): the page shows it as a link."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
