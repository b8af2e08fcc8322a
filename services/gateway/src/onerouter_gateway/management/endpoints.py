"""`/api/…`: one request → the same request of the registry."""

from dataclasses import dataclass
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common import telemetry
from onerouter_common.errors import NotFound
from onerouter_common.web.problems import MEDIA_TYPE
from onerouter_gateway.edge.json_body import inflate, read_body
from onerouter_gateway.edge.routes import RawRoute
from onerouter_gateway.management.headers import path_of, request_headers
from onerouter_gateway.management.limits import ManagementLimits
from onerouter_gateway.management.registry import Forwarded, RegistryApi, without_an_answer

router = APIRouter(route_class=RawRoute, include_in_schema=False)

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MOST_BODY_BYTES: Final = 1 << 20
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Management:
    """What this endpoint works with, as `app.state.management`."""

    limits: ManagementLimits
    registry: RegistryApi
    internal_token: str


@router.api_route("/api/{path:path}", methods=_METHODS)
async def forward_to_registry(request: Request) -> Response:
    """As it came, with what we know of the client in place of what it says of itself."""
    management: Management = request.app.state.management
    await management.limits.admit(request)
    path = path_of(request.scope["raw_path"])
    if path is None:
        raise NotFound("There is no such route.")
    sent = await read_body(request, max_bytes=_MOST_BODY_BYTES)
    body = inflate(sent, request.headers.get("content-encoding", ""), max_bytes=_MOST_BODY_BYTES)
    headers = {**request_headers(request.headers), **_introduction(request, management)}
    query = request.scope["query_string"].decode("latin-1")
    return _to_response(await management.registry.send(request.method, path, query, headers, body), request)


def _introduction(request: Request, management: Management) -> dict[str, str]:
    headers = {
        "x-onerouter-internal": management.internal_token,
        "x-onerouter-client-address": management.limits.address_of(request),
        "x-request-id": str(request.state.request_id),
    }
    telemetry.inject(headers)
    return headers


def _to_response(answer: Forwarded, request: Request) -> Response:
    """Raises Overloaded for an error that is not the registry's but of a proxy in between, or of something else on that port:
    OutcomeUnknown for a change, which may have reached the registry all the same.
    """
    body = answer.body
    if answer.status >= 400:
        body = _problem(answer, request) if request.method != "HEAD" else b""
    response = Response(body, status_code=answer.status)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if answer.status not in _BODILESS:
        response.raw_headers.append((b"content-length", str(len(body)).encode()))
    return response


def _problem(answer: Forwarded, request: Request) -> bytes:
    is_problem = any(name == "content-type" and value.startswith(MEDIA_TYPE) for name, value in answer.headers)
    try:
        problem = orjson.loads(answer.body) if is_problem else None
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        raise without_an_answer(request.method, f"a bare {answer.status}")
    problem["instance"] = request.url.path
    trace_id = telemetry.trace_id()
    if trace_id is not None:
        problem["trace_id"] = trace_id
    return orjson.dumps(problem)
