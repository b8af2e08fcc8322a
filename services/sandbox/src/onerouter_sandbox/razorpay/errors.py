"""Razorpay's error bodies. Nearly everything is a 400; the reason tells."""

import json
from typing import Any, Final

from onerouter_sandbox.wire import Reply

INVALID: Final = "input_validation_failed"


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(error["description"])
        self.status = status
        self.error = error

    @property
    def reply(self) -> Reply:
        return Reply(self.status, json.dumps({"error": self.error}, ensure_ascii=False).encode())


def refused(
    description: str,
    *,
    field: str | None = None,
    reason: str = INVALID,
    status: int = 400,
    metadata: dict[str, str] | None = None,
) -> Refused:
    """A BAD_REQUEST_ERROR in the shape of https://razorpay.com/docs/errors/."""
    error: dict[str, Any] = {
        "code": "BAD_REQUEST_ERROR",
        "description": description,
        "source": "business",
        "step": "payment_initiation",
        "reason": reason,
        "metadata": metadata or {},
    }
    if field is not None:
        error["field"] = field
    return Refused(status, error)


def unnamed(description: str, *, status: int = 400) -> Refused:
    """An error without a reason, as Razorpay answers to unknown ids, paths and keys."""
    error = {
        "code": "BAD_REQUEST_ERROR",
        "description": description,
        "source": "NA",
        "step": "NA",
        "reason": "NA",
        "metadata": {},
    }
    return Refused(status, error)


def unauthorized(description: str) -> Refused:
    return Refused(401, {"code": "BAD_REQUEST_ERROR", "description": description})


def no_such_id() -> Refused:
    return unnamed("The id provided does not exist")


def no_such_url(status: int) -> Refused:
    return unnamed("The requested URL was not found on the server.", status=status)


def key_in_flight() -> Refused:
    return refused("Another request with the same idempotency key is in progress.", status=409, reason="conflict")


def key_reused() -> Refused:
    return refused("Different request with the same idempotency key has already been processed.")


def order_already_paid(order_id: str) -> Refused:
    return refused("Payment already done for this order.", reason="order_already_paid", metadata={"order_id": order_id})


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    if status == 429:
        return unnamed("Too many requests", status=429).reply
    return Refused(
        status,
        {
            "code": "SERVER_ERROR",
            "description": "We are facing some trouble completing your request at the moment. Please try again shortly.",
            "source": "internal",
            "step": "NA",
            "reason": "server_error",
            "metadata": {},
        },
    ).reply
