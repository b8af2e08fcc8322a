"""Stripe's part of the control API: accounts, and what customers, banks and bad days do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.parts import Parts
from onerouter_sandbox.stripe.paying import Method, Outcome
from onerouter_sandbox.stripe.state import Intent, State

T = TypeVar("T")


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pay(Wanted):
    """One try of a customer; `decline`: the decline code it fails with."""

    method: Method = "card"
    outcome: Outcome = "success"
    decline: str = "generic_decline"


class Settle(Wanted):
    status: Literal["succeeded", "failed"] = "succeeded"


class Break(Wanted):
    """The next call of this operation answers 500 from inside, which its idempotency key remembers."""

    operation: str
    effect: bool = False


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


class OpenDispute(Wanted):
    reason: str = "fraudulent"
    amount: int | None = Field(None, ge=1)


class Resolve(Wanted):
    status: Literal["won", "lost", "under_review"]


class Become(Wanted):
    state: Literal["active", "restricted"]


class SettlePayout(Wanted):
    status: Literal["paid", "failed"] = "paid"
    failure: str = "account_closed"


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["stripe"])
    for some in (_accounts(parts.state), _payments(parts), _billing(parts), _marketplace(parts)):
        routes.include_router(some)
    return routes


def pay(parts: Parts, payment_id: str, how: Pay) -> Intent | None:
    """What the payer's try made of the intent; None when nothing has this id. Raises Refused."""
    state = parts.state
    invoice = parts.billing.invoices.shelf.find(payment_id)
    session, intent = state.sessions.get(payment_id), state.intents.get(payment_id)
    if session is not None:
        return parts.sessions.pay(session, method=how.method, outcome=how.outcome, word=how.decline)
    if invoice is not None:
        intent = state.intents.get(invoice.intent or "")
    if intent is None:
        return None
    return parts.intents.pay(intent, method=how.method, outcome=how.outcome, word=how.decline)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the state does not allow is a 409."""
    try:
        yield
    except Refused as refusal:
        raise HTTPException(409, str(refusal)) from refusal


def _known(thing: T | None, name: str) -> T:
    if thing is None:
        raise HTTPException(404, f"There is no such {name}.")
    return thing


def _payments(parts: Parts) -> APIRouter:
    routes = APIRouter()
    state = parts.state

    @routes.post("/payments/{payment_id}/pay")
    async def pay_payment(payment_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """Pay a PaymentIntent (in the shop's page), a Checkout Session or an invoice (on Stripe's) as a customer would."""
        with _refusals():
            intent = _known(pay(parts, payment_id, wanted or Pay()), "payment intent, checkout session or invoice")
        return _tried(intent)

    @routes.post("/checkout/sessions/{session_id}/run-out")
    async def run_out(session_id: str) -> dict[str, Any]:
        """The session's time is over."""
        session = _known(state.sessions.get(session_id), "checkout session")
        with _refusals():
            parts.sessions.run_out(session)
        return {"id": session.id, "status": session.status}

    @routes.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str, wanted: Settle) -> dict[str, Any]:
        """Decide a pending refund now, or fail one that had gone through."""
        refund = _known(state.refunds.get(refund_id), "refund")
        parts.refunds.settle(refund, wanted.status)
        return shapes.refund(refund)

    @routes.post("/payment_links/{link_id}/pay")
    async def pay_link(link_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """A payer opens the link and tries once; `session` is the visit."""
        link = _known(parts.links.shelf.find(link_id), "payment link")
        session = parts.links.visit(link, link.url.removesuffix(f"/pay/{link.id}") + "/checkout")
        if session is None:
            raise HTTPException(409, "The payment link is not active.")
        how = wanted or Pay()
        intent = parts.sessions.pay(session, method=how.method, outcome=how.outcome, word=how.decline)
        return {"session": session.id, **_tried(intent)}

    @routes.post("/payments/{payment_id}/dispute", status_code=201)
    async def open_dispute(payment_id: str, wanted: Annotated[OpenDispute | None, Body()] = None) -> dict[str, Any]:
        """The payer's bank takes a payment back (`pi_…` or `ch_…`)."""
        intent = state.intents.get(payment_id)
        charge = _known(state.charges.get((intent and intent.latest_charge) or payment_id), "payment")
        how = wanted or OpenDispute()
        with _refusals():
            return parts.disputes.shown(parts.disputes.open(charge, how.reason, how.amount))

    @routes.post("/disputes/{dispute_id}/resolve")
    async def resolve_dispute(dispute_id: str, wanted: Resolve) -> dict[str, Any]:
        dispute = _known(parts.disputes.shelf.find(dispute_id), "dispute")
        with _refusals():
            if wanted.status == "under_review":
                parts.disputes.review(dispute)
            else:
                parts.disputes.close(dispute, wanted.status)
        return parts.disputes.shown(dispute)

    return routes


def _billing(parts: Parts) -> APIRouter:
    routes = APIRouter()
    billing = parts.billing

    @routes.post("/subscriptions/{subscription_id}/approve")
    async def approve(subscription_id: str, wanted: Annotated[Approve | None, Body()] = None) -> dict[str, Any]:
        """Pay the first invoice, or leave a method for after the trial, as a customer would."""
        subscription = _known(billing.book.shelf.find(subscription_id), "subscription")
        word = wanted.decline if wanted else None
        setup = parts.setups.shelf.find(subscription.pending_setup)
        with _refusals():
            if setup is not None:
                parts.setups.complete(setup, word=word)
            else:
                how = Pay() if word is None else Pay(outcome="failure", decline=word)
                _known(pay(parts, subscription.latest_invoice or "", how), "open invoice")
        return billing.book.shown(subscription)

    @routes.post("/subscriptions/{subscription_id}/next-charge")
    async def next_charge(subscription_id: str, wanted: NextCharge) -> dict[str, Any]:
        """How the next charge ends; when it comes is the clock's affair."""
        subscription = _known(billing.book.shelf.find(subscription_id), "subscription")
        subscription.declines = wanted.decline if wanted.outcome == "failure" else None
        billing.book.shelf.changed(subscription)
        return {"id": subscription.id, "declines": subscription.declines}

    @routes.post("/subscriptions/{subscription_id}/charge-now")
    async def charge_now(subscription_id: str) -> dict[str, Any]:
        """Move the account's clock to the end of the period, so that the next one is charged."""
        subscription = _known(billing.book.shelf.find(subscription_id), "subscription")
        clock = parts.desk.world.clocks.of(subscription.account)
        ahead = max(0.0, subscription.period_end - clock.now())
        parts.desk.world.timers.advance(subscription.account, ahead)
        return billing.book.shown(subscription)

    @routes.post("/setup_intents/{setup_id}/complete")
    async def complete_setup(setup_id: str, wanted: Annotated[Approve | None, Body()] = None) -> dict[str, Any]:
        setup = _known(parts.setups.shelf.find(setup_id), "setup intent")
        with _refusals():
            return parts.setups.shown(parts.setups.complete(setup, word=wanted.decline if wanted else None))

    @routes.post("/customers/{customer_id}/payment_methods", status_code=201)
    async def save_method(customer_id: str, wanted: Annotated[SaveMethod | None, Body()] = None) -> dict[str, Any]:
        """A customer leaves a card."""
        customer = _known(parts.customers.shelf.find(customer_id), "customer")
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
        method = _known(parts.methods.shelf.find(method_id), "payment method")
        method.decline = wanted.decline
        parts.methods.shelf.changed(method)
        return {"id": method.id, "decline": method.decline}

    return routes


def _marketplace(parts: Parts) -> APIRouter:
    routes = APIRouter()

    @routes.post("/vendors/{vendor_id}/become")
    async def become(vendor_id: str, wanted: Become) -> dict[str, Any]:
        """A connected account is through with its onboarding, or has to answer for something."""
        vendor = _known(parts.vendors.shelf.find(vendor_id), "connected account")
        parts.vendors.become(vendor, wanted.state)
        return parts.vendors.shown(vendor)

    @routes.post("/transfers/{transfer_id}/fail")
    async def fail_transfer(transfer_id: str) -> dict[str, Any]:
        """Stripe's transfers do not fail once made: what is left of it is reversed."""
        transfer = _known(parts.transfers.shelf.find(transfer_id), "transfer")
        with _refusals():
            parts.transfers.reverse(transfer, None, {})
        return parts.transfers.shown(transfer)

    @routes.post("/payouts/{payout_id}/settle")
    async def settle_payout(payout_id: str, wanted: Annotated[SettlePayout | None, Body()] = None) -> dict[str, Any]:
        payout = _known(parts.payouts.shelf.find(payout_id), "payout")
        how = wanted or SettlePayout()
        with _refusals():
            parts.payouts.settle(payout, how.status, how.failure)
        return parts.payouts.shown(payout)

    return routes


def _accounts(state: State) -> APIRouter:
    routes = APIRouter()

    @routes.post("/accounts", status_code=201)
    async def put_stripe_account(account: Account) -> dict[str, Any]:
        """Register an account, or replace what was registered under its id (or, without an id, its secret key)."""
        known = state.by_secret_key.get(account.secret_key)
        if known is not None and "account_id" not in account.model_fields_set:
            account = account.model_copy(update={"account_id": known.account_id})
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_stripe_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.delete("/accounts/{account_id}")
    async def remove_stripe_account(account_id: str) -> dict[str, Any]:
        if not state.remove_account(account_id):
            raise HTTPException(404, "There is no such account.")
        return {"deleted": True}

    @routes.post("/accounts/{account_id}/break")
    async def break_call(account_id: str, wanted: Break) -> dict[str, Any]:
        """Ask for a 500 that is remembered; a fault's 500 comes from a proxy in front and is not."""
        state.breaking[account_id, wanted.operation] = wanted.effect
        return {"breaking": wanted.operation}

    return routes


def _tried(intent: Intent) -> dict[str, Any]:
    return {
        "payment_intent": intent.id,
        "status": intent.status,
        "charge": intent.latest_charge,
        "error": intent.last_payment_error,
    }
