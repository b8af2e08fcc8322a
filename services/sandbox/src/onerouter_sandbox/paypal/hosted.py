"""The pages that PayPal hosts: one person decides one thing, and goes back to where they came from."""

from dataclasses import dataclass
from typing import Annotated, Final, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, HTTPException, Query
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from onerouter_sandbox.paypal.errors import NotPossible

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors *",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES: Final = Environment(
    loader=PackageLoader("onerouter_sandbox.paypal"), autoescape=select_autoescape(default=True)
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks. `actions` are the words of the form and of the buttons, the main one first; none: it is decided."""

    merchant: str
    headline: str
    line: str
    state: str
    actions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Decided:
    good: bool
    title: str
    line: str
    back: str | None


class Page(Protocol):
    """Both raise HTTPException 404 for a token that is nobody's."""

    def ask(self, token: str) -> Question: ...

    def decide(self, token: str, action: str) -> Decided:
        """Raises NotPossible when it is decided already."""
        ...


def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), status, _HEADERS)


def back_to(url: object, **handed: str) -> str | None:
    """Where the shop wants its customer back, with what PayPal hands over; only http(s), as the page shows it as a link."""
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        return None
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(handed)}" if handed else url


def router(path: str, token_name: str, page: Page) -> APIRouter:
    """GET shows the question, POST decides it; the token is a parameter of that name."""
    routes = APIRouter(tags=["paypal"], include_in_schema=False)

    def show(token: str, status: int = 200) -> HTMLResponse:
        return render("question.html.j2", status, question=page.ask(token), token=token, token_name=token_name)

    @routes.get(path)
    async def ask(token: Annotated[str, Query(alias=token_name)]) -> HTMLResponse:
        return show(token)

    @routes.post(path)
    async def decide(token: Annotated[str, Form(alias=token_name)], action: Annotated[str, Form()]) -> HTMLResponse:
        question = page.ask(token)
        if question.actions and action not in dict(question.actions):
            raise HTTPException(422, "There is no such button.")
        try:
            decided = page.decide(token, action)
        except NotPossible:
            return show(token, 409)
        return render("question.html.j2", question=question, decided=decided)

    return routes
