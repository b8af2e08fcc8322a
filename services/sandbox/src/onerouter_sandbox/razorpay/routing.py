"""What endpoints are made of: routes by path, and pages of lists."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from fastapi import APIRouter

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.fields import Window
from onerouter_sandbox.razorpay.shelf import Shelf, T
from onerouter_sandbox.wire import Reply, Request

ID: Final = ":id"

Handler = Callable[[Account, Request, str, str], Reply]
"""The last two are the ids of the path, empty where it has fewer."""


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by; `key_header` carries the idempotency key, where there is one."""

    operation: str
    handle: Handler
    key_header: bytes | None = None


Routes = Mapping[tuple[str, ...], Route]
"""By method, version and path, where ids are `ID`: ("POST", "v1", "payments", ID, "capture")."""


class Feature(Protocol):
    """One kind of business beside orders, payments and refunds."""

    def routes(self) -> Routes: ...

    def control(self) -> APIRouter:
        """Routes under /control/razorpay."""
        ...

    def pages(self) -> APIRouter:
        """Routes under /razorpay that people open in a browser."""
        ...

    def resume(self) -> None:
        """Take up what was waiting when the last run ended."""
        ...


class Idempotency(NamedTuple):
    """The key, and what of the request must stay the same under it."""

    key: str | None
    fingerprint: str


def page(ids: Sequence[str], things: Shelf[T], window: Window) -> list[T]:
    """Newest first. Walks only as far as the page needs, as an account may have many."""
    return cut((things[each] for each in reversed(ids)), window)


def cut(newest_first: Iterable[T], window: Window) -> list[T]:
    """The window's part of things in the reverse order of their creation."""
    part: list[T] = []
    skipped = 0
    for thing in newest_first:
        if window.last_at is not None and thing.created_at > window.last_at:
            continue
        if window.first_at is not None and thing.created_at < window.first_at:
            break
        if skipped < window.skip:
            skipped += 1
            continue
        part.append(thing)
        if len(part) == window.count:
            break
    return part


def fingerprint(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def base_url(request: Request) -> str:
    """Where this client reached us, for links that people open."""
    host = request.headers.get(b"host", b"localhost").decode("latin-1")
    scheme = request.headers.get(b"x-forwarded-proto", b"http").decode("latin-1")
    return f"{scheme}://{host}"


def only_now(body: dict[str, Any], name: str) -> None:
    """Raises `Refused` unless the moment is `now`, the only one that Razorpay takes."""
    if body.get(name, "now") != "now":
        raise refused(f"The {name} field must be now.", field=name)
