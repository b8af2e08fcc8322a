"""Events for the gateway to forward."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_webhooks.event.access import NOW, EventAccess, wanted_of
from onerouter_webhooks.event.schemas import RedeliverEvent, Redelivery
from onerouter_webhooks.event.streams import EventStreams

Owner = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200)]
Types = Annotated[str | None, Query(max_length=5_000, description="Comma-separated; absent: all.")]


def router(
    access_of: Callable[[Request], EventAccess], streams_of: Callable[[Request], EventStreams], auth: InternalAuth
) -> APIRouter:
    """`/internal/events`."""
    routes = APIRouter(prefix="/internal/events", tags=["events"], dependencies=[Depends(auth)])

    @routes.get("", summary="Events from a cursor on, in the order of their commits")
    async def poll_events(
        request: Request, owner: Owner, after: Cursor = None, types: Types = None, limit: Limit = 50
    ) -> Response:
        access, wanted = access_of(request), wanted_of(split(types))
        page = await access.page(owner, await access.start(owner, after), wanted, limit)
        return Response(page.to_json(), media_type="application/json")

    @routes.get("/stream", summary="Events as they come: server-sent events, without an end")
    async def stream_events(
        request: Request,
        owner: Owner,
        after: Cursor = None,
        types: Types = None,
        last_event_id: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        wanted = wanted_of(split(types))
        if last_event_id:  # who reconnects asks with the same address as before
            start = await access_of(request).start(owner, last_event_id, field="Last-Event-ID")
        else:
            start = await access_of(request).start(owner, after or NOW)
        return streams_of(request).stream(owner, start, wanted)

    @routes.get("/{event_id}", summary="One event and its deliveries")
    async def get_event(request: Request, owner: Owner, event_id: str) -> dict[str, Any]:
        return await access_of(request).get(owner, event_id)

    @routes.post("/{event_id}/redeliver", summary="Send an event once more")
    async def redeliver_event(
        request: Request, response: Response, owner: Owner, once: Keyed, event_id: str, body: RedeliverEvent
    ) -> Redelivery:
        redelivery = await access_of(request).redeliver(owner, event_id, body.endpoint_id, once)
        response.headers.update(once.headers)
        return redelivery

    return routes


def split(types: str | None) -> list[str]:
    """`a,b` as its parts."""
    return [] if types is None else [part.strip() for part in types.split(",") if part.strip()]
