"""Requests that cannot be repeated under an idempotency key, and say so rather than do them twice.

What a person proves who they are with, and what they are given for it, must not be kept to be told again: a password, a
session, the secret of a second factor.
"""

from starlette.requests import Request

from onerouter_common.errors import FieldError, MalformedRequest

_KEY = "Idempotency-Key"


def takes_no_key(request: Request) -> None:
    """A FastAPI dependency. Raises MalformedRequest for a change with a key."""
    if request.method == "POST" and _KEY in request.headers:
        raise MalformedRequest(
            "This cannot be repeated under an Idempotency-Key, as nothing of it is kept: nothing was done. Leave it out.",
            code="VALIDATION_ERROR",
            errors=(FieldError("idempotency_key", "is not taken here"),),
        )
