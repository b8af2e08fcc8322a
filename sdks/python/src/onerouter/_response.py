"""How an answer came."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from onerouter._object import MASK
from onerouter._secret import redacted

_PROVES: Final = re.compile("auth|cookie|token|secret|api-?key|password|signature", re.IGNORECASE)
"""Headers, by a part of their names, which prove who somebody is."""


class Response:
    """Beside the result: `payment.response.request_id`."""

    __slots__ = ("attempts", "elapsed", "headers", "idempotency_key", "status_code")

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        *,
        attempts: int = 1,
        elapsed: float = 0.0,
        idempotency_key: str | None = None,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        """Their names in lower case, or in any."""
        self.attempts = attempts
        """How often it was sent."""
        self.elapsed = elapsed
        """Seconds, of all attempts and the waiting between them."""
        self.idempotency_key = idempotency_key

    @property
    def request_id(self) -> str | None:
        """Name it when you ask for help."""
        return self.headers.get("x-request-id")

    @property
    def trace_id(self) -> str | None:
        return self.headers.get("x-trace-id")

    @property
    def replayed(self) -> bool:
        """An earlier request with the same idempotency key had done it already."""
        return self.headers.get("idempotency-replayed") == "true"

    def __repr__(self) -> str:
        return (
            f"Response(status_code={self.status_code}, request_id={self.request_id!r}, attempts={self.attempts}, "
            f"elapsed={self.elapsed:.3f})"
        )


class RawResponse(Response):
    """An answer as it came: `with_raw_response`."""

    __slots__ = ("_parse", "content")

    def __init__(self, of: Response, content: bytes, parse: Callable[[RawResponse], Any]) -> None:
        super().__init__(
            of.status_code,
            of.headers,
            attempts=of.attempts,
            elapsed=of.elapsed,
            idempotency_key=of.idempotency_key,
        )
        self.content = content
        self._parse = parse

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Raises ValueError for what is none."""
        import json  # not worth its time at every import

        return json.loads(self.content)

    def parse(self) -> Any:
        """What the method itself would have returned."""
        return self._parse(self)

    def then(self, make: Callable[[Any], Any]) -> RawResponse:
        """The same answer, of which `parse` makes one thing more."""
        return RawResponse(self, self.content, lambda raw: make(self._parse(raw)))


class Outgoing:
    """One attempt, for hooks. The API key is not in it."""

    __slots__ = ("attempt", "headers", "idempotency_key", "method", "path")

    def __init__(
        self, method: str, path: str, attempt: int, idempotency_key: str | None, headers: dict[str, str]
    ) -> None:
        self.method = method
        self.path = path
        """Without the query."""
        self.attempt = attempt
        """From 1."""
        self.idempotency_key = idempotency_key
        self.headers = headers
        """Of this attempt: what a hook adds is sent. The client's own are not shown."""

    def __repr__(self) -> str:
        shown = {name: MASK if _PROVES.search(name) else redacted(str(value)) for name, value in self.headers.items()}
        return f"Outgoing({self.method} {self.path}, attempt={self.attempt}, headers={shown})"
