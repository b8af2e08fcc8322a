"""The operators' part of the management API: every tenant."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from onerouter_common.once.described import PARAMETER
from onerouter_common.once.request import Once, once_of
from onerouter_common.recipients import email_of
from onerouter_common.registry_client import TenantStatus
from onerouter_registry.access.authentication import operator
from onerouter_registry.access.caller import Caller
from onerouter_registry.admin import Admin
from onerouter_registry.operator.schemas import (
    CreatedTenantView,
    ManagedTenantPageView,
    ManagedTenantPatch,
    ManagedTenantView,
    NewTenant,
    PlansView,
    Suspension,
)

router = APIRouter(prefix="/api/admin", tags=["Operators"])


def _admin(request: Request) -> Admin:
    admin: Admin = request.state.admin
    return admin


Operator = Annotated[Caller, Security(operator)]
UseCases = Annotated[Admin, Depends(_admin)]
TenantId = Annotated[str, Path(max_length=64, examples=["ten_01k9zq3v9yf7w8r2m4t6x8z0bc"])]


@router.get("/plans", summary="List plans")
async def list_account_plans(_: Operator) -> PlansView:
    return PlansView.all()


@router.get("/tenants", summary="List tenants")
async def list_tenants(
    _: Operator,
    admin: UseCases,
    search: Annotated[
        str | None,
        Query(max_length=320, pattern=r"^[^\x00]*$", description="An id, part of a name, or an owner's email address."),
    ] = None,
    status: TenantStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> ManagedTenantPageView:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return ManagedTenantPageView.of(
        await admin.directory.page(search=search, status=status, limit=limit, cursor=cursor)
    )


@router.post("/tenants", summary="Create a tenant", status_code=201, openapi_extra={"parameters": [PARAMETER]})
async def create_managed_tenant(
    response: Response,
    caller: Operator,
    admin: UseCases,
    once: Annotated[Once, Depends(once_of)],
    body: NewTenant,
) -> CreatedTenantView:
    """Without an owner nobody but operators can manage it. A repeat under the same `Idempotency-Key` is answered without the
    invitation's link."""
    email = None if body.owner_email is None else email_of("owner_email", body.owner_email)
    tenant = await admin.tenants.create(body.name, plan=body.plan, once=once, by=caller.actor)
    response.headers.update(once.headers)
    invited = None
    if email is not None:
        # In a transaction of its own, so under the key once more: a repeat makes up for one that was not reached.
        invited = await admin.people.invitations.invite(
            tenant.id, email, "owner", acting_as=None, by=caller.actor, once=once.apart()
        )
        response.headers["Cache-Control"] = "no-store"  # it may hold the invitation's link
    return CreatedTenantView.made(await admin.directory.get(tenant.id), invited, admin.directory.clock.now())


@router.get("/tenants/{tenant_id}", summary="Get a tenant")
async def get_managed_tenant(_: Operator, admin: UseCases, tenant_id: TenantId) -> ManagedTenantView:
    return await _shown(admin, tenant_id)


@router.patch("/tenants/{tenant_id}", summary="Change a tenant's name, plan or limit")
async def update_managed_tenant(
    caller: Operator, admin: UseCases, tenant_id: TenantId, body: ManagedTenantPatch
) -> ManagedTenantView:
    await admin.tenants.change(tenant_id, body.changes(), by=caller.actor)
    return await _shown(admin, tenant_id)


@router.post("/tenants/{tenant_id}/suspend", summary="Suspend a tenant")
async def suspend_tenant(caller: Operator, admin: UseCases, tenant_id: TenantId, body: Suspension) -> ManagedTenantView:
    """Its keys are refused everywhere within a second; its people may still look. What was begun is followed to its end."""
    await admin.tenants.suspend(tenant_id, body.reason, by=caller.actor)
    return await _shown(admin, tenant_id)


@router.post("/tenants/{tenant_id}/resume", summary="Resume a suspended tenant")
async def resume_tenant(caller: Operator, admin: UseCases, tenant_id: TenantId) -> ManagedTenantView:
    await admin.tenants.resume(tenant_id, by=caller.actor)
    return await _shown(admin, tenant_id)


@router.delete("/tenants/{tenant_id}", summary="Delete a tenant")
async def delete_managed_tenant(
    caller: Operator,
    admin: UseCases,
    tenant_id: TenantId,
    grace_days: Annotated[
        int | None, Query(ge=0, le=365, description="For how long it can be undone; absent: as configured.")
    ] = None,
) -> ManagedTenantView:
    """Its keys are refused within a second. At `delete_after` its keys, credentials and members are destroyed for good; its
    audit log stays. Sent again: from now on, with this grace."""
    grace = None if grace_days is None else timedelta(days=grace_days)
    await admin.tenants.delete(tenant_id, grace=grace, by=caller.actor)
    return await _shown(admin, tenant_id)


@router.post("/tenants/{tenant_id}/undelete", summary="Undo the deletion of a tenant")
async def undelete_managed_tenant(caller: Operator, admin: UseCases, tenant_id: TenantId) -> ManagedTenantView:
    """Within its grace. One that was suspended is suspended again."""
    await admin.tenants.undelete(tenant_id, by=caller.actor)
    return await _shown(admin, tenant_id)


async def _shown(admin: Admin, tenant_id: str) -> ManagedTenantView:
    return ManagedTenantView.shown(await admin.directory.get(tenant_id))
