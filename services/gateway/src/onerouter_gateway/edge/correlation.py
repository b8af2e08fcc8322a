"""Around every request: one trace span, ids that are echoed, timing, safe headers, and a bound on how many run at once."""

import re
import secrets
import time
from collections.abc import Iterable
from typing import Final

import structlog
from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onerouter_common import telemetry
from onerouter_common.contracts.replies import Problem
from onerouter_common.ids import REQUEST, new_id
from onerouter_common.web import problems

log = structlog.get_logger()

_ECHOED: Final = re.compile(r"^[!-~]{1,128}$")
_TRACE_ID: Final = re.compile(r"^(?!0{32})[0-9a-f]{32}$")
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_UNOBSERVED: Final = frozenset({"/livez", "/readyz"})
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
)
_API_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Correlation:
    """Outermost of all, so that even the answer to an error nobody expected carries its ids."""

    def __init__(self, app: ASGIApp, *, max_requests: int) -> None:
        self._app = app
        self._max_requests = max_requests
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNOBSERVED:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        carrier, given_trace_id = _parent(headers)
        with telemetry.span(
            _method_of(scope),
            parent=telemetry.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": _method_of(scope)},
        ) as span:
            request_id = _echo(headers.get("x-request-id")) or new_id(REQUEST)
            state = scope.setdefault("state", {})
            state["request_id"] = request_id
            state["provider_ms"] = 0.0
            state["response_headers"] = []
            trace_id = state["trace_id"] = given_trace_id or telemetry.trace_id() or request_id
            answer = _Answer(
                send, state, request_id=request_id, trace_id=trace_id, documents=_is_document(scope["path"])
            )
            if self._active >= self._max_requests:
                await _refuse(scope, receive, answer)
                return
            self._active += 1
            named = problems.TRACE_ID.set(given_trace_id)
            try:
                await self._app(scope, receive, answer)
            finally:
                problems.TRACE_ID.reset(named)
                self._active -= 1
                span.set_attribute("http.response.status_code", answer.status)
                _name(span, scope)


class _Answer:
    """`send`, adding what every answer carries."""

    __slots__ = ("_documents", "_request_id", "_send", "_started", "_state", "_trace_id", "status")

    def __init__(
        self, send: Send, state: dict[str, object], *, request_id: str, trace_id: str, documents: bool
    ) -> None:
        self._send = send
        self._state = state
        self._request_id = request_id.encode()
        self._trace_id = trace_id.encode()
        self._documents = documents
        self._started = time.perf_counter()
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers(message["headers"])]
        await self._send(message)

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        total_ms = (time.perf_counter() - self._started) * 1000
        provider_ms = float(str(self._state["provider_ms"]))
        overhead_ms = max(0.0, total_ms - provider_ms)
        added: list[tuple[bytes, bytes]] = [
            (b"x-request-id", self._request_id),
            (b"x-trace-id", self._trace_id),
            (b"server-timing", f"total;dur={total_ms:.2f}, provider;dur={provider_ms:.2f}".encode()),
            (b"x-onerouter-overhead-ms", f"{overhead_ms:.2f}".encode()),
            *_SAFE_HEADERS,
        ]
        if not self._documents:
            named = {name for name, _ in given}
            added.extend(header for header in _API_HEADERS if header[0] not in named)
        limits = self._state["response_headers"]
        if isinstance(limits, list):
            added.extend(limits)
        return added


def _parent(headers: Headers) -> tuple[dict[str, str], str | None]:
    """The trace to continue, and the trace id to echo if the caller named one of its own making.

    `traceparent` wins; else an `X-Trace-Id`, or an `X-Request-Id`, that is a W3C trace id is continued; any other is
    echoed as it is.
    """
    if "traceparent" in headers:
        return {"traceparent": headers["traceparent"]}, None  # `tracestate` is free text of the caller's: not passed on
    given = _echo(headers.get("x-trace-id")) or _echo(headers.get("x-request-id"))
    if given is None:
        return {}, None
    if _TRACE_ID.match(given.lower()) is None:
        return {}, given
    return {"traceparent": f"00-{given.lower()}-{secrets.token_hex(8)}-01"}, given


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "_OTHER"


def _name(span: Span, scope: Scope) -> None:
    """By the route's template: a path has ids, or whatever the caller wrote into it."""
    template = getattr(scope.get("route"), "path", None)
    if template is not None:
        span.update_name(f"{_method_of(scope)} {template}")
        span.set_attribute("http.route", template)


def _echo(value: str | None) -> str | None:
    return value if value is not None and _ECHOED.match(value) is not None else None


def _is_document(path: str) -> bool:
    return path in {"/docs", "/openapi.json", "/asyncapi", "/asyncapi.json"}


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem(
        status=503,
        code="SERVICE_UNAVAILABLE",
        title="The service is temporarily unavailable",
        detail="This instance already works on as many requests as it can; nothing was done. Try again in a moment.",
        retryable=True,
        retry_after_s=1,
    )
    response = problems.response_of(problem, instance=scope["path"])
    await response(scope, receive, send)
