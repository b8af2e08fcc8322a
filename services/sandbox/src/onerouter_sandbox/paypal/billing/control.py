"""What subscribers and their banks do: approve, and fail or pay the next charge."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.paypal.billing import shapes
from onerouter_sandbox.paypal.billing.state import Books, Subscription
from onerouter_sandbox.paypal.billing.subscriptions import Subscriptions
from onerouter_sandbox.paypal.errors import NotPossible

Reason = Literal["PAYMENT_DENIED", "PAYER_CANNOT_PAY", "PAYER_ACCOUNT_RESTRICTED", "SENDING_LIMIT_EXCEEDED"]


class ApproveSubscription(BaseModel):
    model_config = ConfigDict(extra="forbid")

    failing: int = Field(0, ge=0, le=99, description="How many of the charges to come fail.")


class FailNext(BaseModel):
    model_config = ConfigDict(extra="forbid")

    times: int = Field(1, ge=0, le=99, description="How many of the charges to come fail; 0: none any more.")
    reason: Reason = "PAYMENT_DENIED"


class ChargeNow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["succeeded", "failed"] = "succeeded"
    reason: Reason = "PAYMENT_DENIED"


def router(books: Books, subscriptions: Subscriptions) -> APIRouter:
    routes = APIRouter(tags=["paypal"])

    def find(subscription_id: str) -> Subscription:
        subscription = books.subscriptions.get(subscription_id)
        if subscription is None:
            raise HTTPException(404, "There is no such subscription.")
        return subscription

    @routes.post("/subscriptions/{subscription_id}/approve")
    async def approve(
        subscription_id: str, wanted: Annotated[ApproveSubscription | None, Body()] = None
    ) -> dict[str, Any]:
        """Agree to a subscription, or to the change that waits, as the payer would on the page."""
        subscription = find(subscription_id)
        try:
            subscriptions.approve(subscription, failing=0 if wanted is None else wanted.failing)
        except NotPossible as problem:
            raise HTTPException(409, str(problem)) from problem
        return shapes.subscription(subscription, ("last_failed_payment",))

    @routes.post("/subscriptions/{subscription_id}/fail-next")
    async def fail_next(subscription_id: str, wanted: Annotated[FailNext | None, Body()] = None) -> dict[str, Any]:
        """Have charges to come fail when they are due."""
        subscription, how = find(subscription_id), wanted or FailNext()
        subscription.failing, subscription.failing_reason = how.times, how.reason
        books.subscriptions.changed(subscription)
        return shapes.subscription(subscription, ("last_failed_payment",))

    @routes.post("/subscriptions/{subscription_id}/charge")
    async def charge(subscription_id: str, wanted: Annotated[ChargeNow | None, Body()] = None) -> dict[str, Any]:
        """Have the next cycle be billed now, and paid or not."""
        subscription, how = find(subscription_id), wanted or ChargeNow()
        subscription.failing, subscription.failing_reason = int(how.outcome == "failed"), how.reason
        try:
            subscriptions.charge_now(subscription)
        except NotPossible as problem:
            raise HTTPException(409, str(problem)) from problem
        return shapes.subscription(subscription, ("last_failed_payment",))

    return routes
