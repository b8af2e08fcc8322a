"""What the gateway asks about batches. `{channel}` is sms or email."""

from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.batch.reads import BatchReads
from onerouter_messaging.message.state import Channel

Tenant = Annotated[TenantContext, Depends(tenant_context)]


def _batches(request: Request) -> BatchReads:
    return cast(BatchReads, request.state.batches)


Reads = Annotated[BatchReads, Depends(_batches)]


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/batches/{channel}", dependencies=[Depends(auth)])

    @routes.get("/{batch_id}")
    async def one(tenant: Tenant, reads: Reads, channel: Channel, batch_id: str) -> Response:
        return _json(await reads.one(tenant, channel, batch_id))

    @routes.get("/{batch_id}/messages")
    async def messages(
        tenant: Tenant,
        reads: Reads,
        channel: Channel,
        batch_id: str,
        page: AskedPage,
        status: Annotated[str | None, Query(max_length=20)] = None,
    ) -> Response:
        return _json(await reads.messages(tenant, channel, batch_id, page, status))

    return routes


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
