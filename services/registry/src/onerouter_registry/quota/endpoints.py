"""Lending to the gateways, and a key's month."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Security

from onerouter_common.metric_names import REGISTRY_LOOKUPS
from onerouter_common.registry_client import QuotaLease, absent
from onerouter_registry.access.authentication import tenant_caller
from onerouter_registry.access.caller import TenantCaller
from onerouter_registry.admin import Admin
from onerouter_registry.quota.schemas import ApiKeyUsage, LeaseBody
from onerouter_registry.quota.service import QuotaLeases

internal = APIRouter()
public = APIRouter(tags=["API keys"])


@internal.post("/internal/quotas/lease", summary="Operations of a key's monthly quota")
async def lease_quota(request: Request, body: LeaseBody) -> QuotaLease:
    leases: QuotaLeases = request.state.quota_leases
    lease = await leases.lease(body.to_request())
    REGISTRY_LOOKUPS.labels("quota", "absent" if lease is None else "granted" if lease.granted else "refused").inc()
    if lease is None:
        raise absent("There is no such API key.")
    return lease


@public.get("/api/api-keys/{key_id}/usage", summary="Get what an API key has used of its quotas")
async def get_api_key_usage(
    request: Request,
    key_id: Annotated[str, Path(max_length=64)],
    caller: Annotated[TenantCaller, Security(tenant_caller, scopes=["api_keys:read"])],
) -> ApiKeyUsage:
    """This calendar month (UTC), for each category with a quota; with what the keys used that it was rotated from."""
    admin: Admin = request.state.admin
    return ApiKeyUsage.of(await admin.quota_usage.of(caller.tenant_id, caller.environment, key_id))
