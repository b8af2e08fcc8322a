"""Payouts put together. PayPal knows their request ids, and the sender's batch ids, for 30 days."""

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.errors import NotPossible
from onerouter_sandbox.paypal.listing import parse_listing
from onerouter_sandbox.paypal.payouts import shapes
from onerouter_sandbox.paypal.payouts.payouts import KEPT_S, Payouts
from onerouter_sandbox.paypal.payouts.validation import batch_request
from onerouter_sandbox.paypal.routing import Asked, Repeats, Route, Table
from onerouter_sandbox.paypal.shapes import answer
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World


class SettleItem(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["SUCCESS", "FAILED", "UNCLAIMED", "RETURNED", "ONHOLD", "BLOCKED", "REFUNDED"]


class PayoutFeature:
    """A `Feature`."""

    def __init__(self, state: State, world: World, webhooks: Webhooks, repeats: Repeats) -> None:
        self._payouts = Payouts(state, world, webhooks)
        self._repeats = repeats

    @property
    def routes(self) -> Table:
        return {
            "POST v1/payments/payouts": Route("payouts.create", self.create),
            "GET v1/payments/payouts/:id": Route("payouts.get", self.get),
            "GET v1/payments/payouts-item/:id": Route("payouts-item.get", self.get_item),
            "POST v1/payments/payouts-item/:id/cancel": Route("payouts-item.cancel", self.cancel_item),
        }

    def resume(self) -> None:
        self._payouts.resume()

    def pages(self) -> APIRouter:
        """Nobody looks at payouts."""
        return APIRouter()

    def create(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "payouts.create")

        def make() -> str:
            return self._payouts.create(asked.account, batch_request(body), asked.base).id

        def show(batch_id: str) -> dict[str, Any]:
            return shapes.created(self._payouts.batch(asked.account, batch_id))

        return self._repeats.once("payouts.create", asked, KEPT_S, make, show, minimal=None, most=1_000)

    def get(self, asked: Asked) -> Reply:
        batch = self._payouts.batch(asked.account, asked.id)
        listing = parse_listing(asked, "payouts.get", most=1_000, default=1_000)
        items = self._payouts.items_of(batch)
        page = items[(listing.number - 1) * listing.size : listing.number * listing.size]
        return answer(200, shapes.batch(batch, items, (page, max(1, -(-len(items) // listing.size)))))

    def get_item(self, asked: Asked) -> Reply:
        item = self._payouts.item(asked.account, asked.id)
        return answer(200, shapes.item(item, self._payouts.batch_of(item)))

    def cancel_item(self, asked: Asked) -> Reply:
        item = self._payouts.item(asked.account, asked.id)
        self._payouts.cancel(item)
        return answer(200, shapes.item(item, self._payouts.batch_of(item)))

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["paypal"])

        @routes.post("/payouts-items/{item_id}/settle")
        async def settle(item_id: str, wanted: SettleItem) -> dict[str, Any]:
            """Decide what becomes of an item: a pending one is paid or fails, an unclaimed one is claimed or goes back."""
            item = self._payouts.items.get(item_id)
            if item is None:
                raise HTTPException(404, "There is no such item.")
            try:
                self._payouts.settle(item, wanted.status)
            except NotPossible as problem:
                raise HTTPException(409, str(problem)) from problem
            return shapes.item(item, self._payouts.batch_of(item))

        return routes
