"""The hosted page on which a vendor says what Stripe has to know; an account link opens it once."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from onerouter_sandbox.stripe.checkout import HEADERS
from onerouter_sandbox.stripe.connect.vendors import Onboarding, Vendor
from onerouter_sandbox.stripe.parts import Parts


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["stripe"], include_in_schema=False)
    templates = Environment(
        loader=PackageLoader("onerouter_sandbox.stripe"), autoescape=select_autoescape(default=True)
    )

    def find(token: str) -> tuple[Vendor, Onboarding]:
        found = parts.vendors.onboarding(token)
        if found is None or found[0].account not in parts.state.accounts:
            raise HTTPException(404, "There is no such account link.")
        return found

    def show(vendor: Vendor, link: Onboarding, *, done: bool) -> HTMLResponse:
        merchant = parts.state.accounts[vendor.account].merchant_name
        html = templates.get_template("onboarding.html.j2").render(
            vendor=vendor, merchant=merchant, token=link["token"], back=link["return_url"], done=done
        )
        return HTMLResponse(html, 200, HEADERS)

    @routes.get("/onboarding/{token}")
    async def onboard(token: str) -> Response:
        """A second visit, or a late one, is sent back for a new link."""
        vendor, link = find(token)
        if not parts.vendors.visited(vendor, link):
            return RedirectResponse(link["refresh_url"], 303)
        return show(vendor, link, done=False)

    @routes.post("/onboarding/{token}/done")
    async def submit(token: str, action: Annotated[Literal["complete", "restrict", "later"], Form()]) -> HTMLResponse:
        vendor, link = find(token)
        if action != "later":
            parts.vendors.become(vendor, "active" if action == "complete" else "restricted")
        return show(vendor, link, done=True)

    return routes
