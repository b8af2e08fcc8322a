"""What becomes of vendors, transfers and payouts."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body

from onerouter_sandbox.stripe.control.common import Wanted, known, refusals
from onerouter_sandbox.stripe.parts import Parts


class Become(Wanted):
    state: Literal["active", "restricted"]


class SettlePayout(Wanted):
    status: Literal["paid", "failed"] = "paid"
    failure: str = "account_closed"


def router(parts: Parts) -> APIRouter:
    routes = APIRouter()

    @routes.post("/vendors/{vendor_id}/become")
    async def become(vendor_id: str, wanted: Become) -> dict[str, Any]:
        """A connected account is through with its onboarding, or has to answer for something."""
        vendor = known(parts.vendors.shelf.find(vendor_id), "connected account")
        parts.vendors.become(vendor, wanted.state)
        return parts.vendors.shown(vendor)

    @routes.post("/transfers/{transfer_id}/fail")
    async def fail_transfer(transfer_id: str) -> dict[str, Any]:
        """Stripe's transfers do not fail once made: what is left of it is reversed."""
        transfer = known(parts.transfers.shelf.find(transfer_id), "transfer")
        with refusals():
            parts.transfers.reverse(transfer, None, {})
        return parts.transfers.shown(transfer)

    @routes.post("/payouts/{payout_id}/settle")
    async def settle_payout(payout_id: str, wanted: Annotated[SettlePayout | None, Body()] = None) -> dict[str, Any]:
        payout = known(parts.payouts.shelf.find(payout_id), "payout")
        how = wanted or SettlePayout()
        with refusals():
            parts.payouts.settle(payout, how.status, how.failure)
        return parts.payouts.shown(payout)

    return routes
