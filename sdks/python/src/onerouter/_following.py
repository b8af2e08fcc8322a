"""What became of an operation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from onerouter._answer import of_problem
from onerouter._errors import OutcomeUnknownError
from onerouter._options import RequestOptions

_FAILED: Final = frozenset({"failed", "canceled"})
_OF_ONE_REQUEST: Final = ("content-", "if-", "idempotency-key", "prefer", "range", "expect")
"""How names of headers begin that say something of one request, and nothing of the next."""


def following(options: RequestOptions | None) -> RequestOptions:
    """What was said of a call and holds for asking what became of it: whose it is, where, how often, how long one attempt."""
    kept: RequestOptions = {}
    if not options:
        return kept
    if (environment := options.get("environment")) is not None:
        kept["environment"] = environment
    if (timeout := options.get("timeout")) is not None:
        kept["timeout"] = timeout
    if (max_retries := options.get("max_retries")) is not None:
        kept["max_retries"] = max_retries
    headers = options.get("extra_headers") or {}
    if headers:
        kept["extra_headers"] = {
            name: value for name, value in headers.items() if not name.lower().startswith(_OF_ONE_REQUEST)
        }
    return kept


def ended(operation: Mapping[str, Any]) -> bool:
    """True: it has succeeded. False: not yet. Raises the error it failed with."""
    status = operation.get("status")
    if status not in _FAILED:
        return status == "succeeded"
    said = operation.get("error")
    problem: dict[str, Any] = {"effect": operation.get("effect"), "retryable": False}
    problem.update(said if isinstance(said, Mapping) else {"detail": f"The operation was {status}."})
    code = problem.get("status")
    error = of_problem(problem, status=code if isinstance(code, int) else 409)
    error.operation_id = _text(operation.get("id"))
    error.provider = error.provider or _text(operation.get("provider"))
    raise error


def not_ended(operation: Mapping[str, Any] | None, operation_id: str) -> OutcomeUnknownError:
    """`operation` as it was told last; None: it could not be asked for."""
    status = "accepted" if operation is None else operation.get("status")
    error = OutcomeUnknownError(
        f"The operation {operation_id} has not ended yet; it is {status}. It goes on: ask for it later, and do not "
        "send the request under another key."
    )
    error.operation_id = operation_id
    error.operation_status = _text(status)
    error.body = operation
    return error


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
