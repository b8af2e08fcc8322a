"""Where the gateway hands over the bytes of an object."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from starlette.requests import Request

from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.web.bodies import body_of
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_storage.content.schemas import StoredContent
from onerouter_storage.content.service import TOO_LARGE, Contents

Tenant = Annotated[TenantContext, Depends(tenant_context)]


def _contents(request: Request) -> Contents:
    return cast(Contents, request.state.contents)


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/contents", dependencies=[Depends(auth)])

    @routes.post("")
    async def keep(
        request: Request, tenant: Tenant, contents: Annotated[Contents, Depends(_contents)]
    ) -> StoredContent:
        return await contents.keep(tenant, await body_of(request, INLINE_BYTES, TOO_LARGE))

    return routes
