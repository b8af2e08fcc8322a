"""The only address the outside world calls."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from onerouter_common import telemetry
from onerouter_common.errors import MalformedRequest, OneRouterError, Overloaded, PayloadTooLarge
from onerouter_common.metric_names import CALLBACK_SECONDS, CALLBACKS_RECEIVED
from onerouter_webhooks.callback.address import with_address
from onerouter_webhooks.callback.service import ReceiveCallback

log = structlog.get_logger()


def router(receive_of: Callable[[Request], ReceiveCallback], *, base_url: str | None, deadline_s: float) -> APIRouter:
    """`POST /callbacks/{provider}/{token}`: any content type, raw bytes. `base_url`: ours, as providers know it.

    204 stored, where the provider must not be answered more · 401 the signature is not valid; nothing was stored ·
    404 no connection has this token · 413 the body is too large · 503 not stored: send it again
    """
    routes = APIRouter()

    async def receive_callback(request: Request) -> Response:
        started = perf_counter()
        provider, token = request.path_params["provider"], request.path_params["token"]
        parent = telemetry.extract(request.headers)
        receive = receive_of(request)
        name = provider if receive.knows(provider) else "unknown"  # the rest of the path is anybody's text
        with telemetry.span("callback.receive", parent=parent, attributes={"provider": name}):
            try:
                async with asyncio.timeout(deadline_s):
                    await receive(provider, token, partial(_read_body, request), _headers_of(request, base_url))
            except TimeoutError:
                CALLBACKS_RECEIVED.labels("any", "deadline").inc()
                raise Overloaded("The callback could not be stored in time.", retry_after_s=5) from None
            except OneRouterError as error:
                if isinstance(error, Overloaded | PayloadTooLarge):
                    CALLBACKS_RECEIVED.labels("any", error.error_code.lower()).inc()
                raise
            except Exception as error:
                # A defect of ours: to the provider it is not delivered, and it comes again.
                log.exception("callback.failed", provider=name, error=type(error).__name__)
                CALLBACKS_RECEIVED.labels(name, "failed").inc()
                raise Overloaded("The callback could not be taken.", retry_after_s=5) from error
        CALLBACK_SECONDS.labels(name).observe(perf_counter() - started)
        answer = receive.acknowledgement_of(provider)
        return Response(answer.body, status_code=answer.status, media_type=answer.media_type)

    # Without FastAPI's reading of parameters: there are two, both text, and a bulk send brings three callbacks a message.
    routes.add_route("/callbacks/{provider}/{token}", receive_callback, methods=["POST"])
    return routes


def _headers_of(request: Request, base_url: str | None) -> dict[str, str]:
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return with_address(request.headers, base_url, path.decode("latin-1"), query.decode("latin-1"))


async def _read_body(request: Request, limit: int) -> bytes:
    """Raises PayloadTooLarge before more than `limit` bytes are held, whatever the length header says."""
    too_large = PayloadTooLarge(f"A callback may have at most {limit} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
    except ClientDisconnect:
        raise MalformedRequest("The request ended before its body did.") from None
    return bytes(body)
