"""Hosted pages: one look, no scripts, nothing cached."""

from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors *",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REASONS: Final = {"fail": "card_declined", "cancel": "payment_cancelled"}
"""Why a payment fails that a person let fail, by what they pressed."""


class Pages:
    """The templates, read once."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("onerouter_sandbox.razorpay"), autoescape=select_autoescape(default=True)
        )

    def show(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(f"{template}.html.j2").render(**values), status, _HEADERS)


def web_address(url: str | None) -> str | None:
    """Only http(s): a page shows it as a link."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None


def with_query(url: str, **values: object) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(values)}"
