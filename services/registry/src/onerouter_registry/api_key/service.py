"""A tenant's API keys: make, list, change, rotate, revoke."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from pydantic import SecretStr, TypeAdapter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock, isoformat
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import API_KEY, is_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.registry_client import KeyStatus
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.api_key import repository
from onerouter_registry.api_key.authority import UNBOUNDED, Authority
from onerouter_registry.api_key.family import follow, require_newest
from onerouter_registry.api_key.issuing import KeyAudit, issue, store, tell
from onerouter_registry.api_key.limits import overlap_of
from onerouter_registry.api_key.model import (
    ApiKey,
    CreatedKey,
    KeyChanges,
    KeyPage,
    KeySettings,
    RepeatedKey,
    RepeatedRotation,
    RotatedKey,
    checked,
    described,
    settings_of,
)
from onerouter_registry.api_key.scopes import EVERYTHING
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

log = structlog.get_logger()

MOST_ACTIVE: Final = 500
"""Active keys of a tenant in one environment."""
_ID: Final = TypeAdapter(str)


class ApiKeys:
    def __init__(self, engine: AsyncEngine, pepper: SecretStr, clock: Clock, audit: AuditLog) -> None:
        self._engine = engine
        self._pepper = pepper
        self.clock: Final = clock
        self._audit = KeyAudit(audit)

    async def create(
        self,
        tenant_id: str,
        environment: str,
        *,
        name: str,
        scopes: Sequence[str] = (EVERYTHING,),
        rate_limit_per_s: int = 100,
        rate_burst: int = 200,
        expires_at: datetime | None = None,
        ip_allow_list: Sequence[str] = (),
        quotas: Mapping[str, int] | None = None,
        by: Actor = SYSTEM,
        authority: Authority = UNBOUNDED,
    ) -> CreatedKey:
        """A new key, shown this once.

        Raises InvalidRequest, NotPermitted (more than the caller may give), NotFound (no such tenant), Conflict (too many).
        """
        wanted = KeyChanges(
            name=name,
            scopes=scopes,
            rate_limit_per_s=rate_limit_per_s,
            rate_burst=rate_burst,
            expires_at=expires_at,
            ip_allow_list=ip_allow_list,
            quotas=quotas or {},
        )
        created = await self.create_once(tenant_id, environment, wanted, UNKEYED, by=by, authority=authority)
        assert isinstance(created, CreatedKey)  # noqa: S101 - without an idempotency key nothing is a repeat
        return created

    async def create_once(
        self,
        tenant_id: str,
        environment: str,
        wanted: KeyChanges,
        once: Once,
        *,
        by: Actor,
        authority: Authority,
    ) -> CreatedKey | RepeatedKey:
        """A new key, or the one that the first request made. Raises as `create`, and IdempotencyMismatch."""
        where, now = environment_of(environment), self.clock.now()
        settings = KeySettings(**checked(wanted, now))
        authority.require_making(settings)
        created = issue(tenant_id, where, settings, self._pepper, by, now)

        async def act() -> str:
            await _require_room(tx, now)
            await store(tx, created.api_key)
            await self._audit.created(tx, created.api_key, by)
            return created.api_key.id

        try:
            async with tenant_transaction(self._engine, tenant_id, where) as tx:
                key_id = await once.carry_out(tx, now, act, _ID)
                if once.is_replayed:
                    return RepeatedKey(await _get(tx, key_id))
        except IntegrityError as error:
            # The only other rule a fresh key can break is that its tenant exists.
            raise NotFound(f"There is no tenant {tenant_id[:40]}.") from error
        log.info("registry.api_key.created", tenant_id=tenant_id, environment=where, api_key_id=key_id)
        return created

    async def list(self, tenant_id: str, environment: str) -> list[ApiKey]:
        """All of them, revoked ones too, oldest first."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await repository.list_all(tx)

    async def page(
        self, tenant_id: str, environment: str, *, status: KeyStatus | None, cursor: str | None, limit: int
    ) -> KeyPage:
        """Newest first, `limit` of them. Raises InvalidRequest for a cursor that is none."""
        if cursor is not None and not is_id(API_KEY, cursor):
            raise InvalidRequest.of("cursor", "must be the next_cursor of the page before")
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            found = await repository.page(tx, status=status, before=cursor, limit=limit + 1, now=self.clock.now())
        shown = tuple(found[:limit])
        return KeyPage(shown, shown[-1].id if len(found) > limit else None)

    async def get(self, tenant_id: str, environment: str, key_id: str) -> ApiKey:
        """Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await _get(tx, key_id)

    async def update(
        self,
        tenant_id: str,
        environment: str,
        key_id: str,
        changes: KeyChanges,
        *,
        by: Actor = SYSTEM,
        authority: Authority = UNBOUNDED,
    ) -> ApiKey:
        """Change settings of an active key; keys it was rotated from get its limits, too.

        Raises InvalidRequest, NotFound, NotPermitted, Conflict (no longer active, or limits of a key that was rotated).
        """
        where, now = environment_of(environment), self.clock.now()
        wanted = checked(changes, now)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            before = await _get(tx, key_id, lock=True)
            _require_active(before, now)
            after = replace(before, **wanted)
            changed = frozenset(name for name in wanted if getattr(after, name) != getattr(before, name))
            authority.require_change(before, after, changed)
            if not changed:
                return before
            require_newest(before, changed)
            await repository.change(tx, key_id, {name: wanted[name] for name in changed})
            await tell(tx, after, "updated", now)
            was, becomes = described(before, changed), described(after, changed)
            await self._audit.changed(tx, after, by, "api_key.updated", before=was, after=becomes)
            await follow(tx, self._audit, after, changed, by, now)
        log.info("registry.api_key.updated", tenant_id=tenant_id, api_key_id=key_id, changed=sorted(changed))
        return after

    async def rotate(
        self,
        tenant_id: str,
        environment: str,
        key_id: str,
        *,
        overlap_s: int = 86_400,
        by: Actor = SYSTEM,
        authority: Authority = UNBOUNDED,
    ) -> RotatedKey:
        """A new key with the same settings; the old one ends after the overlap, or when it would have anyway.

        Both are counted together, against rates and monthly quotas.

        Raises InvalidRequest, NotFound, NotPermitted, Conflict (not active, rotated before, or too many would be active).
        """
        rotated = await self.rotate_once(
            tenant_id, environment, key_id, UNKEYED, overlap_s=overlap_s, by=by, authority=authority
        )
        assert isinstance(rotated, RotatedKey)  # noqa: S101 - without an idempotency key nothing is a repeat
        return rotated

    async def rotate_once(
        self,
        tenant_id: str,
        environment: str,
        key_id: str,
        once: Once,
        *,
        overlap_s: int,
        by: Actor,
        authority: Authority,
    ) -> RotatedKey | RepeatedRotation:
        """As `rotate`, or what the first request made. Raises as `rotate`, and IdempotencyMismatch."""
        where, now, overlap = environment_of(environment), self.clock.now(), overlap_of(overlap_s)
        rotated: list[RotatedKey] = []

        async def act() -> str:
            before = await _get(tx, key_id, lock=True)
            if before.replaced_by is not None:
                raise Conflict(f"This API key was rotated before: {before.replaced_by} replaces it.")
            _require_active(before, now)
            authority.require_making(before)
            if overlap:
                await _require_room(tx, now)
            created = issue(tenant_id, where, settings_of(before), self._pepper, by, now, family=before.family)
            ends_at = now + overlap if before.expires_at is None else min(before.expires_at, now + overlap)
            previous = replace(before, expires_at=ends_at, replaced_by=created.api_key.id)
            await repository.change(tx, key_id, {"expires_at": ends_at, "replaced_by": previous.replaced_by})
            await tell(tx, previous, "updated", now)
            await store(tx, created.api_key)
            await self._audit.created(tx, created.api_key, by)
            ends = {"expires_at": isoformat(ends_at), "replaced_by": previous.replaced_by}
            was = {"expires_at": described(before)["expires_at"], "replaced_by": None}
            await self._audit.changed(tx, previous, by, "api_key.rotated", before=was, after=ends)
            rotated.append(RotatedKey(created, previous))
            return created.api_key.id

        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            new_id = await once.carry_out(tx, now, act, _ID)
            if once.is_replayed:
                return RepeatedRotation(RepeatedKey(await _get(tx, new_id)), await _get(tx, key_id))
        log.info("registry.api_key.rotated", tenant_id=tenant_id, api_key_id=key_id, replaced_by=new_id)
        return rotated[0]

    async def revoke(self, tenant_id: str, environment: str, key_id: str, *, by: Actor = SYSTEM) -> ApiKey:
        """End a key for good; doing it again changes nothing. Raises NotFound."""
        where, now = environment_of(environment), self.clock.now()
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            before = await _get(tx, key_id, lock=True)
            if before.revoked_at is not None:
                return before
            after = replace(before, revoked_at=now)
            await repository.change(tx, key_id, {"revoked_at": now})
            await tell(tx, after, "deleted", now)
            was, ends = {"status": before.status_at(now)}, {"status": "revoked"}
            await self._audit.changed(tx, after, by, "api_key.revoked", before=was, after=ends)
        log.info("registry.api_key.revoked", tenant_id=tenant_id, environment=where, api_key_id=key_id)
        return after


async def _get(tx: AsyncConnection, key_id: str, *, lock: bool = False) -> ApiKey:
    api_key = await repository.find(tx, key_id, lock=lock) if is_id(API_KEY, key_id) else None
    if api_key is None:
        raise NotFound(f"There is no API key {key_id[:40]}.")
    return api_key


async def _require_room(tx: AsyncConnection, now: datetime) -> None:
    if await repository.count_active(tx, now) >= MOST_ACTIVE:
        raise Conflict(f"There are {MOST_ACTIVE} active API keys already; revoke those nobody uses.")


def _require_active(key: ApiKey, now: datetime) -> None:
    status = key.status_at(now)
    if status != "active":
        raise Conflict(f"This API key {'has been revoked' if status == 'revoked' else 'has expired'}; create another.")
