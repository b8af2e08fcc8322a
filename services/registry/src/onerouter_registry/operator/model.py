"""A tenant as operators see it."""

from dataclasses import dataclass

from onerouter_registry.tenant.model import Tenant


@dataclass(frozen=True, slots=True)
class TenantOverview:
    tenant: Tenant
    api_keys: int
    """Not revoked, not expired; of both environments."""
    connections: int
    """Not disconnected; of both environments."""
    members: int
    owners: tuple[str, ...]
    """Their email addresses, at most `MOST_OWNERS`."""


@dataclass(frozen=True, slots=True)
class TenantPage:
    tenants: list[TenantOverview]
    has_more: bool
