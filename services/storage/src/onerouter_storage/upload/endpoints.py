"""The internal reads of uploads that the gateway forwards to."""

from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onerouter_common.contracts.storage import MOST_PARTS
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_storage.upload.reads import PARTS_MOST, UploadReads

Tenant = Annotated[TenantContext, Depends(tenant_context)]
From = Annotated[int, Query(alias="from", ge=1, le=MOST_PARTS)]
Count = Annotated[int, Query(ge=1, le=PARTS_MOST)]


def _uploads(request: Request) -> UploadReads:
    return cast(UploadReads, request.state.uploads)


Reads = Annotated[UploadReads, Depends(_uploads)]


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/uploads…`. Needs `request.state.uploads`."""
    routes = APIRouter(prefix="/internal/uploads/{upload_id}", dependencies=[Depends(auth)])

    @routes.get("")
    async def get_upload(tenant: Tenant, reads: Reads, upload_id: str, signed: bool = True) -> Response:
        return _json(await reads.one(tenant, upload_id, signed=signed))

    @routes.get("/parts")
    async def list_parts(
        tenant: Tenant, reads: Reads, upload_id: str, first: From = 1, count: Count = PARTS_MOST
    ) -> Response:
        return _json(await reads.parts(tenant, upload_id, first, count))

    return routes


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json", headers={"Cache-Control": "no-store"})
