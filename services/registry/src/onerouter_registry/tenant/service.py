"""A tenant's life: made, renamed, given a plan, suspended, resumed, deleted after a grace in which that can be undone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock, isoformat
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import TENANT, is_id, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import tenant_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.tenant import repository, state
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.tenant.plans import UNLIMITED, plan_of, rate_of
from onerouter_registry.transactions import keyed_operator_transaction, operator_transaction
from onerouter_registry.validation import name_of, reason_of, region_of

log = structlog.get_logger()

_ID: Final = TypeAdapter(str)
_MOST_GRACE: Final = timedelta(days=365)
_AUDITED: Final = (
    "name",
    "plan",
    "requests_per_minute",
    "default_region",
    "status",
    "status_reason",
    "delete_after",
    "deletion_by",
)

Rule = Callable[[Tenant, datetime], Tenant]


class Tenants:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, clock: Clock, *, deletion_grace: timedelta) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock
        self._grace = deletion_grace

    async def create(self, name: str, *, plan: str = UNLIMITED, once: Once = UNKEYED, by: Actor = SYSTEM) -> Tenant:
        """A new one, or the one that the first request made. Raises InvalidRequest, IdempotencyMismatch."""
        tenant = Tenant(
            id=new_id(TENANT), name=name_of("name", name), plan=plan_of("plan", plan), created_at=self._clock.now()
        )

        async def act() -> str:
            await repository.add(tx, tenant)
            await append(tx, tenant_changed(tenant.id, "created", tenant.created_at))
            await self._record(tx, by, "tenant.created", None, tenant)
            return tenant.id

        async with keyed_operator_transaction(self._engine, by.id) as tx:
            tenant_id = await once.carry_out(tx, tenant.created_at, act, _ID)
        if once.is_replayed:
            return await self.get(tenant_id)
        log.info("registry.tenant.created", tenant_id=tenant.id)
        return tenant

    async def get(self, tenant_id: str) -> Tenant:
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            tenant = await repository.find(tx, tenant_id) if is_id(TENANT, tenant_id) else None
        if tenant is None:
            raise _absent(tenant_id)
        return tenant

    async def change(self, tenant_id: str, fields: dict[str, Any], *, by: Actor = SYSTEM) -> Tenant:
        """Some of `name`, `plan`, `requests_per_minute` (None: the plan's), `default_region` (None: none).

        Raises InvalidRequest, NotFound, Conflict.
        """
        checks: dict[str, Callable[[str, Any], Any]] = {
            "name": name_of,
            "plan": plan_of,
            "requests_per_minute": rate_of,
            "default_region": region_of,
        }
        checked = {field: checks[field](field, value) for field, value in fields.items()}

        def rule(tenant: Tenant, now: datetime) -> Tenant:
            if tenant.status == "deleted":
                raise Conflict("The tenant is deleted.")
            changed = replace(tenant, **checked)
            return tenant if changed == tenant else replace(changed, updated_at=now)

        return await self._change(tenant_id, "tenant.updated", rule, by)

    async def suspend(self, tenant_id: str, reason: str, *, by: Actor = SYSTEM) -> Tenant:
        """Refused everywhere within a second. Raises InvalidRequest, NotFound, Conflict (it is being deleted)."""
        why = reason_of("reason", reason)
        return await self._change(tenant_id, "tenant.suspended", lambda one, now: state.suspend(one, why, now), by)

    async def resume(self, tenant_id: str, *, by: Actor = SYSTEM) -> Tenant:
        """Raises NotFound, Conflict (it is being deleted)."""
        return await self._change(tenant_id, "tenant.resumed", state.resume, by)

    async def delete(self, tenant_id: str, *, grace: timedelta | None = None, by: Actor = SYSTEM) -> Tenant:
        """Refused everywhere within a second, destroyed when the grace is over. Raises InvalidRequest, NotFound, Conflict."""
        wait = self._grace if grace is None else grace
        if not timedelta(0) <= wait <= _MOST_GRACE:
            raise InvalidRequest.of("grace_days", f"must be between 0 and {_MOST_GRACE.days}")
        return await self._change(
            tenant_id,
            "tenant.deletion_scheduled",
            lambda one, now: state.begin_deletion(one, "operator", now + wait, now),
            by,
        )

    async def undelete(self, tenant_id: str, *, by: Actor = SYSTEM) -> Tenant:
        """As it was: a suspended one is suspended again. Raises NotFound, Conflict (it is deleted)."""
        return await self._change(
            tenant_id, "tenant.deletion_undone", lambda one, now: state.undo_deletion(one, "operator", now), by
        )

    async def delete_own(self, tenant_id: str, confirm: str, *, by: Actor) -> Tenant:
        """From the tenant's own side; `confirm` is its name. Raises InvalidRequest, NotFound, Conflict."""

        def rule(tenant: Tenant, now: datetime) -> Tenant:
            if confirm.strip() != tenant.name:
                raise InvalidRequest.of("confirm", "must be the name of the tenant")
            return state.begin_deletion(tenant, "tenant", now + self._grace, now)

        return await self._change(tenant_id, "tenant.deletion_scheduled", rule, by)

    async def undelete_own(self, tenant_id: str, *, by: Actor) -> Tenant:
        """Raises NotFound, Conflict (an operator began it)."""
        return await self._change(
            tenant_id, "tenant.deletion_undone", lambda one, now: state.undo_deletion(one, "tenant", now), by
        )

    async def _change(self, tenant_id: str, action: str, rule: Rule, by: Actor) -> Tenant:
        if not is_id(TENANT, tenant_id):
            raise _absent(tenant_id)
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            before = await repository.find_for_update(tx, tenant_id)
            if before is None:
                raise _absent(tenant_id)
            after = rule(before, now)
            if after == before:
                return before
            await repository.save(tx, after)
            await append(tx, tenant_changed(tenant_id, "updated", now))
            await self._record(tx, by, action, before, after)
        log.info(f"registry.{action}", tenant_id=tenant_id, status=after.status)
        return after

    async def _record(self, tx: Any, by: Actor, action: str, before: Tenant | None, after: Tenant) -> None:
        """Only what differs, from nothing for a new one."""
        changed = [name for name in _AUDITED if before is None or getattr(before, name) != getattr(after, name)]
        await self._audit.record(
            tx,
            by,
            action,
            tenant_id=after.id,
            environment=None,
            target=("tenant", after.id),
            before=None if before is None else _facts(before, changed),
            after=_facts(after, changed),
        )


def _facts(tenant: Tenant, names: list[str]) -> dict[str, Any]:
    values = {name: getattr(tenant, name) for name in names}
    return {name: isoformat(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _absent(tenant_id: str) -> NotFound:
    return NotFound(f"There is no tenant {tenant_id[:40]}.")
