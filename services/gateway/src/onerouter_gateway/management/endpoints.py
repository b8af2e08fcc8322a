"""`/api/…`: one request → the same request of the registry."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from onerouter_common import telemetry
from onerouter_common.errors import NotFound
from onerouter_common.once.key import HEADER, Key
from onerouter_common.web.problems import MEDIA_TYPE
from onerouter_gateway.authentication.authenticator import Caller
from onerouter_gateway.commands.request import idempotency_key
from onerouter_gateway.edge.json_body import inflate, read_body
from onerouter_gateway.edge.once import key_of
from onerouter_gateway.edge.pan import Screening, refuse_card_numbers
from onerouter_gateway.edge.routes import RawRoute
from onerouter_gateway.management.headers import path_of, request_headers
from onerouter_gateway.management.limits import ManagementLimits
from onerouter_gateway.management.registry import Forwarded, RegistryApi, without_an_answer

_OURS: Final = "/api/v1/"
"""Older paths of the gateway's own; what is not one of them is not the registry's either."""


class _RegistrysRoute(RawRoute):
    """Leaves the gateway's own paths alone, so that a method which they do not have is answered 405."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["path"].startswith(_OURS):
            return Match.NONE, {}
        return super().matches(scope)


router = APIRouter(route_class=_RegistrysRoute, include_in_schema=False)

MOST_BODY_BYTES: Final = 1 << 20
_LARGE: Final = 32 * 1024
_SECRETS: Final = frozenset({"credentials", "password", "current", "new", "code", "token"})
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Management:
    """What this endpoint works with, as `app.state.management`."""

    limits: ManagementLimits
    registry: RegistryApi
    internal_token: str
    digest: Callable[[bytes], str]
    """Keyed: of what must not be known by what it is made of."""

    async def admit(self, request: Request) -> tuple[Caller | None, bytes]:
        """Who asks, by API key (None: without one), and the body as it was sent. Raises what is wrong with either."""
        caller = await self.limits.admit(request)
        sent = await read_body(request, max_bytes=MOST_BODY_BYTES)
        if caller is not None:
            self.limits.check_signature(request, caller, sent)
        return caller, sent

    async def ask(self, request: Request, method: str, path: str, query: str, body: bytes) -> Forwarded:
        """The registry, in the name of who sent this request, with what we know of the client in place of what it says of
        itself. Raises Overloaded.
        """
        headers = {
            **request_headers(request.headers),
            "x-onerouter-internal": self.internal_token,
            "x-onerouter-client-address": self.limits.address_of(request),
            "x-request-id": str(request.state.request_id),
        }
        once = self._once(request, method, f"{path}?{query}" if query else path, body)
        if once is not None:
            headers[HEADER] = str(once)
        telemetry.inject(headers)
        return await self.registry.send(method, path, query, headers, body)

    def _once(self, request: Request, method: str, target: str, body: bytes) -> Key | None:
        """`target`: path and query, which names the connection. Raises MalformedRequest for what is no key."""
        key = idempotency_key(request.headers, {}) if method == "POST" else None
        if key is None:
            return None
        try:
            what = orjson.loads(body or b"{}")
        except ValueError:
            what = body.hex()  # the registry refuses it
        return key_of(key, self.digest, target, what)


def management_of(request: Request) -> Management:
    """The process's own, as the lifespan made it."""
    management: Management = request.app.state.management
    return management


@router.api_route("/api/{path:path}", methods=_METHODS)
async def forward_to_registry(request: Request) -> Response:
    """As it came."""
    management = management_of(request)
    _, sent = await management.admit(request)
    path = path_of(request.scope["raw_path"])
    if path is None:
        raise NotFound("There is no such route.")
    body = inflate(sent, request.headers.get("content-encoding", ""), max_bytes=MOST_BODY_BYTES)
    await asyncio.to_thread(_refuse_card_numbers, body) if len(body) > _LARGE else _refuse_card_numbers(body)
    query = request.scope["query_string"].decode("latin-1")
    return to_response(await management.ask(request, request.method, path, query, body), request)


def _refuse_card_numbers(body: bytes) -> None:
    """What the registry seals or hashes at once is not looked at; what cannot be read is for it to refuse.

    Raises InvalidRequest.
    """
    try:
        read = orjson.loads(body)
        if isinstance(read, dict):
            free = {name: value for name, value in read.items() if name not in _SECRETS}
            refuse_card_numbers(free, Screening(most_characters=MOST_BODY_BYTES))
    except (ValueError, RecursionError):
        return


def to_response(answer: Forwarded, request: Request) -> Response:
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
        keyed = request.method == "POST" and "idempotency-key" in request.headers
        raise without_an_answer(request.method, f"a bare {answer.status}", keyed=keyed)
    problem["instance"] = request.url.path
    problem["trace_id"] = request.state.trace_id
    return orjson.dumps(problem)
