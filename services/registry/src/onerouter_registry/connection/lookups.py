"""What workers and the webhooks service ask about connections. All secrets in the answers are sealed."""

from collections.abc import Sequence
from hashlib import blake2b

import asyncpg

from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.db.engine import Pool
from onerouter_common.registry_client import CallbackTarget, ConnectionSecret, RouteSet
from onerouter_registry.connection import repository
from onerouter_registry.vault.service import hash_token


class Lookups:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def route_set(self, tenant_id: str, environment: str, category: str) -> RouteSet:
        """One query. An unknown tenant has no connections."""
        rows = await repository.fetch_route(self._pool, tenant_id, environment, category)
        return RouteSet(
            version=_version(rows),
            connections=tuple(_secret(row) for row in rows if row["id"] is not None),
            suspended=bool(rows) and rows[0]["suspended"],
            policy=_policy(rows[0]) if rows else None,
        )

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        """One query. A token opens only the provider it was made for."""
        row = await repository.find_callback_target(self._pool, provider, hash_token(token))
        if row is None:
            return None
        return CallbackTarget(
            connection_id=row["id"],
            tenant_id=row["tenant_id"],
            environment=row["environment"],
            category=row["category"],
            provider=row["provider"],
            secrets=row["callback_credentials"],
            credentials_public=row["public_credentials"],
            data_keys=row["data_keys"],
        )


def _secret(row: asyncpg.Record) -> ConnectionSecret:
    return ConnectionSecret(
        id=row["id"],
        tenant_id=row["tenant_id"],
        environment=row["environment"],
        category=row["category"],
        provider=row["provider"],
        label=row["label"],
        currency=row["currency"],
        enabled=row["enabled"],
        credentials=row["credentials"],
        credentials_public=row["public_credentials"],
        data_keys=row["data_keys"],
        max_in_flight=row["max_in_flight"],
        rate_per_s=row["rate_per_s"],
        version=row["version"],
        disconnected=row["disconnected"],
        available=row["switched_off"] is None,
        unavailable_reason=row["switched_off"],
        callback_token=row["callback_token"],
    )


def _policy(row: asyncpg.Record) -> RoutingPolicy | None:
    if row["policy_version"] is None:
        return None
    policy = RoutingPolicy.model_validate({**row["policy"], "version": row["policy_version"]})
    return None if policy.is_empty else policy


def _version(rows: Sequence[asyncpg.Record]) -> str:
    """Every change of a connection raises its version, every new order changes the sequence."""
    standing = f"{rows[0]['suspended']} {rows[0]['policy_version']}" if rows else ""
    lines = [f"{row['id']} {row['version']} {row['switched_off'] is None} {row['callback_token']}" for row in rows]
    return blake2b("\n".join([standing, *lines]).encode(), digest_size=8).hexdigest()
