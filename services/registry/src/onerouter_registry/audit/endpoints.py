"""The audit log on the management API."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Security

from onerouter_common.errors import InvalidRequest, NotPermitted
from onerouter_common.ids import AUDIT_ENTRY, is_id
from onerouter_registry.access.authentication import operator, tenant_caller
from onerouter_registry.access.caller import TenantCaller
from onerouter_registry.audit.schemas import EntryPageView, EntryQuery, PlatformEntryPageView, PlatformEntryQuery
from onerouter_registry.audit.trail import AuditTrail

router = APIRouter()

_SEQUENCE: Final = re.compile(r"[1-9][0-9]{0,17}\Z")


def _trail(request: Request) -> AuditTrail:
    trail: AuditTrail = request.state.admin.audit_trail
    return trail


Trail = Annotated[AuditTrail, Depends(_trail)]


@router.get("/api/audit", tags=["Audit"], summary="Who changed what")
async def list_audit_entries(
    caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["audit:read"])],
    trail: Trail,
    query: Annotated[EntryQuery, Query()],
) -> EntryPageView:
    """Changes in your environment and those that concern both, newest first. Follow `next_cursor` while `has_more`."""
    environment = query.environment or caller.environment
    if environment != caller.environment and caller.caller.scopes is not None:
        raise NotPermitted(f"This API key reads what was changed in {caller.environment}, not in {environment}.")
    page = await trail.of_tenant(
        caller.tenant_id, environment, query.filter(), limit=query.limit, before=_sequence_of(query.cursor)
    )
    return EntryPageView.of(page)


@router.get(
    "/api/admin/audit",
    tags=["Operators"],
    summary="Who changed what, of every tenant and of the platform",
    dependencies=[Security(operator)],
)
async def list_all_audit_entries(trail: Trail, query: Annotated[PlatformEntryQuery, Query()]) -> PlatformEntryPageView:
    """Newest first. A cursor goes on in the list that gave it: with the same `tenant_id`, or again without one."""
    if query.tenant_id is not None:
        before = _sequence_of(query.cursor)
        page = await trail.of_chain(query.tenant_id, query.filter(), limit=query.limit, before=before)
    else:
        page = await trail.of_all(query.filter(), limit=query.limit, before=_entry_of(query.cursor))
    return PlatformEntryPageView.of(page, one_chain=query.tenant_id is not None)


def _sequence_of(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if _SEQUENCE.match(cursor) is None:
        raise _not_a_cursor()
    return int(cursor)


def _entry_of(cursor: str | None) -> str | None:
    if cursor is not None and not is_id(AUDIT_ENTRY, cursor):
        raise _not_a_cursor()
    return cursor


def _not_a_cursor() -> InvalidRequest:
    return InvalidRequest.of("cursor", "is not one that this list has given")
