"""Where the gateway hands over files."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request

from onerouter_common.web.bodies import body_of
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.attachment.schemas import ATTACHMENT_BYTES, StoredAttachment
from onerouter_messaging.attachment.service import Attachments

_TOO_LARGE: Final = f"An attachment may have at most {ATTACHMENT_BYTES} bytes."

Tenant = Annotated[TenantContext, Depends(tenant_context)]


def _attachments(request: Request) -> Attachments:
    return cast(Attachments, request.state.attachments)


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/attachments", dependencies=[Depends(auth)])

    @routes.post("")
    async def keep(
        request: Request,
        tenant: Tenant,
        attachments: Annotated[Attachments, Depends(_attachments)],
        content_type: Annotated[str | None, Header()] = None,
    ) -> StoredAttachment:
        body = await body_of(request, ATTACHMENT_BYTES, _TOO_LARGE)
        return await attachments.keep(tenant, body, content_type)

    return routes
