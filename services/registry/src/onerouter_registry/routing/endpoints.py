"""Routing on the management API."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Security

from onerouter_common.contracts.base import Category
from onerouter_registry.access.authentication import tenant_caller
from onerouter_registry.access.caller import TenantCaller
from onerouter_registry.admin import Admin
from onerouter_registry.routing.schemas import ExplainBody, ExplanationView, PolicyBody, RoutingList, RoutingView
from onerouter_registry.routing.service import Routing

router = APIRouter(prefix="/api/routing", tags=["Routing"])

Reader = Annotated[TenantCaller, Security(tenant_caller, scopes=["routing:read"])]
Writer = Annotated[TenantCaller, Security(tenant_caller, scopes=["routing:write"])]


@router.get("", summary="List the routing of every category", response_model=RoutingList)
async def list_routing(request: Request, caller: Reader) -> RoutingList:
    """Of your environment: each category's policy, and its connections in order of priority."""
    return RoutingList.of(await _routing(request).list(caller.tenant_id, caller.environment))


@router.post("/explain", summary="Explain where an operation would go", response_model=ExplanationView)
async def explain_routing(request: Request, caller: Reader, body: ExplainBody) -> ExplanationView:
    """Decided as a real operation's route is, with every connection that is passed over and why. Nothing is sent."""
    found = await _routing(request).explain(caller.tenant_id, caller.environment, body.category, body.request())
    return ExplanationView.of(found)


@router.get("/{category}", summary="Get a category's routing", response_model=RoutingView)
async def get_routing(request: Request, caller: Reader, category: Category) -> RoutingView:
    return RoutingView.of(await _routing(request).get(caller.tenant_id, caller.environment, category))


@router.put("/{category}", summary="Replace a category's routing policy", response_model=RoutingView)
async def replace_routing(request: Request, caller: Writer, category: Category, body: PolicyBody) -> RoutingView:
    """The whole policy. Workers follow within a second; an operation that has begun stays where it is."""
    made = await _routing(request).replace(
        caller.tenant_id,
        caller.environment,
        category,
        body.policy(),
        expected_version=body.version,
        by=caller.actor,
    )
    return RoutingView.of(made)


@router.delete("/{category}", summary="Remove a category's routing policy", response_model=RoutingView)
async def remove_routing(
    request: Request,
    caller: Writer,
    category: Category,
    version: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="409 when it is not the present one.")] = None,
) -> RoutingView:
    """Back to the connections in their order of priority. Versions go on counting."""
    left = await _routing(request).remove(
        caller.tenant_id, caller.environment, category, expected_version=version, by=caller.actor
    )
    return RoutingView.of(left)


def _routing(request: Request) -> Routing:
    admin: Admin = request.state.admin
    return admin.routing
