"""Recoveries for the gateway to forward."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_webhooks.recovery.schemas import Recovery, RecoveryList, StartRecovery
from onerouter_webhooks.recovery.service import RecoveryAccess

Owner = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=64, pattern="^[a-z]{2,4}_[0-9a-z]+$")]


def router(access_of: Callable[[Request], RecoveryAccess], auth: InternalAuth) -> APIRouter:
    """`/internal/webhook-endpoints/{id}/recover` and `…/recoveries`."""
    routes = APIRouter(
        prefix="/internal/webhook-endpoints/{endpoint_id}", tags=["recoveries"], dependencies=[Depends(auth)]
    )

    @routes.post("/recover", status_code=201, summary="Send again what the endpoint missed")
    async def start_recovery(
        request: Request, response: Response, owner: Owner, once: Keyed, endpoint_id: str, body: StartRecovery
    ) -> Recovery:
        recovery = await access_of(request).start(owner, endpoint_id, body, once)
        response.headers.update(once.headers)
        return recovery

    @routes.get("/recoveries", summary="An endpoint's recoveries, newest first")
    async def list_recoveries(
        request: Request, owner: Owner, endpoint_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> RecoveryList:
        return await access_of(request).page(owner, endpoint_id, cursor, limit)

    @routes.get("/recoveries/{recovery_id}", summary="How far a recovery came")
    async def get_recovery(request: Request, owner: Owner, endpoint_id: str, recovery_id: str) -> Recovery:
        return await access_of(request).get(owner, endpoint_id, recovery_id)

    @routes.post("/recoveries/{recovery_id}/cancel", summary="Send no more of it")
    async def cancel_recovery(request: Request, owner: Owner, endpoint_id: str, recovery_id: str) -> Recovery:
        return await access_of(request).cancel(owner, endpoint_id, recovery_id)

    return routes
