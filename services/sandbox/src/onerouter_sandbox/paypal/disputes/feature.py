"""Disputes put together."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.paypal.billing.state import Books
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.disputes import shapes
from onerouter_sandbox.paypal.disputes.disputes import Disputes
from onerouter_sandbox.paypal.disputes.state import Dispute
from onerouter_sandbox.paypal.errors import NotPossible, bad_request
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.listing import parse_listing
from onerouter_sandbox.paypal.routing import Asked, Route, Table
from onerouter_sandbox.paypal.shapes import answer, link
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World

_LIST = "disputes.list"


class OpenDispute(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: int | None = Field(None, ge=1, description="In minor units; all of it unless given.")
    reason: Literal[
        "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
        "UNAUTHORISED",
        "CREDIT_NOT_PROCESSED",
        "DUPLICATE_TRANSACTION",
        "OTHER",
    ] = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
    stage: Literal["INQUIRY", "CHARGEBACK"] = "INQUIRY"


class MoveDispute(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["WAITING_FOR_SELLER_RESPONSE", "WAITING_FOR_BUYER_RESPONSE", "UNDER_REVIEW"]


class ResolveDispute(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["won", "lost", "canceled"] = "won"


class DisputeFeature:
    """A `Feature`."""

    def __init__(self, state: State, world: World, webhooks: Webhooks, books: Books) -> None:
        self._disputes = Disputes(state, world, webhooks, books)

    @property
    def routes(self) -> Table:
        return {
            "GET v1/customer/disputes": Route(_LIST, self.list),
            "GET v1/customer/disputes/:id": Route("disputes.get", self.get),
        }

    def resume(self) -> None:
        """Nothing waits."""

    def pages(self) -> APIRouter:
        """Buyers open disputes elsewhere."""
        return APIRouter()

    def get(self, asked: Asked) -> Reply:
        return answer(200, shapes.dispute(self._disputes.get(asked.account, asked.id)))

    def list(self, asked: Asked) -> Reply:
        """Newest first; the token of the next page is where it begins. An empty list has no `items`."""
        query, listing = Fields(asked.query, _LIST), parse_listing(asked, _LIST, most=50)
        start, before = query.moment("start_time"), query.moment("update_time_before")
        after, of = query.moment("update_time_after"), asked.query.get("disputed_transaction_id")
        states = [word for word in asked.query.get("dispute_state", "").split(",") if word]
        found = [
            shapes.listed(one)
            for one in list(self._disputes.store.of(asked.account))[::-1]
            if of in (None, one.transaction)
            and (not states or shapes.state_of(one) in states)
            and (start is None or int(one.created_at) >= start)
            and (after is None or int(one.updated_at) >= after)
            and (before is None or int(one.updated_at) <= before)
        ]
        first = _place(asked.query.get("next_page_token"))
        items, here = found[first : first + listing.size], f"{asked.base}/v1/customer/disputes"
        links = [link(here, "self")]
        if first + listing.size < len(found):
            token = base64.b64encode(str(first + listing.size).encode()).decode()
            links.append(link(f"{here}?page_size={listing.size}&next_page_token={token}", "next"))
        return answer(200, {**({"items": items} if items else {}), "links": links})

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["paypal"])

        @routes.post("/captures/{capture_id}/dispute", status_code=201)
        @routes.post("/sales/{capture_id}/dispute", status_code=201)
        async def open_dispute(capture_id: str, wanted: Annotated[OpenDispute | None, Body()] = None) -> dict[str, Any]:
            """A buyer disputes a capture, or a subscriber a sale."""
            how = wanted or OpenDispute()
            try:
                dispute = self._disputes.open(capture_id, how.amount, how.reason, how.stage)
            except NotPossible as problem:
                raise HTTPException(409, str(problem)) from problem
            if dispute is None:
                raise HTTPException(404, "There is no such payment.")
            return shapes.dispute(dispute)

        @routes.post("/disputes/{dispute_id}/move")
        async def move(dispute_id: str, wanted: MoveDispute) -> dict[str, Any]:
            """Who has to act now."""
            return self._decide(dispute_id, lambda dispute: self._disputes.move(dispute, wanted.status))

        @routes.post("/disputes/{dispute_id}/resolve")
        async def resolve(dispute_id: str, wanted: Annotated[ResolveDispute | None, Body()] = None) -> dict[str, Any]:
            """Won is in the merchant's favour; lost gives the money back to the buyer."""
            outcome = (wanted or ResolveDispute()).outcome
            return self._decide(dispute_id, lambda dispute: self._disputes.resolve(dispute, outcome))

        return routes

    def _decide(self, dispute_id: str, act: Callable[[Dispute], None]) -> dict[str, Any]:
        dispute = self._disputes.store.get(dispute_id)
        if dispute is None:
            raise HTTPException(404, "There is no such dispute.")
        try:
            act(dispute)
        except NotPossible as problem:
            raise HTTPException(409, str(problem)) from problem
        return shapes.dispute(dispute)


def _place(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return max(0, int(base64.b64decode(token, validate=True)))
    except (binascii.Error, ValueError) as problem:
        raise bad_request("INVALID_PARAMETER_VALUE", "next_page_token", _LIST, token[:100]) from problem
