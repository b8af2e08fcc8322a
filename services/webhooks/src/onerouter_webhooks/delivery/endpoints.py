"""Deliveries for the gateway to forward."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.reads.asked import Moment
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_webhooks.delivery.access import DeliveryAccess
from onerouter_webhooks.delivery.reading import Wanted
from onerouter_webhooks.delivery.schemas import Delivery, DeliveryList, Status

Owner = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=64, pattern="^[a-z]{2,4}_[0-9a-z]+$")]
Type = Annotated[str | None, Query(max_length=100, pattern="^[a-z_.]+$")]


def router(access_of: Callable[[Request], DeliveryAccess], auth: InternalAuth) -> APIRouter:
    """`/internal/webhook-endpoints/{id}/deliveries` and `/internal/deliveries`."""
    routes = APIRouter(prefix="/internal", tags=["deliveries"], dependencies=[Depends(auth)])

    @routes.get("/webhook-endpoints/{endpoint_id}/deliveries", summary="What was sent and what came back, newest first")
    async def list_deliveries(
        request: Request,
        owner: Owner,
        endpoint_id: str,
        limit: Limit = 20,
        cursor: Cursor = None,
        status: Status | None = None,
        type: Type = None,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> DeliveryList:
        wanted = Wanted(status, type, since, until)
        return await access_of(request).page(owner, endpoint_id, wanted, cursor, limit)

    @routes.get("/deliveries/{delivery_id}", summary="One delivery and every attempt")
    async def get_delivery(request: Request, owner: Owner, delivery_id: str) -> Delivery:
        return await access_of(request).get(owner, delivery_id)

    @routes.post("/deliveries/{delivery_id}/retry", summary="Send it once more, now")
    async def retry_delivery(
        request: Request, response: Response, owner: Owner, once: Keyed, delivery_id: str
    ) -> Delivery:
        made = await access_of(request).retry(owner, delivery_id, once)
        response.headers.update(once.headers)
        return made

    return routes
