"""A tenant, as the registry knows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from onerouter_common.registry_client import TenantStatus
from onerouter_registry.tenant.plans import UNLIMITED

DeletionBy = Literal["tenant", "operator"]


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created_at: datetime
    status: TenantStatus = "active"
    status_reason: str | None = None
    """Why it is suspended; kept while it is being deleted, so that undoing that does not lift the suspension."""
    status_changed_at: datetime | None = None
    delete_after: datetime | None = None
    """When what it has is destroyed, unless that is undone before."""
    deletion_by: DeletionBy | None = None
    plan: str = UNLIMITED
    requests_per_minute: int | None = None
    """Set by an operator in place of the plan's."""
    updated_at: datetime | None = None
    default_region: str | None = None
    """Whose national phone numbers are understood; ISO 3166 alpha-2. None: numbers have to be international."""
