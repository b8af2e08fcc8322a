"""A tenant's view of itself on the management API."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security

from onerouter_common.errors import NotPermitted
from onerouter_registry.access.authentication import signed_in, tenant_caller
from onerouter_registry.access.caller import Caller, TenantCaller
from onerouter_registry.tenant.schemas import TenantDeletion, TenantPatch, TenantView
from onerouter_registry.tenant.service import Tenants

router = APIRouter(prefix="/api/tenant", tags=["Tenant"])


def _tenants(request: Request) -> Tenants:
    tenants: Tenants = request.state.admin.tenants
    return tenants


TenantsUsed = Annotated[Tenants, Depends(_tenants)]


@router.get("", summary="Get your tenant")
async def get_tenant(
    caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["tenant:read"])], tenants: TenantsUsed
) -> TenantView:
    return TenantView.of(await tenants.get(caller.tenant_id))


@router.patch("", summary="Change your tenant")
async def update_tenant(
    caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["tenant:write"])],
    tenants: TenantsUsed,
    body: TenantPatch,
) -> TenantView:
    """What is absent stays."""
    return TenantView.of(await tenants.change(caller.tenant_id, body.changes(), by=caller.actor))


@router.post("/delete", summary="Delete your tenant")
async def delete_tenant(
    caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["tenant:delete"])],
    tenants: TenantsUsed,
    body: TenantDeletion,
) -> TenantView:
    """Its keys stop working within a second. At `delete_after` all it has is destroyed for good; until then an owner can
    undo it."""
    return TenantView.of(await tenants.delete_own(caller.tenant_id, body.confirm, by=caller.actor))


@router.post("/undelete", summary="Undo the deletion of your tenant")
async def undelete_tenant(caller: Annotated[Caller, Security(signed_in)], tenants: TenantsUsed) -> TenantView:
    """Within the grace, and only of a deletion that the tenant itself began. Its keys work again within a second."""
    # Not `tenant_caller`: on a tenant that is being deleted it lets nothing be changed.
    if caller.tenant_id is None:
        raise NotPermitted("You are not a member of any tenant.")
    caller.require("tenant:delete")
    return TenantView.of(await tenants.undelete_own(caller.tenant_id, by=caller.actor))
