"""What a request says about how it is to be carried out: its idempotency key and its patience. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers

from onerouter_common.errors import FieldError, MalformedRequest

_KEY: Final = re.compile(r"^[ -~]{1,255}$")
_WAIT: Final = re.compile(r"^[0-9]{1,9}$", re.ASCII)


def idempotency_key(headers: Headers, body: Mapping[str, Any]) -> str | None:
    """From the header or the body's `idempotency_key`. Raises MalformedRequest when there are several and they differ."""
    several = headers.getlist("idempotency-key")
    given = several[0] if several else None
    in_body = body.get("idempotency_key")
    for one in several:
        _check("Idempotency-Key", one)
        if one != given:
            raise MalformedRequest(
                "There are several Idempotency-Key headers, and they differ; send one of them.",
                code="VALIDATION_ERROR",
                errors=(FieldError("idempotency_key", "differs from another Idempotency-Key header"),),
            )
    if in_body is None:
        return given
    _check("idempotency_key", in_body)
    if given is not None and given != in_body:
        raise MalformedRequest(
            "The Idempotency-Key header and the body's idempotency_key differ; send one of them, or the same in both.",
            code="VALIDATION_ERROR",
            errors=(FieldError("idempotency_key", "differs from the Idempotency-Key header"),),
        )
    return str(in_body)


def is_key(value: object) -> bool:
    """Whether anything can have been asked for under it."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None and value == value.strip()


def _check(field: str, value: object) -> None:
    if not is_key(value):
        raise MalformedRequest(
            f"{field} must have 1 to 255 printable ASCII characters.",
            code="VALIDATION_ERROR",
            errors=(FieldError("idempotency_key", "must have 1 to 255 printable ASCII characters"),),
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the caller wants to wait, and whether it said that it does not want to (`respond-async`)."""

    wait_s: float
    respond_async: bool = False


NOT_WAITING: Final = Patience(0.0, respond_async=True)


def patience(prefer: str, *, default_s: float, most_s: float) -> Patience:
    """From the `Prefer` header (RFC 7240). What is not understood is ignored, as the RFC asks."""
    wait_s: float | None = None
    respond_async = False
    for preference in re.split(r"[,;]", prefer):
        name, _, value = preference.strip().partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "respond-async":
            respond_async = True
        elif name.strip().lower() == "wait" and _WAIT.match(value) is not None:
            wait_s = min(float(value), most_s)
    if wait_s is None:
        wait_s = 0.0 if respond_async else default_s
    return Patience(wait_s, respond_async)
