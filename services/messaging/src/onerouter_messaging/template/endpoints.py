"""What the gateway asks about templates. `{channel}` is sms or email."""

from collections.abc import Mapping
from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.template.schemas import (
    ChangeTemplate,
    Channel,
    CreateTemplate,
    PreviewTemplate,
    PublishTemplate,
)
from onerouter_messaging.template.service import Templates

Tenant = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]


def _templates(request: Request) -> Templates:
    return cast(Templates, request.state.templates)


Service = Annotated[Templates, Depends(_templates)]


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/templates/{channel}", dependencies=[Depends(auth)])

    @routes.post("", status_code=201)
    async def create(
        tenant: Tenant, templates: Service, once: Keyed, channel: Channel, asked: CreateTemplate
    ) -> Response:
        created = await templates.create(tenant, channel, asked, once)
        return _json(created, status=201, headers=once.headers)

    @routes.get("")
    async def page(
        tenant: Tenant,
        templates: Service,
        channel: Channel,
        page: AskedPage,
        name: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Response:
        return _json(await templates.list(tenant, channel, page, name))

    @routes.get("/{template_id}")
    async def get(tenant: Tenant, templates: Service, channel: Channel, template_id: str) -> Response:
        return _json(await templates.get(tenant, channel, template_id))

    @routes.patch("/{template_id}")
    async def change(
        tenant: Tenant, templates: Service, channel: Channel, template_id: str, asked: ChangeTemplate
    ) -> Response:
        return _json(await templates.change(tenant, channel, template_id, asked))

    @routes.delete("/{template_id}")
    async def delete(tenant: Tenant, templates: Service, channel: Channel, template_id: str) -> Response:
        return _json(await templates.delete(tenant, channel, template_id))

    @routes.post("/{template_id}/publish")
    async def publish(
        tenant: Tenant,
        templates: Service,
        once: Keyed,
        channel: Channel,
        template_id: str,
        asked: PublishTemplate | None = None,
    ) -> Response:
        version = None if asked is None else asked.version
        published = await templates.publish(tenant, channel, template_id, version, once)
        return _json(published, headers=once.headers)

    @routes.post("/{template_id}/preview")
    async def preview(
        tenant: Tenant, templates: Service, channel: Channel, template_id: str, asked: PreviewTemplate
    ) -> Response:
        return _json(await templates.preview(tenant, channel, template_id, asked.variables, asked.version))

    @routes.get("/{template_id}/versions")
    async def versions(
        tenant: Tenant, templates: Service, channel: Channel, template_id: str, page: AskedPage
    ) -> Response:
        return _json(await templates.versions(tenant, channel, template_id, page))

    @routes.get("/{template_id}/published")
    async def published(
        tenant: Tenant,
        templates: Service,
        channel: Channel,
        template_id: str,
        version: Annotated[int | None, Query(ge=1, le=2_147_483_647)] = None,
    ) -> Response:
        """`{id, version, variables}`: asked once before a send."""
        return _json(await templates.published(tenant, channel, template_id, version))

    return routes


def _json(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)
