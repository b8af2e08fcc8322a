"""The storage service's answers as ours: what its provider says is passed on, too; on HEAD in headers alone."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import (
    CallerError,
    NotFound,
    OneRouterError,
    Overloaded,
    PayloadTooLarge,
    PreconditionFailed,
    ProviderError,
    RangeNotSatisfiable,
    RateLimited,
)
from onerouter_common.web import problems
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.upstream import Answer

ERROR_HEADER: Final = "x-onerouter-error-code"
"""On HEAD, which has no body: the problem's `code`."""

_BY_STATUS: Final = {
    404: NotFound.code,
    412: PreconditionFailed.code,
    413: PayloadTooLarge.code,
    416: RangeNotSatisfiable.code,
    429: RateLimited.code,
    502: ProviderError.code,
    503: Overloaded.code,
}


def told(answer: Answer, request: Request) -> Response:
    """Raises Overloaded where the service failed in a way that says nothing to a caller."""
    if request.method == "HEAD" and (answer.status < 500 or answer.status in _BY_STATUS):
        return refused_head(answer.status, answer.headers.get(ERROR_HEADER), answer.headers.get("retry-after"))
    if answer.status in (502, 503):
        return _of_provider(answer, request)
    return to_response(answer, request)


def headless(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A handler of HEAD: its errors are told in headers, since nobody would read a body."""

    @wraps(handle)
    async def head(request: Request) -> Response:
        try:
            return await handle(request)
        except OneRouterError as error:
            full = problems.answer_to(error, instance=request.url.path)
            return refused_head(
                full.status_code,
                error.error_code,
                full.headers.get("retry-after"),
                authenticate=full.headers.get("www-authenticate"),
            )

    return head


def refused_head(
    status: int, code: str | None, retry_after: str | None, *, authenticate: str | None = None
) -> Response:
    given = {
        ERROR_HEADER: code or _BY_STATUS.get(status, CallerError.code),
        "retry-after": retry_after,
        "www-authenticate": authenticate,
    }
    return Response(status_code=status, headers={name: value for name, value in given.items() if value is not None})


def _of_provider(answer: Answer, request: Request) -> Response:
    """A problem of the provider's, or about it. Raises Overloaded for any other."""
    try:
        problem: Any = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or not str(problem.get("code", "")).startswith("PROVIDER_"):
        raise Overloaded("The storage service cannot be asked right now. Try again in a few seconds.", retry_after_s=2)
    problem |= {"instance": request.url.path, "trace_id": request.state.trace_id}
    headers = {"Retry-After": answer.headers["retry-after"]} if "retry-after" in answer.headers else {}
    return Response(orjson.dumps(problem), status_code=answer.status, media_type=problems.MEDIA_TYPE, headers=headers)
