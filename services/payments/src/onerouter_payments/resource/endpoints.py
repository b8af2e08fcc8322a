"""`/internal/resources/{kind}`: reads for the gateway, one form for all kinds."""

from typing import Annotated, Final, cast

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.reads import ResourceReads, View

_OF_THE_PAGE: Final = frozenset({"limit", "cursor", "created_after", "created_before"})
_MOST_CHARS: Final = 200

Tenant = Annotated[TenantContext, Depends(tenant_context)]


def _kind(kind: str) -> Kind:
    found = KINDS.get(kind)
    if found is None:
        raise NotFound(f"There is no kind of resource {kind[:40]}.")
    return found


def _reads(request: Request) -> ResourceReads:
    return cast(ResourceReads, request.state.resources)


def _filters(request: Request) -> dict[str, str]:
    found = {name: value for name, value in request.query_params.items() if name not in _OF_THE_PAGE}
    for name, value in found.items():
        if len(value) > _MOST_CHARS or "\x00" in value:  # PostgreSQL has no text with NUL
            raise InvalidRequest.of(name[:40], "is not a value it can have")
    return found


OfKind = Annotated[Kind, Depends(_kind)]
Reads = Annotated[ResourceReads, Depends(_reads)]


def _json(view: View) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/resources", dependencies=[Depends(auth)])

    @routes.get("/{kind}/{resource_id}/placed")
    async def get_placed(tenant: Tenant, reads: Reads, kind: OfKind, resource_id: str) -> Response:
        return _json(await reads.placed(tenant, kind, resource_id))

    @routes.get("/{kind}/{resource_id}")
    async def get_resource(tenant: Tenant, reads: Reads, kind: OfKind, resource_id: str) -> Response:
        return _json(await reads.one(tenant, kind, resource_id))

    @routes.get("/{kind}")
    async def list_resources(
        tenant: Tenant,
        reads: Reads,
        kind: OfKind,
        page: AskedPage,
        filters: Annotated[dict[str, str], Depends(_filters)],
    ) -> Response:
        return _json(await reads.many(tenant, kind, filters, page))

    return routes
