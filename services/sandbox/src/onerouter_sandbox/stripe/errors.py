"""Stripe's error bodies. `kept`: whether the answer is remembered under the request's idempotency key.

What fails validation, meets a concurrent twin or comes too often is not kept; what an endpoint answers once it has begun is.
"""

import json
from typing import Any, Final

from onerouter_sandbox.wire import Reply

INVALID: Final = "invalid_request_error"


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, error: dict[str, Any], *, kept: bool = False) -> None:
        super().__init__(error["message"])
        self.status = status
        self.error = error
        self.kept = kept

    @property
    def reply(self) -> Reply:
        return Reply(self.status, json.dumps({"error": self.error}, ensure_ascii=False).encode())


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> Refused:
    """A request that does not pass validation."""
    return Refused(status, _error(message, param=param, code=code))


def impossible(message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> Refused:
    """A valid request that the object's state does not allow."""
    return Refused(400, _error(message, param=param, code=code, **more), kept=True)


def missing(param: str) -> Refused:
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def unknown(param: str) -> Refused:
    return invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def no_such(kind: str, thing_id: str, *, param: str) -> Refused:
    return invalid(f"No such {kind}: '{thing_id}'", param=param, code="resource_missing", status=404)


def no_such_url(method: str, path: str) -> Refused:
    return invalid(f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs.", status=404)


def unauthorized(message: str) -> Refused:
    return invalid(message, status=401)


def key_in_use() -> Refused:
    message = "There is currently another in-progress request using this Idempotent Key. Please try again later."
    return invalid(message, code="idempotency_key_in_use", status=409)


def key_reused(key: str) -> Refused:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return Refused(400, {"type": "idempotency_error", "message": message})


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    if status == 429:
        return invalid("Request rate limit exceeded.", code="rate_limit", status=429).reply
    return broken(status).reply


def broken(status: int = 500) -> Refused:
    """Something went wrong inside; what was done, was done, and the answer is kept."""
    message = "An unknown error occurred. Please try again, or contact support."
    return Refused(status, {"type": "api_error", "message": message}, kept=True)


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"type": INVALID, "message": message, **{name: value for name, value in more.items() if value is not None}}
