"""For the tests of your own code: OneRouter in memory, with its answers and its faults. No network, and no waiting.

    server = FakeServer()
    server.on("POST", "/v1/payments", {"id": "pay_1", "status": "succeeded"})
    server.next(timeout_after())                       # carried out, and the answer got lost
    payment = server.sync_client().payments.create(amount=499, currency="INR")
    assert len(server.effects) == 1 and len(server.calls) == 2

Signed events for the tests of your webhook handler:

    body, headers = signed_event("payment.succeeded", {"id": "pay_1", "amount_minor": 49900})
"""

from __future__ import annotations

from onerouter.testing._events import WEBHOOK_SECRET, SignedEvent, event, signed_event
from onerouter.testing._keys import API_KEY, api_key
from onerouter.testing._plays import Call, Fault, Reply, cut_off, problem, timeout_after, timeout_before, unreachable
from onerouter.testing._server import FakeServer

__all__ = [
    "API_KEY",
    "WEBHOOK_SECRET",
    "Call",
    "FakeServer",
    "Fault",
    "Reply",
    "SignedEvent",
    "api_key",
    "cut_off",
    "event",
    "problem",
    "signed_event",
    "timeout_after",
    "timeout_before",
    "unreachable",
]
