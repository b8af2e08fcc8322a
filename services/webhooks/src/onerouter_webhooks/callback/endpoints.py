"""The only address the outside world calls."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from onerouter_common import telemetry
from onerouter_common.errors import MalformedRequest, OneRouterError, Overloaded, PayloadTooLarge
from onerouter_common.metric_names import CALLBACK_SECONDS, CALLBACKS_RECEIVED
from onerouter_common.web.internal import InternalAuth
from onerouter_webhooks.callback.replay import ReplayCallbacks
from onerouter_webhooks.callback.service import ReceiveCallback

_RECEIVED: Final = b'{"received":true}'


def router(receive_of: Callable[[Request], ReceiveCallback], *, body_limit: int, deadline_s: float) -> APIRouter:
    """`POST /callbacks/{provider}/{token}`: any content type, raw bytes."""
    routes = APIRouter(tags=["callbacks"])

    @routes.post(
        "/callbacks/{provider}/{token}",
        summary="A provider tells us something",
        responses={
            401: {"description": "The signature is not valid; nothing was stored."},
            404: {"description": "No connection has this token."},
            413: {"description": "The body is too large."},
            503: {"description": "Not stored: send it again."},
        },
    )
    async def receive_callback(provider: str, token: str, request: Request) -> Response:
        started = perf_counter()
        parent = telemetry.extract(dict(request.headers))
        receive = receive_of(request)
        name = provider if receive.knows(provider) else "unknown"  # the rest of the path is anybody's text
        with telemetry.span("callback.receive", parent=parent, attributes={"provider": name}):
            try:
                async with asyncio.timeout(deadline_s):
                    read_body = partial(_read_body, request, body_limit)
                    await receive(provider, token, read_body, dict(request.headers))
            except TimeoutError:
                CALLBACKS_RECEIVED.labels("any", "deadline").inc()
                raise Overloaded("The callback could not be stored in time.", retry_after_s=5) from None
            except OneRouterError as error:
                if isinstance(error, Overloaded | PayloadTooLarge):
                    CALLBACKS_RECEIVED.labels("any", error.error_code.lower()).inc()
                raise
        CALLBACK_SECONDS.labels(name).observe(perf_counter() - started)
        return Response(_RECEIVED, media_type="application/json")

    return routes


def internal_router(replay_of: Callable[[Request], ReplayCallbacks], auth: InternalAuth) -> APIRouter:
    """For operators, through the gateway or the command line."""
    routes = APIRouter(prefix="/internal/callbacks", tags=["internal"], dependencies=[Depends(auth)])

    @routes.post("/replay", summary="Read callbacks again that were not understood when they came")
    async def replay_callbacks(request: Request) -> dict[str, int]:
        return {"replayed": await replay_of(request)()}

    return routes


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
