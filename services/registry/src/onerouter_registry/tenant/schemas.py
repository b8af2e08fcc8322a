"""What the management API takes and shows of a tenant, from its own side."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.contracts.base import Moment
from onerouter_common.registry_client import TenantStatus
from onerouter_registry.tenant.model import DeletionBy, Tenant
from onerouter_registry.tenant.plans import requests_per_minute

TenantName = Annotated[str, Field(min_length=1, max_length=100, examples=["Acme"])]


class TenantPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: TenantName


class TenantDeletion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=200, description="The tenant's name, to be sure.", examples=["Acme"])


class TenantView(BaseModel):
    id: str = Field(examples=["ten_01k9zq3v9yf7w8r2m4t6x8z0bc"])
    name: str = Field(examples=["Acme"])
    status: TenantStatus = Field(description="Only an active tenant's requests are served.")
    status_reason: str | None = Field(description="Why it is suspended.")
    status_changed_at: Moment | None
    delete_after: Moment | None = Field(description="When all it has is destroyed; until then that can be undone.")
    deletion_by: DeletionBy | None = Field(
        description="Who began the deletion: only they, or an operator, can undo it."
    )
    plan: str = Field(examples=["growth"])
    requests_per_minute: int | None = Field(description="What all its keys may do together; null: no limit.")
    created_at: Moment
    updated_at: Moment | None

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        return cls(**fields_of(tenant))


def fields_of(tenant: Tenant) -> dict[str, object]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "status": tenant.status,
        "status_reason": tenant.status_reason,
        "status_changed_at": tenant.status_changed_at,
        "delete_after": tenant.delete_after,
        "deletion_by": tenant.deletion_by,
        "plan": tenant.plan,
        "requests_per_minute": requests_per_minute(tenant.plan, tenant.requests_per_minute),
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    }
