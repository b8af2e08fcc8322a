"""Stripe's part of the control API: accounts, and what customers, banks and bad days do."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.intents import Intents, Method, Outcome
from onerouter_sandbox.stripe.refunds import Refunds
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.state import Intent, State


class Pay(BaseModel):
    """One try of a customer; `decline`: the decline code it fails with."""

    model_config = ConfigDict(extra="forbid")

    method: Method = "card"
    outcome: Outcome = "success"
    decline: str = "generic_decline"


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["succeeded", "failed"] = "succeeded"


class Break(BaseModel):
    """The next call of this operation answers 500 from inside, which its idempotency key remembers."""

    model_config = ConfigDict(extra="forbid")

    operation: str
    effect: bool = False


def router(state: State, intents: Intents, sessions: Sessions, refunds: Refunds) -> APIRouter:
    routes = APIRouter(tags=["stripe"])
    routes.include_router(_accounts(state))

    @routes.post("/payments/{payment_id}/pay")
    async def pay_payment(payment_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """Pay a PaymentIntent (in the shop's page) or a Checkout Session (on Stripe's) as a customer would."""
        how = wanted or Pay()
        try:
            intent = pay(state, intents, sessions, payment_id, how)
        except Refused as refusal:
            raise HTTPException(409, str(refusal)) from refusal
        if intent is None:
            raise HTTPException(404, "There is no such payment intent or checkout session.")
        return {
            "payment_intent": intent.id,
            "status": intent.status,
            "charge": intent.latest_charge,
            "error": intent.last_payment_error,
        }

    @routes.post("/checkout/sessions/{session_id}/run-out")
    async def run_out(session_id: str) -> dict[str, Any]:
        """The session's time is over."""
        session = state.sessions.get(session_id)
        if session is None:
            raise HTTPException(404, "There is no such checkout session.")
        try:
            sessions.run_out(session)
        except Refused as refusal:
            raise HTTPException(409, str(refusal)) from refusal
        return {"id": session.id, "status": session.status}

    @routes.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str, wanted: Settle) -> dict[str, Any]:
        """Decide a pending refund now, or fail one that had gone through."""
        refund = state.refunds.get(refund_id)
        if refund is None:
            raise HTTPException(404, "There is no such refund.")
        refunds.settle(refund, wanted.status)
        return shapes.refund(refund)

    return routes


def pay(state: State, intents: Intents, sessions: Sessions, payment_id: str, how: Pay) -> Intent | None:
    """What the payer's try made of the intent; None when nothing has this id. Raises Refused."""
    session, intent = state.sessions.get(payment_id), state.intents.get(payment_id)
    if session is not None:
        return sessions.pay(session, method=how.method, outcome=how.outcome, word=how.decline)
    if intent is None:
        return None
    return intents.pay(intent, method=how.method, outcome=how.outcome, word=how.decline)


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
