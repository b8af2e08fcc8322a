"""Route put together."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.razorpay.route.accounts import LinkedAccounts
from onerouter_sandbox.razorpay.route.endpoints import Endpoints
from onerouter_sandbox.razorpay.route.transfers import Settled, Transfers
from onerouter_sandbox.razorpay.routing import Routes
from onerouter_sandbox.razorpay.state import State


class Decision(BaseModel):
    """`suspended` is the account's own status, the others are of its Route product."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["under_review", "needs_clarification", "activated", "suspended"] = "activated"
    reason: str = "Bank account details do not match."


class SettleTransfer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Settled = "processed"


class RouteFeature:
    """A `Feature`."""

    def __init__(self, state: State, accounts: LinkedAccounts, transfers: Transfers) -> None:
        self._accounts = accounts
        self._transfers = transfers
        self._endpoints = Endpoints(state, accounts, transfers)

    def routes(self) -> Routes:
        return self._endpoints.routes()

    def resume(self) -> None:
        for transfer in self._transfers.transfers:
            if transfer.status == "pending":
                self._transfers.settle_later(transfer)

    def control(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/linked_accounts/{linked_id}/decide")
        async def decide(linked_id: str, wanted: Annotated[Decision | None, Body()] = None) -> dict[str, Any]:
            """Say what Razorpay's reviewers say of a vendor."""
            linked = self._accounts.accounts.get(linked_id)
            product = None if linked is None else self._accounts.products.get(linked.product_id or "")
            if linked is None or product is None:
                raise HTTPException(404, "There is no such linked account, or no product was asked for it.")
            decision = wanted or Decision()
            self._accounts.suspend(linked, suspended=decision.status == "suspended")
            if decision.status != "suspended":
                self._accounts.decide(product, decision.status, decision.reason)
            return linked.shown() | {"activation_status": product.activation_status}

        @routes.post("/transfers/{transfer_id}/settle")
        async def settle(transfer_id: str, wanted: Annotated[SettleTransfer | None, Body()] = None) -> dict[str, Any]:
            """Decide a pending transfer now."""
            transfer = self._transfers.transfers.get(transfer_id)
            if transfer is None:
                raise HTTPException(404, "There is no such transfer.")
            self._transfers.settle(transfer, (wanted or SettleTransfer()).status)
            return transfer.shown()

        return routes

    def pages(self) -> APIRouter:
        return APIRouter()
