"""What the gateway asks about suppression lists. `{channel}` is sms or email."""

from collections.abc import Mapping
from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.suppression.schemas import AddSuppression, Channel, Reason, RemoveSuppression
from onerouter_messaging.suppression.service import Suppressions

Tenant = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]
Address = Annotated[str, Query(min_length=1, max_length=320)]


def _suppressions(request: Request) -> Suppressions:
    return cast(Suppressions, request.state.suppressions)


Service = Annotated[Suppressions, Depends(_suppressions)]


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/suppressions/{channel}", dependencies=[Depends(auth)])

    @routes.get("")
    async def page(
        tenant: Tenant,
        service: Service,
        channel: Channel,
        page: AskedPage,
        address: Address | None = None,
        reason: Reason | None = None,
    ) -> Response:
        return _json(await service.list(tenant, channel, page, address=address, reason=reason))

    @routes.post("", status_code=201)
    async def add(tenant: Tenant, service: Service, once: Keyed, channel: Channel, asked: AddSuppression) -> Response:
        return _json(await service.add(tenant, channel, asked, once), status=201, headers=once.headers)

    @routes.get("/check")
    async def check(tenant: Tenant, service: Service, channel: Channel, address: Address) -> Response:
        return _json(await service.check(tenant, channel, address))

    @routes.delete("/{suppression_id}")
    async def remove(
        tenant: Tenant,
        service: Service,
        channel: Channel,
        suppression_id: str,
        asked: Annotated[RemoveSuppression, Query()],
    ) -> Response:
        return _json(await service.remove(tenant, channel, suppression_id, by=asked.by, note=asked.note))

    return routes


def _json(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)
