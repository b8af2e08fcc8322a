"""Errors as RFC 9457 `application/problem+json`, in one place."""

import math
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from onerouter_common import telemetry
from onerouter_common.contracts.replies import Problem
from onerouter_common.errors import Effect, OneRouterError, OperationInFlight, Overloaded, ProviderError, Retry

log = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"
OPERATION_ID_HEADER: Final = "X-OneRouter-Operation-Id"

_KEY_HEADER: Final = "idempotency-key"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

TRACE_ID: ContextVar[str | None] = ContextVar("onerouter_trace_id", default=None)
"""What the caller of the request that is being answered calls its trace, where it named one of its own making."""

_CODES: Final = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
}
_TITLES: Final = {404: "There is no such route", 405: "The route does not have this method"}


def problem_of(error: OneRouterError) -> Problem:
    """The error in the form that is stored with an operation and shown to a caller."""
    provider = error if isinstance(error, ProviderError) else None
    return Problem(
        status=error.http_status,
        code=error.error_code,
        title=error.title,
        detail=error.detail,
        retryable=error.retry is Retry.LATER,
        effect=error.effect.value,
        provider=provider.provider if provider else None,
        provider_code=provider.provider_code if provider else None,
        errors=tuple({"field": item.field, "message": item.message} for item in error.errors),
        retry_after_s=error.retry_after_s,
    )


def body_of(problem: Problem, *, instance: str, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON members of a problem. `error` repeats `detail` for older clients."""
    body: dict[str, Any] = {
        "type": f"https://onerouter.dev/problems/{problem.code.lower().replace('_', '-')}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "error": problem.detail,
        "retryable": problem.retryable,
        "effect": problem.effect,
    }
    optional = {
        "errors": list(problem.errors) or None,
        "provider": problem.provider,
        "provider_code": problem.provider_code,
        "trace_id": trace_id(),
    }
    body.update({name: value for name, value in optional.items() if value is not None})
    body.update(extra or {})
    return body


def trace_id() -> str | None:
    """Of the request that is being answered, as its answer names it."""
    return TRACE_ID.get() or telemetry.trace_id()


def response_of(
    problem: Problem,
    *,
    instance: str,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """An unknown outcome is 202 with the same members; `Retry-After` is in whole seconds, rounded up."""
    out = dict(headers or {})
    if problem.retry_after_s is not None:
        out["Retry-After"] = str(max(1, math.ceil(problem.retry_after_s)))
    if problem.status == 401:
        out["WWW-Authenticate"] = 'Bearer realm="onerouter"'
    return Response(
        orjson.dumps(body_of(problem, instance=instance, extra=extra)),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=out,
    )


def answer_to(error: OneRouterError, *, instance: str) -> Response:
    """The error as it is answered: with the operation that it is about, where it is about one."""
    headers, extra = {}, {}
    if isinstance(error, OperationInFlight):
        headers[OPERATION_ID_HEADER] = extra["operation_id"] = error.operation_id
    return response_of(problem_of(error), instance=instance, headers=headers, extra=extra)


def _route_of(request: Request) -> str:
    """The route's template, for logs: a path has ids, callback tokens, or whatever the caller wrote into it."""
    return str(getattr(request.scope.get("route"), "path", "none"))


def install(app: FastAPI, *, has_database: bool = True) -> None:
    """Answer every error of this app as a problem: ours, the router's, and what nobody expected (without its text).

    Without a database: nor are its libraries imported, which take a seventh of a gateway's start.
    """

    @app.exception_handler(OneRouterError)
    async def _ours(request: Request, error: OneRouterError) -> Response:
        return answer_to(error, instance=request.url.path)

    @app.exception_handler(HTTPException)
    async def _routers(request: Request, error: HTTPException) -> Response:
        problem = Problem(
            status=error.status_code,
            code=_CODES.get(error.status_code, "INVALID_REQUEST"),
            title=_TITLES.get(error.status_code, "The request cannot be served"),
            detail=f"{request.method} {request.url.path}: {error.detail}.",
        )
        return response_of(problem, instance=request.url.path, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        errors = tuple(
            {"field": ".".join(str(part) for part in item["loc"][1:] or item["loc"]), "message": str(item["msg"])}
            for item in error.errors()
        )
        problem = Problem(
            status=422,
            code="VALIDATION_ERROR",
            title="The request is invalid",
            detail=f"{errors[0]['field']}: {errors[0]['message']}." if errors else "The request is invalid.",
            errors=errors,
        )
        return response_of(problem, instance=request.url.path)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("request.failed", route=_route_of(request), method=request.method, exc_info=error)
        is_safe, is_keyed = request.method in _SAFE, _KEY_HEADER in request.headers and _takes_key(request)
        problem = Problem(
            status=500,
            code="INTERNAL_ERROR",
            title="Something went wrong on our side",
            detail=f"The request could not be completed because of an error on our side. {_what_then(is_safe, is_keyed)}",
            retryable=is_safe or is_keyed,
            effect=Effect.NONE.value if is_safe else Effect.UNKNOWN.value,
        )
        return response_of(problem, instance=request.url.path)

    if has_database:
        _answer_databases(app, _unexpected)


def _answer_databases(app: FastAPI, otherwise: Callable[[Request, Exception], Awaitable[Response]]) -> None:
    """One that is away is a 503."""
    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from onerouter_common.db.availability import is_away

    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(asyncpg.PostgresError)
    @app.exception_handler(asyncpg.InterfaceError)
    async def _databases(request: Request, error: Exception) -> Response:
        if not is_away(error):
            return await otherwise(request, error)
        log.warning("request.database.away", route=_route_of(request), error=type(error).__name__)
        away = Overloaded("A part of the service is temporarily unavailable; nothing was done.", retry_after_s=2)
        return response_of(problem_of(away), instance=request.url.path)


def _takes_key(request: Request) -> bool:
    """Whether the route, as it is described, carries a repeat out once."""
    described = getattr(request.scope.get("route"), "openapi_extra", None) or {}
    return any(one.get("name", "").lower() == _KEY_HEADER for one in described.get("parameters", ()))


def _what_then(is_safe: bool, is_keyed: bool) -> str:
    if is_safe:
        return "It changes nothing, so it can be repeated."
    if is_keyed:
        return "It is safe to repeat it under the same Idempotency-Key."
    return "It may or may not have been carried out: look before you repeat it."
