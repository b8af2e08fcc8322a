"""What customers do with subscriptions and saved methods."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import Field

from onerouter_sandbox.stripe.control.common import Pay, Wanted, known, pay, refusals
from onerouter_sandbox.stripe.parts import Parts


class Approve(Wanted):
    """A customer agrees to a subscription, and pays where something is due; `decline`: why not."""

    decline: str | None = None


class NextCharge(Wanted):
    """How the next charge of a subscription ends."""

    outcome: Literal["success", "failure"]
    decline: str = "generic_decline"


class SaveMethod(Wanted):
    """A customer's card; `decline`: why every charge of it fails. `default`: of its invoices."""

    decline: str | None = None
    default: bool = False
    metadata: dict[str, str] = Field(default_factory=dict)


class Behave(Wanted):
    decline: str | None = None


def router(parts: Parts) -> APIRouter:
    routes = APIRouter()
    billing = parts.billing

    @routes.post("/subscriptions/{subscription_id}/approve")
    async def approve(subscription_id: str, wanted: Annotated[Approve | None, Body()] = None) -> dict[str, Any]:
        """Pay the first invoice, or leave a method for after the trial, as a customer would."""
        subscription = known(billing.book.shelf.find(subscription_id), "subscription")
        word = wanted.decline if wanted else None
        setup = parts.setups.shelf.find(subscription.pending_setup)
        with refusals():
            if setup is not None:
                parts.setups.complete(setup, word=word)
            else:
                how = Pay() if word is None else Pay(outcome="failure", decline=word)
                known(pay(parts, subscription.latest_invoice or "", how), "open invoice")
        return billing.book.shown(subscription)

    @routes.post("/subscriptions/{subscription_id}/next-charge")
    async def next_charge(subscription_id: str, wanted: NextCharge) -> dict[str, Any]:
        """How the next charge ends; when it comes is the clock's affair."""
        subscription = known(billing.book.shelf.find(subscription_id), "subscription")
        subscription.declines = wanted.decline if wanted.outcome == "failure" else None
        billing.book.shelf.changed(subscription)
        return {"id": subscription.id, "declines": subscription.declines}

    @routes.post("/subscriptions/{subscription_id}/charge-now")
    async def charge_now(subscription_id: str) -> dict[str, Any]:
        """Move the account's clock to the end of the period, so that the next one is charged."""
        subscription = known(billing.book.shelf.find(subscription_id), "subscription")
        clock = parts.desk.world.clocks.of(subscription.account)
        ahead = max(0.0, subscription.period_end - clock.now())
        parts.desk.world.timers.advance(subscription.account, ahead)
        return billing.book.shown(subscription)

    @routes.post("/setup_intents/{setup_id}/complete")
    async def complete_setup(setup_id: str, wanted: Annotated[Approve | None, Body()] = None) -> dict[str, Any]:
        setup = known(parts.setups.shelf.find(setup_id), "setup intent")
        with refusals():
            return parts.setups.shown(parts.setups.complete(setup, word=wanted.decline if wanted else None))

    @routes.post("/customers/{customer_id}/payment_methods", status_code=201)
    async def save_method(customer_id: str, wanted: Annotated[SaveMethod | None, Body()] = None) -> dict[str, Any]:
        """A customer leaves a card."""
        customer = known(parts.customers.shelf.find(customer_id), "customer")
        how = wanted or SaveMethod()
        method = parts.methods.of_payment(customer.account, "card", decline=how.decline)
        method.metadata = dict(how.metadata)
        parts.methods.attach(method, customer.id)
        if how.default:
            customer.default_method = method.id
            parts.customers.changed(customer)
        return parts.methods.shown(method)

    @routes.post("/payment_methods/{method_id}/behave")
    async def behave(method_id: str, wanted: Behave) -> dict[str, Any]:
        """From now on charges of it fail with this decline code, or (null) go through."""
        method = known(parts.methods.shelf.find(method_id), "payment method")
        method.decline = wanted.decline
        parts.methods.shelf.changed(method)
        return {"id": method.id, "decline": method.decline}

    return routes
