"""Vendor onboarding put together: routes, the vendor's page, control routes."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.paypal import hosted
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.errors import NotPossible, forbidden
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.hosted import Decided, Question, back_to
from onerouter_sandbox.paypal.partners import shapes
from onerouter_sandbox.paypal.partners.state import Vendor
from onerouter_sandbox.paypal.partners.vendors import CREATE, Standing, Vendors
from onerouter_sandbox.paypal.routing import Asked, Route, Table
from onerouter_sandbox.paypal.shapes import answer
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply

_READ = "merchant-integrations.get"


class CompleteReferral(BaseModel):
    model_config = ConfigDict(extra="forbid")

    payments_receivable: bool = True
    primary_email_confirmed: bool = True


class JudgeVendor(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Standing


class Partners:
    """A `Feature`, and the vendor's page."""

    def __init__(self, state: State, vendors: Vendors) -> None:
        self._state = state
        self._vendors = vendors

    @property
    def routes(self) -> Table:
        integrations = "GET v1/customer/partners/:id/merchant-integrations"
        return {
            "POST v2/customer/partner-referrals": Route(CREATE, self.refer),
            "GET v2/customer/partner-referrals/:id": Route("partner-referrals.get", self.get),
            integrations: Route("merchant-integrations.find", self.find_integration),
            f"{integrations}/:id": Route(_READ, self.get_integration),
        }

    def resume(self) -> None:
        """Nothing waits."""

    def refer(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, CREATE)
        return answer(201, shapes.created(self._vendors.refer(asked.account, body, asked.base)))

    def get(self, asked: Asked) -> Reply:
        return answer(200, shapes.referral(self._vendors.get(asked.account, asked.id), asked.account))

    def find_integration(self, asked: Asked) -> Reply:
        _require_partner(asked)
        tracking_id = Fields(asked.query, _READ).needed_text("tracking_id", 127)
        return answer(200, shapes.found(self._vendors.tracked(asked.account, tracking_id), asked.account))

    def get_integration(self, asked: Asked) -> Reply:
        _require_partner(asked)
        return answer(200, shapes.integration(self._vendors.merchant(asked.account, asked.ids[1]), asked.account))

    def pages(self) -> APIRouter:
        return hosted.router("/bizsignup/partner/entry", "referralToken", self)

    def ask(self, token: str) -> Question:
        vendor = self._find(token)
        open_ = vendor.merchant_id is None
        actions = (
            ("complete", "Agree and connect"),
            ("unconfirmed", "Connect, without confirming the email address"),
            ("cancel", "Go back"),
        )
        return Question(
            merchant=self._platform(vendor).merchant_name,
            headline="Connect your PayPal account",
            line=vendor.email,
            state="This account is connected",
            actions=actions if open_ else (),
        )

    def decide(self, token: str, action: str) -> Decided:
        vendor = self._find(token)
        url = vendor.given.get("partner_config_override", {}).get("return_url")
        if action == "cancel":
            return Decided(False, "Not connected", "You can connect it later.", back_to(url))
        confirmed = action == "complete"
        self._vendors.complete(vendor, receivable=confirmed, email_confirmed=confirmed)
        handed = {
            "merchantId": vendor.tracking_id or "",
            "merchantIdInPayPal": vendor.merchant_id or "",
            "permissionsGranted": "true",
            "consentStatus": "true",
            "isEmailConfirmed": str(vendor.email_confirmed).lower(),
        }
        platform = self._platform(vendor).merchant_name
        return Decided(True, "Connected", f"{platform} may take payments for you.", back_to(url, **handed))

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["paypal"])

        @routes.post("/partner-referrals/{referral_id}/complete")
        async def complete(
            referral_id: str, wanted: Annotated[CompleteReferral | None, Body()] = None
        ) -> dict[str, Any]:
            """Sign up as the vendor would on the page."""
            vendor, how = self._find(referral_id), wanted or CompleteReferral()
            try:
                self._vendors.complete(
                    vendor, receivable=how.payments_receivable, email_confirmed=how.primary_email_confirmed
                )
            except NotPossible as problem:
                raise HTTPException(409, str(problem)) from problem
            return shapes.integration(vendor, self._platform(vendor))

        @routes.post("/merchants/{merchant_id}/judge")
        async def judge(merchant_id: str, wanted: JudgeVendor) -> dict[str, Any]:
            """Active may receive money, restricted may not, revoked has left the platform."""
            for vendor in self._vendors.store:
                if vendor.merchant_id == merchant_id:
                    try:
                        self._vendors.judge(vendor, wanted.status)
                    except NotPossible as problem:
                        raise HTTPException(409, str(problem)) from problem
                    return shapes.integration(vendor, self._platform(vendor))
            raise HTTPException(404, "There is no such merchant.")

        return routes

    def _find(self, referral_id: str) -> Vendor:
        vendor = self._vendors.store.get(referral_id)
        if vendor is None:
            raise HTTPException(404, "There is no such referral.")
        return vendor

    def _platform(self, vendor: Vendor) -> Account:
        account = self._state.accounts.get(vendor.account)
        if account is None:
            raise HTTPException(404, "There is no such platform.")
        return account


def _require_partner(asked: Asked) -> None:
    """A platform asks of its own vendors only."""
    if asked.id != asked.account.merchant_id:
        raise forbidden("PERMISSION_DENIED", _READ)
