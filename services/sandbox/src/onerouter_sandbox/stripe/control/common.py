"""What the control routes have in common: how a customer pays, and how the state's refusals are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.parts import Parts
from onerouter_sandbox.stripe.paying import Method, Outcome
from onerouter_sandbox.stripe.state import Intent

T = TypeVar("T")


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pay(Wanted):
    """One try of a customer; `decline`: the decline code it fails with."""

    method: Method = "card"
    outcome: Outcome = "success"
    decline: str = "generic_decline"


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
def refusals() -> Iterator[None]:
    """What the state does not allow is a 409."""
    try:
        yield
    except Refused as refusal:
        raise HTTPException(409, str(refusal)) from refusal


def known(thing: T | None, name: str) -> T:
    if thing is None:
        raise HTTPException(404, f"There is no such {name}.")
    return thing


def tried(intent: Intent) -> dict[str, Any]:
    return {
        "payment_intent": intent.id,
        "status": intent.status,
        "charge": intent.latest_charge,
        "error": intent.last_payment_error,
    }
