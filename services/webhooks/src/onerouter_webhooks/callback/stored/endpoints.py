"""For operators, by the command line: a page a call, so that they see how far it is."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, Request

from onerouter_common.web.internal import InternalAuth
from onerouter_webhooks.callback.stored.redaction import RedactCallbacks
from onerouter_webhooks.callback.stored.replay import ReplayCallbacks
from onerouter_webhooks.callback.stored.schemas import Redacted, RedactRequest, Replayed, ReplayRequest


def router(
    replay_of: Callable[[Request], ReplayCallbacks],
    redact_of: Callable[[Request], RedactCallbacks],
    auth: InternalAuth,
) -> APIRouter:
    routes = APIRouter(prefix="/internal/callbacks", tags=["internal"], dependencies=[Depends(auth)])

    @routes.post("/replay", summary="Read callbacks again that were not understood when they came")
    async def replay_callbacks(request: Request, wish: ReplayRequest) -> Replayed:
        return await replay_of(request).page(wish)

    @routes.post("/redact", summary="Drop headers and bodies that mention somebody")
    async def redact_callbacks(request: Request, wish: RedactRequest) -> Redacted:
        return await redact_of(request).page(wish)

    return routes
