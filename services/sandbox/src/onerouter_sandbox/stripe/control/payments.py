"""What customers and banks do with payments, refunds, links and disputes."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import Field

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.control.common import Pay, Wanted, known, pay, refusals, tried
from onerouter_sandbox.stripe.parts import Parts


class Settle(Wanted):
    status: Literal["succeeded", "failed"] = "succeeded"


class OpenDispute(Wanted):
    reason: str = "fraudulent"
    amount: int | None = Field(None, ge=1)


class Resolve(Wanted):
    status: Literal["won", "lost", "under_review"]


def router(parts: Parts) -> APIRouter:
    routes = APIRouter()
    state = parts.state

    @routes.post("/payments/{payment_id}/pay")
    async def pay_payment(payment_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """Pay a PaymentIntent (in the shop's page), a Checkout Session or an invoice (on Stripe's) as a customer would."""
        with refusals():
            intent = known(pay(parts, payment_id, wanted or Pay()), "payment intent, checkout session or invoice")
        return tried(intent)

    @routes.post("/checkout/sessions/{session_id}/run-out")
    async def run_out(session_id: str) -> dict[str, Any]:
        """The session's time is over."""
        session = known(state.sessions.get(session_id), "checkout session")
        with refusals():
            parts.sessions.run_out(session)
        return {"id": session.id, "status": session.status}

    @routes.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str, wanted: Settle) -> dict[str, Any]:
        """Decide a pending refund now, or fail one that had gone through."""
        refund = known(state.refunds.get(refund_id), "refund")
        parts.refunds.settle(refund, wanted.status)
        return shapes.refund(refund)

    @routes.post("/payment_links/{link_id}/pay")
    async def pay_link(link_id: str, wanted: Annotated[Pay | None, Body()] = None) -> dict[str, Any]:
        """A payer opens the link and tries once; `session` is the visit."""
        link = known(parts.links.shelf.find(link_id), "payment link")
        session = parts.links.visit(link, link.url.removesuffix(f"/pay/{link.id}") + "/checkout")
        if session is None:
            raise HTTPException(409, "The payment link is not active.")
        how = wanted or Pay()
        intent = parts.sessions.pay(session, method=how.method, outcome=how.outcome, word=how.decline)
        return {"session": session.id, **tried(intent)}

    @routes.post("/payments/{payment_id}/dispute", status_code=201)
    async def open_dispute(payment_id: str, wanted: Annotated[OpenDispute | None, Body()] = None) -> dict[str, Any]:
        """The payer's bank takes a payment back (`pi_…` or `ch_…`)."""
        intent = state.intents.get(payment_id)
        charge = known(state.charges.get((intent and intent.latest_charge) or payment_id), "payment")
        how = wanted or OpenDispute()
        with refusals():
            return parts.disputes.shown(parts.disputes.open(charge, how.reason, how.amount))

    @routes.post("/disputes/{dispute_id}/resolve")
    async def resolve_dispute(dispute_id: str, wanted: Resolve) -> dict[str, Any]:
        dispute = known(parts.disputes.shelf.find(dispute_id), "dispute")
        with refusals():
            if wanted.status == "under_review":
                parts.disputes.review(dispute)
            else:
                parts.disputes.close(dispute, wanted.status)
        return parts.disputes.shown(dispute)

    return routes
