"""What the management API takes and shows of a tenant, from its own side."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onerouter_common.contracts.base import Moment
from onerouter_common.registry_client import TenantStatus
from onerouter_registry.tenant.model import DeletionBy, Tenant
from onerouter_registry.tenant.plans import requests_per_minute

TenantName = Annotated[str, Field(min_length=1, max_length=100, examples=["Acme"])]

DefaultRegion = Annotated[
    str,
    Field(
        min_length=2,
        max_length=2,
        description="The country whose national phone numbers are understood where a number has no country code; ISO 3166. "
        "null: none, every number has to be international (+91…).",
        examples=["IN"],
    ),
]


class TenantPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: TenantName | None = None
    default_region: DefaultRegion | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("name must not be null; leave it out to keep what it is")
        return self

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


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
    default_region: str | None = Field(description="Whose national phone numbers are understood; null: nobody's.")
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
        "default_region": tenant.default_region,
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    }
