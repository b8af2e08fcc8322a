"""Making a key, and what a change of one leaves behind: the row, what caches are told, the entry in the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.api_keys import hash_key, make_key, parse_key
from onerouter_common.contracts.base import Environment
from onerouter_common.ids import API_KEY, new_id
from onerouter_registry.actor import Actor
from onerouter_registry.api_key import repository
from onerouter_registry.api_key.model import SETTINGS, ApiKey, CreatedKey, KeySettings, described
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import Kind, api_key_changed
from onerouter_registry.outbox.repository import append


def issue(
    tenant_id: str,
    where: Environment,
    settings: KeySettings,
    pepper: SecretStr,
    by: Actor,
    now: datetime,
    *,
    family: str | None = None,
) -> CreatedKey:
    """A fresh key, by default the first of a family of its own; nothing is stored yet."""
    key = make_key(where)
    parsed = parse_key(key.get_secret_value())
    assert parsed is not None  # noqa: S101 - a key we made is one we can read
    key_id = new_id(API_KEY)
    api_key = ApiKey(
        **{name: getattr(settings, name) for name in SETTINGS},
        id=key_id,
        tenant_id=tenant_id,
        environment=where,
        family=family or key_id,
        hash=hash_key(key.get_secret_value(), pepper),
        display_prefix=parsed.display_prefix,
        created_at=now,
        created_by=f"{by.kind}:{by.id}",
    )
    return CreatedKey(key, api_key)


async def store(tx: AsyncConnection, api_key: ApiKey) -> None:
    await repository.add(tx, api_key)
    await tell(tx, api_key, "created", api_key.created_at)


async def tell(tx: AsyncConnection, key: ApiKey, change: Kind, at: datetime) -> None:
    """Owe it to the caches."""
    await append(tx, api_key_changed(key.tenant_id, key.environment, key.id, key.hash, change, at))


class KeyAudit:
    """Each method is the last thing in a transaction, or is followed by its like only."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def created(self, tx: AsyncConnection, key: ApiKey, by: Actor) -> None:
        await self.changed(tx, key, by, "api_key.created", after=described(key) | {"display": f"{key.display_prefix}…"})

    async def changed(
        self,
        tx: AsyncConnection,
        key: ApiKey,
        by: Actor,
        action: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any],
    ) -> None:
        await self._audit.record(
            tx,
            by,
            action,
            tenant_id=key.tenant_id,
            environment=key.environment,
            target=("api_key", key.id),
            before=before,
            after=after,
        )
