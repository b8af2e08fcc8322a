"""Recording changes: in the transaction that makes them, so that neither exists without the other."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock
from onerouter_common.ids import AUDIT_ENTRY, new_id
from onerouter_registry.actor import Actor
from onerouter_registry.audit import repository
from onerouter_registry.audit.chain import PLATFORM, Entry, hash_of
from onerouter_registry.secret_key import derive_key


class AuditLog:
    def __init__(self, secret: SecretStr, clock: Clock) -> None:
        self._key = derive_key(secret, "audit")
        self._clock = clock

    async def record(
        self,
        tx: AsyncConnection,
        by: Actor,
        action: str,
        *,
        tenant_id: str,
        environment: str | None,
        target: tuple[str, str],
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry to the tenant's chain (`PLATFORM`: to the installation's).

        `action` is like an event's type, `api_key.created`; `target` is (kind, id). `before` and `after` are JSON without
        secrets: name the fields that differ, and of a sealed one only that it was replaced. Call it last in a transaction:
        from here on other changes of this tenant wait.
        """
        sequence, previous = await repository.lock_head(tx, tenant_id)
        entry = Entry(
            id=new_id(AUDIT_ENTRY),
            tenant_id=tenant_id,
            sequence=sequence + 1,
            environment=environment,
            at=self._clock.now(),
            actor_kind=by.kind,
            actor_id=by.id,
            actor_name=by.name,
            action=action,
            target_kind=target[0],
            target_id=target[1],
            before=before,
            after=after,
            ip=by.ip,
            user_agent=by.user_agent,
            request_id=by.request_id,
        )
        await repository.append(tx, entry, hash_of(entry, previous, self._key))

    async def record_of_person(
        self,
        tx: AsyncConnection,
        by: Actor,
        action: str,
        user_id: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """The same about a person, who belongs to no tenant: in the installation's chain."""
        target = ("user", user_id)
        await self.record(
            tx, by, action, tenant_id=PLATFORM, environment=None, target=target, before=before, after=after
        )
