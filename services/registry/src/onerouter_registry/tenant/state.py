"""A tenant's life. Pure: each rule gives the tenant as it is then, the very same where nothing changes.

active ⇄ suspended    an operator
either → deleting     its owner, or an operator; undone until `delete_after`, it is again what it was
deleting → deleted    at `delete_after`; final, and the id stays taken
"""

from dataclasses import replace
from datetime import datetime

from onerouter_common.clock import isoformat
from onerouter_common.errors import Conflict
from onerouter_registry.tenant.model import DeletionBy, Tenant


def suspend(tenant: Tenant, reason: str, now: datetime) -> Tenant:
    """Raises Conflict when it is being deleted."""
    if tenant.status not in ("active", "suspended"):
        raise _conflict(tenant)
    if tenant.status == "suspended" and tenant.status_reason == reason:
        return tenant
    return replace(tenant, status="suspended", status_reason=reason, status_changed_at=now, updated_at=now)


def resume(tenant: Tenant, now: datetime) -> Tenant:
    """Raises Conflict when it is being deleted."""
    if tenant.status == "active":
        return tenant
    if tenant.status != "suspended":
        raise _conflict(tenant)
    return replace(tenant, status="active", status_reason=None, status_changed_at=now, updated_at=now)


def begin_deletion(tenant: Tenant, by: DeletionBy, delete_after: datetime, now: datetime) -> Tenant:
    """An operator may also change when, and take over what the tenant began. Raises Conflict when it is deleted."""
    if tenant.status == "deleted":
        raise _conflict(tenant)
    if tenant.status == "deleting" and by == "tenant":
        return tenant
    return replace(
        tenant,
        status="deleting",
        status_changed_at=now,
        delete_after=delete_after,
        deletion_by=by,
        updated_at=now,
    )


def undo_deletion(tenant: Tenant, by: DeletionBy, now: datetime) -> Tenant:
    """A tenant undoes only what it began itself. Raises Conflict."""
    if tenant.status == "deleted":
        raise _conflict(tenant)
    if tenant.status != "deleting":
        return tenant
    if by == "tenant" and tenant.deletion_by != "tenant":
        raise Conflict("An operator of this service deletes this tenant; only an operator can undo that.")
    return replace(
        tenant,
        status="active" if tenant.status_reason is None else "suspended",
        status_changed_at=now,
        delete_after=None,
        deletion_by=None,
        updated_at=now,
    )


def is_due(tenant: Tenant, now: datetime) -> bool:
    return tenant.status == "deleting" and tenant.delete_after is not None and tenant.delete_after <= now


def end(tenant: Tenant, now: datetime) -> Tenant:
    """Raises Conflict unless its time has come."""
    if not is_due(tenant, now):
        raise _conflict(tenant)
    return replace(tenant, status="deleted", status_changed_at=now, updated_at=now)


def _conflict(tenant: Tenant) -> Conflict:
    if tenant.status == "deleting" and tenant.delete_after is not None:
        return Conflict(f"The tenant is being deleted; until {isoformat(tenant.delete_after)} that can be undone.")
    return Conflict(f"The tenant is {tenant.status}.")
