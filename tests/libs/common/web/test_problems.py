import json
import math

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from pydantic import BaseModel
from tests.libs.common.logs import captured

from onerouter_common import errors
from onerouter_common.errors import FieldError, OneRouterError, ProviderError
from onerouter_common.web import problems

PROVIDER_ERRORS = {
    errors.ProviderError: ("PROVIDER_ERROR", 502, False, "none"),
    errors.ProviderDeclined: ("PAYMENT_FAILED", 402, False, "none"),
    errors.ProviderRefusedUs: ("PROVIDER_ERROR", 502, False, "none"),
    errors.ProviderThrottled: ("PROVIDER_ERROR", 503, True, "none"),
    errors.ProviderUnavailable: ("PROVIDER_ERROR", 503, True, "none"),
    errors.ResolvedAsNotDone: ("RESOLVED_AS_NOT_DONE", 502, True, "none"),
    errors.ProviderOutcomeUnknown: ("PROVIDER_ERROR", 202, False, "unknown"),
}
OUR_ERRORS = {
    errors.CallerError: ("VALIDATION_ERROR", 422, False, "none"),
    errors.InvalidRequest: ("VALIDATION_ERROR", 422, False, "none"),
    errors.MalformedRequest: ("MALFORMED_REQUEST", 400, False, "none"),
    errors.CapabilityUnsupported: ("CAPABILITY_UNSUPPORTED", 422, False, "none"),
    errors.ServiceNotConfigured: ("SERVICE_NOT_CONFIGURED", 422, False, "none"),
    errors.CredentialsUnreadable: ("CREDENTIALS_UNREADABLE", 422, False, "none"),
    errors.IdempotencyMismatch: ("IDEMPOTENCY_KEY_REUSED", 422, False, "none"),
    errors.Unauthenticated: ("UNAUTHORIZED", 401, False, "none"),
    errors.NotPermitted: ("FORBIDDEN", 403, False, "none"),
    errors.NotFound: ("NOT_FOUND", 404, False, "none"),
    errors.Conflict: ("CONFLICT", 409, False, "none"),
    errors.OperationInFlight: ("OPERATION_IN_FLIGHT", 409, False, "none"),
    errors.Superseded: ("SUPERSEDED", 409, False, "unknown"),
    errors.RequestTimedOut: ("REQUEST_TIMEOUT", 408, True, "none"),
    errors.PreconditionFailed: ("PRECONDITION_FAILED", 412, False, "none"),
    errors.RangeNotSatisfiable: ("RANGE_NOT_SATISFIABLE", 416, False, "none"),
    errors.PayloadTooLarge: ("PAYLOAD_TOO_LARGE", 413, False, "none"),
    errors.UnsupportedMediaType: ("UNSUPPORTED_MEDIA_TYPE", 415, False, "none"),
    errors.RateLimited: ("RATE_LIMIT_EXCEEDED", 429, True, "none"),
    errors.Overloaded: ("SERVICE_UNAVAILABLE", 503, True, "none"),
    errors.ProviderDisabled: ("PROVIDER_DISABLED", 503, True, "none"),
}
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "error", "retryable", "effect"}


def made(kind: type[OneRouterError]) -> OneRouterError:
    if issubclass(kind, ProviderError):
        return kind("It did not work.", provider="razorpay", provider_code="BAD_REQUEST_ERROR")
    if issubclass(kind, errors.OperationInFlight):
        return kind("It did not work.", operation_id="op_1")
    return kind("It did not work.")


def app() -> FastAPI:
    application = FastAPI()
    problems.install(application)

    class Body(BaseModel):
        amount: int

    @application.get("/raise/{name}")
    async def raise_(name: str) -> None:
        raise made(getattr(errors, name))

    @application.get("/wait/{seconds}")
    async def wait(seconds: float) -> None:
        raise errors.Overloaded("Too much to do.", retry_after_s=seconds)

    @application.post("/body")
    async def body(body: Body) -> None: ...

    @application.post("/callbacks/{provider}/{token}")
    async def callback(provider: str, token: str) -> None:
        raise asyncpg.CannotConnectNowError("the database system is starting up") if provider == "away" else OSError

    @application.api_route("/crash", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def crash() -> None:
        raise RuntimeError("password=hunter2 at postgresql://user:pw@db")

    @application.post("/keyed", openapi_extra={"parameters": [{"name": "Idempotency-Key", "in": "header"}]})
    async def keyed() -> None:
        raise RuntimeError

    return application


def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def test_the_whole_tree_is_covered_here() -> None:
    """A class that is added to the tree needs a line above: its code and status are part of the public surface."""

    def descendants(kind: type[OneRouterError]) -> set[type[OneRouterError]]:
        direct = {sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__}
        return direct | {deep for sub in direct for deep in descendants(sub)}

    assert descendants(OneRouterError) == {*OUR_ERRORS, *PROVIDER_ERRORS}
    for kind in descendants(OneRouterError):
        assert kind.__name__ in (errors.__doc__ or "") or kind is errors.CallerError


@pytest.mark.parametrize(("kind", "expected"), [*OUR_ERRORS.items(), *PROVIDER_ERRORS.items()])
async def test_each_class_has_its_code_status_and_effect(
    kind: type[OneRouterError], expected: tuple[str, int, bool, str]
) -> None:
    async with client() as http:
        answer = await http.get(f"/raise/{kind.__name__}")
    body = answer.json()
    assert (body["code"], body["status"], body["retryable"], body["effect"]) == expected
    assert answer.status_code == body["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) - {"provider", "provider_code", "trace_id", "operation_id"} == MEMBERS
    operation_id = "op_1" if kind is errors.OperationInFlight else None
    assert body.get("operation_id") == answer.headers.get("x-onerouter-operation-id") == operation_id
    assert body["error"] == body["detail"] == "It did not work."
    assert body["instance"] == f"/raise/{kind.__name__}"
    assert body["type"].startswith("https://")
    assert body["title"]
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    if issubclass(kind, ProviderError):
        assert (body["provider"], body["provider_code"]) == ("razorpay", "BAD_REQUEST_ERROR")


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (59.5, "60")])
async def test_retry_after_is_a_whole_number_rounded_up(seconds: float, header: str) -> None:
    async with client() as http:
        answer = await http.get(f"/wait/{seconds}")
    assert answer.headers["retry-after"] == header
    assert int(header) >= math.ceil(seconds)


def test_wrong_fields_are_named() -> None:
    error = errors.InvalidRequest.of("customer.email", "is no address")
    body = problems.body_of(problems.problem_of(error), instance="/v1/payments")
    assert body["errors"] == [{"field": "customer.email", "message": "is no address"}]
    assert body["detail"] == "customer.email is no address."
    several = errors.InvalidRequest("Two fields are wrong.", errors=(FieldError("a", "x"), FieldError("b", "y")))
    assert len(problems.problem_of(several).errors) == 2


def test_the_trace_is_named() -> None:
    context = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(context)):
        body = problems.body_of(problems.problem_of(made(errors.NotFound)), instance="/")
    assert body["trace_id"] == f"{0xABC:032x}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_what_nobody_expected_leaks_nothing(method: str) -> None:
    with captured() as logs:
        async with client() as http:
            answer = await http.request(method, "/crash")
    assert answer.status_code == 500
    for leak in ("hunter2", "postgresql", "RuntimeError", "Traceback", "crash()"):
        assert leak not in answer.text
    body = answer.json()
    assert body["code"] == "INTERNAL_ERROR"
    assert body["effect"] == ("none" if method == "GET" else "unknown")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request.failed"]


@pytest.mark.parametrize(
    ("method", "path", "key", "is_safe"),
    [
        ("GET", "/crash", None, True),
        ("POST", "/keyed", "order-1042", True),
        ("POST", "/keyed", None, False),
        ("POST", "/crash", "order-1042", False),
        ("PATCH", "/crash", None, False),
    ],
)
async def test_a_repeat_is_called_safe_only_where_it_is(method: str, path: str, key: str | None, is_safe: bool) -> None:
    async with client() as http:
        answer = await http.request(method, path, headers={} if key is None else {"Idempotency-Key": key})
    body = answer.json()
    assert body["retryable"] is is_safe
    assert ("look before you repeat it" in body["detail"]) is not is_safe
    assert ("Idempotency-Key" in body["detail"]) is (path == "/keyed" and is_safe)


@pytest.mark.parametrize(("provider", "event"), [("away", "request.database.away"), ("other", "request.failed")])
async def test_a_log_names_the_route_and_nothing_of_the_path(provider: str, event: str) -> None:
    """A path holds callback tokens, or whatever the caller wrote into it."""
    with captured() as logs:
        async with client() as http:
            await http.post(f"/callbacks/{provider}/a-token?of=mine")
    (line,) = logs
    assert (line["event"], line["route"]) == (event, "/callbacks/{provider}/{token}")
    assert "a-token" not in repr({**line, "exc_info": repr(line.get("exc_info"))})


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "NOT_FOUND"), ("DELETE", "/body", 405, "METHOD_NOT_ALLOWED")],
)
async def test_the_routers_own_refusals_are_problems_too(method: str, path: str, status: int, code: str) -> None:
    async with client() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content", [b"{}", b'{"amount": "many"}', b"", b"[]", b"null", b"{"])
async def test_a_body_of_another_shape_names_what_is_wrong(content: bytes) -> None:
    async with client() as http:
        answer = await http.post("/body", content=content, headers={"content-type": "application/json"})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "VALIDATION_ERROR")
    assert all(error["field"] and error["message"] for error in body["errors"])
    assert body["detail"][0].isalnum()
    assert json.dumps(body)
