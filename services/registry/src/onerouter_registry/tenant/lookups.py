"""What other services ask about tenants: which are gone for good, so that they forget what they hold of them."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from onerouter_common.db.engine import Pool
from onerouter_common.registry_client import EndedTenants
from onerouter_registry.tenant import repository

router = APIRouter()


class TenantIds(BaseModel):
    tenant_ids: list[str] = Field(max_length=500)


class TenantLookups:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ended(self, tenant_ids: list[str]) -> EndedTenants:
        """One query."""
        return EndedTenants(tenant_ids=tuple(await repository.fetch_ended(self._pool, tenant_ids)))


@router.post("/internal/tenants/ended", summary="Which of these tenants were deleted for good")
async def list_ended_tenants(request: Request, body: TenantIds) -> EndedTenants:
    lookups: TenantLookups = request.state.tenant_lookups
    return await lookups.ended(body.tenant_ids)
