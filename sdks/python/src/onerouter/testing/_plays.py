"""What arrives at the server in memory, and what happens then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes
    idempotency_key: str | None

    @property
    def json(self) -> Any:
        """The body; None: there was none."""
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True)
class Reply:
    """An answer to play."""

    json: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    """In place of JSON."""


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer. `has_effect`: the request was carried out before."""

    kind: Literal["unreachable", "timeout", "cut"]
    has_effect: bool


def unreachable() -> Fault:
    """No connection: not one byte was sent."""
    return Fault("unreachable", has_effect=False)


def timeout_before() -> Fault:
    """No answer within the time, and the request was not carried out."""
    return Fault("timeout", has_effect=False)


def timeout_after() -> Fault:
    """No answer within the time, and the request was carried out."""
    return Fault("timeout", has_effect=True)


def cut_off() -> Fault:
    """Carried out, and the connection broke in the middle of the answer."""
    return Fault("cut", has_effect=True)


def problem(
    status: int,
    code: str = "INTERNAL_ERROR",
    detail: str = "It did not work.",
    *,
    retryable: bool | None = None,
    effect: str = "none",
    retry_after: int | None = None,
    **more: object,
) -> Reply:
    """An error as the API tells it."""
    body: dict[str, object] = {
        "type": f"https://onerouter.dev/problems/{code.lower().replace('_', '-')}",
        "title": detail,
        "status": status,
        "detail": detail,
        "code": code,
        "error": detail,
        "effect": effect,
        "retryable": status in {408, 429, 503, 504} if retryable is None else retryable,
        **more,
    }
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Reply(body, status, headers)
