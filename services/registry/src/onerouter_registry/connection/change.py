"""Changing a connection: any of its settings and credentials together, in one transaction and one audit entry."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import Conflict, NotFound
from onerouter_providers.manifest import Manifest
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import connection_changed, route_changed
from onerouter_registry.connection import repository
from onerouter_registry.connection.credentials import Entered, require_accepted
from onerouter_registry.connection.model import Connection, ConnectionChanges
from onerouter_registry.connection.priority import moved
from onerouter_registry.connection.questions import Questions
from onerouter_registry.connection.rules import MOST_IN_FLIGHT, currency_of, explain, rate_of, require_switched_on
from onerouter_registry.connection.verdict import Verdicts, next_check
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import count_of, name_of
from onerouter_registry.vault.service import Vault

log = structlog.get_logger()


class Change:
    def __init__(
        self,
        engine: AsyncEngine,
        catalogue: Catalogue,
        vault: Vault,
        questions: Questions,
        verdicts: Verdicts,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._questions = questions
        self._verdicts = verdicts
        self._audit = audit
        self._clock = clock

    async def apply(
        self,
        tenant_id: str,
        environment: Environment,
        connection_id: str,
        changes: ConnectionChanges,
        credentials: Mapping[str, SecretStr],
        *,
        verify: bool,
        by: Actor,
    ) -> Connection:
        """The connection as it is then. See `Connections.change`."""
        async with tenant_transaction(self._engine, tenant_id, environment) as tx:
            seen = await _connected(tx, connection_id)
            manifest = self._catalogue.get(seen.category, seen.provider)
            is_asked = verify and any(_is_for_api(manifest, key) for key in credentials)
            if is_asked:
                await require_switched_on(tx, manifest)
            entered = await self._merged(tx, seen, manifest, credentials) if credentials else None
        if is_asked and entered is not None:
            await require_accepted(self._questions, tenant_id, manifest, environment, entered.for_api, by=by)
        try:
            async with tenant_transaction(self._engine, tenant_id, environment) as tx:
                if "priority" in changes:
                    await repository.lock_route(tx, tenant_id, environment, seen.category)
                before = await _connected(tx, connection_id, lock=True)
                values = _settings(manifest, before, changes)
                if entered is not None:
                    values |= await self._sealed(tx, before, seen, manifest, entered, credentials)
                if values:
                    await repository.change(tx, connection_id, self._clock.now(), **values)
                is_moved = await self._move(tx, before, changes.get("priority"))
                after = await _connected(tx, connection_id)
                if is_asked:
                    await self._verdicts.record(tx, after, None, by)
                    after = await _connected(tx, connection_id)
                if values or is_moved:
                    await self._say(tx, before, after, sorted(credentials), bool(values), by)
        except IntegrityError as error:
            explain(error, tenant_id, changes.get("label", ""))
            raise
        return after

    async def _merged(
        self, tx: AsyncConnection, seen: Connection, manifest: Manifest, credentials: Mapping[str, SecretStr]
    ) -> Entered:
        """What it has with what is given in its place. Raises InvalidRequest, also for what never changes."""
        manifest.check_fixed(
            seen.credentials.public, {key: value.get_secret_value() for key, value in credentials.items()}
        )
        entered = Entered.of(manifest, {**await self._vault.open_readable(tx, seen), **credentials})
        manifest.check_credentials(entered.values, seen.environment)
        return entered

    async def _sealed(
        self,
        tx: AsyncConnection,
        connection: Connection,
        seen: Connection,
        manifest: Manifest,
        entered: Entered,
        credentials: Mapping[str, SecretStr],
    ) -> dict[str, Any]:
        """Columns. New API credentials are not verified yet; who only replaced a callback secret stays what it was."""
        # Sealed anew under the same version they are the same still.
        if connection.version != seen.version and connection.credentials != seen.credentials:
            raise Conflict("The credentials of this connection have just been changed by somebody else; look again.")
        now, owner = self._clock.now(), (connection.tenant_id, connection.environment)
        sealed = await self._vault.seal(tx, owner, connection.id, manifest, entered.values, now)
        columns: dict[str, Any] = dict(repository.columns_of(sealed))
        if any(_is_for_api(manifest, key) for key in credentials):
            columns |= {"verified_at": None, "verified_error": None, "next_check_at": next_check(now, accepted=False)}
        return columns

    async def _move(self, tx: AsyncConnection, connection: Connection, priority: int | None) -> bool:
        """Whether its place is another one now."""
        if priority is None:
            return False
        present = await repository.list_all(tx, connection.category)
        order = [one.id for one in present]
        new_order = moved(order, connection.id, priority)
        await repository.set_positions(tx, present, new_order)
        return new_order != order

    async def _say(
        self,
        tx: AsyncConnection,
        before: Connection,
        after: Connection,
        replaced: list[str],
        is_changed: bool,
        by: Actor,
    ) -> None:
        owner, now = (after.tenant_id, after.environment), self._clock.now()
        await append(
            tx,
            connection_changed(*owner, after.id, "updated", now)
            if is_changed
            else route_changed(*owner, after.category, now),
        )
        names = [
            name
            for name in ("enabled", "label", "priority", "currency", "max_in_flight", "rate_per_s")
            if getattr(before, name) != getattr(after, name)
        ]
        replacement = {"credentials_replaced": replaced} if replaced else {}
        await self._audit.record(
            tx,
            by,
            "connection.updated",
            tenant_id=after.tenant_id,
            environment=after.environment,
            target=("connection", after.id),
            before={name: getattr(before, name) for name in names},
            after={**{name: getattr(after, name) for name in names}, **replacement},
        )
        log.info(
            "registry.connection.changed", tenant_id=after.tenant_id, connection_id=after.id, fields=[*names, *replaced]
        )


async def _connected(tx: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection:
    connection = await repository.find(tx, connection_id, lock=lock)
    if connection is None or connection.disconnected_at is not None:
        raise NotFound(f"There is no connection {connection_id}.")
    return connection


def _settings(manifest: Manifest, before: Connection, changes: ConnectionChanges) -> dict[str, Any]:
    """The columns whose values differ. Raises InvalidRequest."""
    wanted: dict[str, Any] = {}
    if "enabled" in changes:
        wanted["enabled"] = changes["enabled"]
    if "label" in changes:
        wanted["label"] = name_of("label", changes["label"])
    if "currency" in changes:
        wanted["currency"] = currency_of(manifest, changes["currency"])
    if "max_in_flight" in changes:
        wanted["max_in_flight"] = count_of("max_in_flight", changes["max_in_flight"], MOST_IN_FLIGHT)
    if "rate_per_s" in changes:
        wanted["rate_per_s"] = rate_of(changes["rate_per_s"])
    return {name: value for name, value in wanted.items() if getattr(before, name) != value}


def _is_for_api(manifest: Manifest, key: str) -> bool:
    return any(field.key == key and (not field.sensitive or field.used_by == "api") for field in manifest.credentials)
