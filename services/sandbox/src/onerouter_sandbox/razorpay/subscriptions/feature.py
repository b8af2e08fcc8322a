"""Subscriptions put together: API, control, and the page on which a customer authorizes."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Form, HTTPException
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.currencies import display
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.failures import error_of
from onerouter_sandbox.razorpay.pages import REASONS, Pages
from onerouter_sandbox.razorpay.routing import Routes
from onerouter_sandbox.razorpay.shapes import signature
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.razorpay.subscriptions import shapes
from onerouter_sandbox.razorpay.subscriptions.authorization import AuthorizationMethod, Authorizations
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.changes import Changes
from onerouter_sandbox.razorpay.subscriptions.endpoints import Endpoints
from onerouter_sandbox.razorpay.subscriptions.lifecycle import Lifecycle
from onerouter_sandbox.razorpay.subscriptions.model import Subscription
from onerouter_sandbox.razorpay.subscriptions.store import Store


class Authorize(BaseModel):
    """`card` is an international one: Razorpay changes no plan that a domestic card or UPI pays for."""

    model_config = ConfigDict(extra="forbid")

    method: AuthorizationMethod = "card"
    outcome: Literal["success", "failure"] = "success"
    error_reason: str = "payment_failed"


class NextCharges(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["success", "failure"] = "failure"
    times: int | None = Field(None, ge=1, description="How many of the next charges fail; unset: all.")
    error_reason: str = "insufficient_funds"


class SubscriptionsFeature:
    """A `Feature`."""

    def __init__(
        self,
        state: State,
        store: Store,
        billing: Billing,
        lifecycle: Lifecycle,
        authorizations: Authorizations,
        changes: Changes,
        pages: Pages,
    ) -> None:
        self._state = state
        self._billing = billing
        self._store = store
        self._lifecycle = lifecycle
        self._authorizations = authorizations
        self._endpoints = Endpoints(store, billing, lifecycle, changes)
        self._pages = pages

    def routes(self) -> Routes:
        return self._endpoints.routes()

    def resume(self) -> None:
        for subscription in self._store.subscriptions:
            self._lifecycle.wake_later(subscription)

    def control(self) -> APIRouter:
        routes = APIRouter(prefix="/subscriptions/{subscription_id}")

        @routes.post("/authorize")
        async def authorize(subscription_id: str, wanted: Annotated[Authorize | None, Body()] = None) -> dict[str, Any]:
            """Agree to a subscription as its customer would on the hosted page, paying what is due at once."""
            subscription, account = self._find(subscription_id)
            how = wanted or Authorize()
            failure = how.error_reason if how.outcome == "failure" else None
            try:
                self._authorizations.authorize(subscription, account, how.method, failure)
            except Refused as refusal:
                raise HTTPException(409, str(refusal)) from refusal
            return self._shown(subscription) | self._handed(subscription, account)

        @routes.post("/next_charges")
        async def next_charges(
            subscription_id: str, wanted: Annotated[NextCharges | None, Body()] = None
        ) -> dict[str, Any]:
            """Say how the next charges end; the account's clock makes them."""
            subscription, _ = self._find(subscription_id)
            how = wanted or NextCharges()
            subscription.failures_left = 0 if how.outcome == "success" else how.times or -1
            subscription.failure_reason = how.error_reason
            self._lifecycle.changed(subscription)
            return self._shown(subscription)

        @routes.post("/retry")
        async def retry(subscription_id: str) -> dict[str, Any]:
            """Charge the open invoice of a pending or halted subscription now, as after a change of the card."""
            subscription, _ = self._find(subscription_id)
            try:
                payment = self._lifecycle.retry(subscription)
            except Refused as refusal:
                raise HTTPException(409, str(refusal)) from refusal
            return self._shown(subscription) | {"payment_id": payment.id, "payment_status": payment.status}

        return routes

    def pages(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.get("/subscriptions/{subscription_id}")
        async def show(subscription_id: str) -> HTMLResponse:
            return self._page(*self._find(subscription_id))

        @routes.post("/subscriptions/{subscription_id}/authorize")
        async def authorize(
            subscription_id: str,
            action: Annotated[Literal["success", "fail", "cancel"], Form()],
            method: Annotated[AuthorizationMethod, Form()] = "card",
        ) -> HTMLResponse:
            subscription, account = self._find(subscription_id)
            try:
                failed = self._authorizations.authorize(subscription, account, method, REASONS.get(action))
            except Refused as refusal:
                return self._page(subscription, account, status=409, problem=str(refusal))
            if failed is not None:
                return self._page(subscription, account, failed=error_of(failed)["description"])
            return self._page(subscription, account)

        return routes

    def _find(self, subscription_id: str) -> tuple[Subscription, Account]:
        subscription = self._store.subscriptions.get(subscription_id)
        account = None if subscription is None else self._state.accounts.get(subscription.account)
        if subscription is None or account is None:
            raise HTTPException(404, "There is no such subscription.")
        return subscription, account

    def _shown(self, subscription: Subscription) -> dict[str, Any]:
        return shapes.shown(subscription, self._store.plan_of(subscription))

    def _handed(self, subscription: Subscription, account: Account) -> dict[str, str]:
        """What Checkout hands to the shop's page after an authorization that was paid for."""
        payment_id = self._billing.first_payment_id(subscription)
        if payment_id is None:
            return {}
        return {
            "razorpay_payment_id": payment_id,
            "razorpay_subscription_id": subscription.id,
            "razorpay_signature": signature(account.key_secret, f"{payment_id}|{subscription.id}".encode()),
        }

    def _page(self, subscription: Subscription, account: Account, *, status: int = 200, **more: object) -> HTMLResponse:
        plan = self._store.plan_of(subscription)
        starts = None if subscription.start_at is None else datetime.fromtimestamp(subscription.start_at, UTC)
        due = self._authorizations.upfront(subscription)
        return self._pages.show(
            "subscription",
            status=status,
            subscription=subscription,
            plan=plan,
            merchant=account.merchant_name,
            amount=display(plan.amount * subscription.quantity, plan.currency),
            every=plan.period if plan.interval == 1 else f"{plan.period} × {plan.interval}",
            upfront=display(due, plan.currency) if due else None,
            starts=None if starts is None else f"{starts:%d %B %Y}",
            **more,
        )
