"""What gateways, workers and the webhooks service ask about connections."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr

from onerouter_common import telemetry
from onerouter_common.contracts.base import Category, Environment
from onerouter_common.metric_names import REGISTRY_LOOKUPS
from onerouter_common.registry_client import CallbackTarget, RouteSet, UsableProviders, absent
from onerouter_registry.connection.discovery import Discovery
from onerouter_registry.connection.lookups import Lookups

router = APIRouter()

_PLAIN: Final = "^[0-9A-Za-z_-]{1,128}$"


class CallbackAddress(BaseModel):
    provider: str = Field(pattern=_PLAIN)
    token: SecretStr = Field(min_length=1, max_length=128, description="As it stands in the provider's address of us.")


@router.get(
    "/internal/tenants/{tenant_id}/environments/{environment}/routes/{category}",
    summary="A tenant's connections in order",
    responses={200: {"model": RouteSet}},
)
async def get_route(request: Request, tenant_id: str, environment: Environment, category: Category) -> Response:
    lookups: Lookups = request.state.lookups
    with telemetry.span("registry.route", parent=telemetry.extract(request.headers)):
        found = await lookups.route_set(tenant_id, environment, category)
    REGISTRY_LOOKUPS.labels("route", "found" if found.connections else "empty").inc()
    return Response(found.model_dump_json(), media_type="application/json")


@router.get(
    "/internal/tenants/{tenant_id}/environments/{environment}/providers",
    summary="What a tenant can use",
    responses={200: {"model": UsableProviders}},
)
async def list_usable_providers(request: Request, tenant_id: str, environment: Environment) -> Response:
    discovery: Discovery = request.state.discovery
    with telemetry.span("registry.providers", parent=telemetry.extract(request.headers)):
        found = await discovery.usable(tenant_id, environment)
    return Response(found.model_dump_json(), media_type="application/json")


@router.post(
    "/internal/callback-tokens/look-up",
    summary="Whose callback token it is",
    responses={200: {"model": CallbackTarget}},
)
async def look_up_callback_token(request: Request, body: CallbackAddress) -> Response:
    lookups: Lookups = request.state.lookups
    with telemetry.span("registry.callback_target", parent=telemetry.extract(request.headers)):
        found = await lookups.callback_target(body.provider, body.token.get_secret_value())
    REGISTRY_LOOKUPS.labels("callback_token", "absent" if found is None else "found").inc()
    if found is None:
        raise absent("There is no such callback address.")
    return Response(found.model_dump_json(), media_type="application/json")
