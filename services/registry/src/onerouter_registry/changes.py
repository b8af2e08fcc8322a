"""What the caches are told about a change: who and what, never the content."""

from datetime import datetime
from typing import Literal

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.registry import RegistryChange

Kind = Literal["created", "updated", "deleted"]


def tenant_changed(tenant_id: str, change: Kind, at: datetime) -> RegistryChange:
    return RegistryChange(entity="tenant", id=tenant_id, tenant_id=tenant_id, environment=None, change=change, at=at)


def api_key_changed(
    tenant_id: str, environment: Environment, key_id: str, key_hash: str, change: Kind, at: datetime
) -> RegistryChange:
    return RegistryChange(
        entity="api_key",
        id=key_id,
        tenant_id=tenant_id,
        environment=environment,
        key_hash=key_hash,
        change=change,
        at=at,
    )


def connection_changed(
    tenant_id: str, environment: Environment, connection_id: str, change: Kind, at: datetime
) -> RegistryChange:
    return RegistryChange(
        entity="connection", id=connection_id, tenant_id=tenant_id, environment=environment, change=change, at=at
    )


def callback_token_changed(
    tenant_id: str, environment: Environment, connection_id: str, change: Kind, at: datetime
) -> RegistryChange:
    """Named by its connection: a token is known to caches only as the address that was called."""
    return RegistryChange(
        entity="callback_token",
        id=f"{connection_id}/callback_token",
        tenant_id=tenant_id,
        environment=environment,
        change=change,
        at=at,
    )


def data_keys_changed(tenant_id: str, environment: Environment, purpose: str, at: datetime) -> RegistryChange:
    """Wrapped anew: of credentials a route's answer carries them, of callbacks an address's."""
    return RegistryChange(
        entity="route" if purpose == "credentials" else "callback_token",
        id=f"{tenant_id}/{environment}/data_keys/{purpose}",
        tenant_id=tenant_id,
        environment=environment,
        change="updated",
        at=at,
    )


def route_changed(tenant_id: str, environment: Environment, category: Category, at: datetime) -> RegistryChange:
    """A route has no id of its own: its key names its place."""
    return RegistryChange(
        entity="route",
        id=f"{tenant_id}/{environment}/{category}",
        tenant_id=tenant_id,
        environment=environment,
        change="updated",
        at=at,
    )


def provider_switched(category: str, provider: str, at: datetime) -> RegistryChange:
    """For every tenant. `provider` is `*` for the whole category."""
    return RegistryChange(
        entity="provider", id=f"{category}/{provider}", tenant_id="*", environment=None, change="updated", at=at
    )
