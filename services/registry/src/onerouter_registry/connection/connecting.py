"""Connecting: checked by the manifest, by the provider, by what there is already, and then stored with an address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from pydantic import SecretStr, TypeAdapter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import NotFound
from onerouter_common.ids import CONNECTION, new_id
from onerouter_common.once.request import Once
from onerouter_providers.manifest import Manifest
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import connection_changed
from onerouter_registry.connection import repository
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.credentials import Entered, require_accepted
from onerouter_registry.connection.model import Connected, Connection
from onerouter_registry.connection.priority import moved
from onerouter_registry.connection.questions import Questions
from onerouter_registry.connection.rules import (
    MOST_IN_FLIGHT,
    currency_of,
    explain,
    rate_of,
    require_room,
    require_switched_on,
)
from onerouter_registry.connection.verdict import facts_of, next_check
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import count_of, name_of
from onerouter_registry.vault.service import Vault

log = structlog.get_logger()

_ID: Final = TypeAdapter(str)


@dataclass(frozen=True, slots=True)
class Account:
    """What a tenant enters of its account at a provider."""

    category: str
    provider: str
    credentials: Mapping[str, SecretStr] = field(repr=False)
    label: str
    currency: str | None
    max_in_flight: int
    rate_per_s: float | None
    enabled: bool
    priority: int | None
    """1: tried first; None: last."""


class Connecting:
    def __init__(
        self,
        engine: AsyncEngine,
        catalogue: Catalogue,
        vault: Vault,
        questions: Questions,
        callback_tokens: CallbackTokens,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._questions = questions
        self._callback_tokens = callback_tokens
        self._audit = audit
        self._clock = clock

    async def connect(
        self, tenant_id: str, environment: Environment, account: Account, *, verify: bool, once: Once, by: Actor
    ) -> Connected:
        """See `Connections.connect`."""
        manifest = self._catalogue.get(account.category, account.provider)
        entered = Entered.of(manifest, account.credentials)
        manifest.check_credentials(entered.values, environment)
        label = name_of("label", account.label)
        count_of("max_in_flight", account.max_in_flight, MOST_IN_FLIGHT)
        currency_of(manifest, account.currency)
        rate_of(account.rate_per_s)
        if verify:
            async with tenant_transaction(self._engine, tenant_id, environment) as tx:
                # Whoever connects the same meanwhile has stored it, and its key, or not begun to.
                await repository.lock_route(tx, tenant_id, environment, manifest.category)
                known = await once.answered(tx, _ID)
                if known is not None:
                    return await _repeated(tx, known)
                await self._require_place(tx, manifest, label)
            await require_accepted(self._questions, tenant_id, manifest, environment, entered.for_api, by=by)
        connected: list[Connected] = []

        async def act() -> str:
            await repository.lock_route(tx, tenant_id, environment, manifest.category)
            await self._require_place(tx, manifest, label)
            new = await self._sealed(tx, (tenant_id, environment), manifest, account, entered, accepted=verify)
            await repository.add(tx, new)
            token = await self._callback_tokens.make(tx, new, new.created_at)
            made = await self._placed(tx, new, account.priority)
            await append(tx, connection_changed(tenant_id, environment, made.id, "created", made.created_at))
            await self._audit.record(
                tx,
                by,
                "connection.created",
                tenant_id=tenant_id,
                environment=environment,
                target=("connection", made.id),
                after=facts_of(made),
            )
            connected.append(Connected(made, token if manifest.callback else None))
            return made.id

        try:
            async with tenant_transaction(self._engine, tenant_id, environment) as tx:
                made_id = await once.carry_out(tx, self._clock.now(), act, _ID)
                if once.is_replayed:
                    return await _repeated(tx, made_id)
        except IntegrityError as error:
            explain(error, tenant_id, label)
            raise
        log.info("registry.connection.created", tenant_id=tenant_id, connection_id=made_id, provider=manifest.id)
        return connected[0]

    async def _sealed(
        self,
        tx: AsyncConnection,
        owner: tuple[str, Environment],
        manifest: Manifest,
        account: Account,
        entered: Entered,
        *,
        accepted: bool,
    ) -> Connection:
        """The new connection, last in its route."""
        connection_id, now = new_id(CONNECTION), self._clock.now()
        return Connection(
            id=connection_id,
            tenant_id=owner[0],
            environment=owner[1],
            category=manifest.category,
            provider=manifest.id,
            label=name_of("label", account.label),
            position=await repository.next_position(tx, manifest.category),
            enabled=account.enabled,
            currency=currency_of(manifest, account.currency),
            max_in_flight=account.max_in_flight,
            rate_per_s=account.rate_per_s,
            credentials=await self._vault.seal(tx, owner, connection_id, manifest, entered.values, now),
            version=1,
            created_at=now,
            updated_at=now,
            verified_at=now if accepted else None,
            next_check_at=next_check(now, accepted=accepted),
        )

    async def _placed(self, tx: AsyncConnection, new: Connection, priority: int | None) -> Connection:
        """As it is stored, at its place in the route."""
        present = await repository.list_all(tx, new.category)
        if priority is not None:
            await repository.set_positions(tx, present, moved([one.id for one in present], new.id, priority))
            present = await repository.list_all(tx, new.category)
        return next(one for one in present if one.id == new.id)

    async def _require_place(self, tx: AsyncConnection, manifest: Manifest, label: str) -> None:
        await require_switched_on(tx, manifest)
        present = await repository.list_all(tx, manifest.category)
        require_room(present, await repository.count_kept(tx, manifest.category), manifest, label)


async def _repeated(tx: AsyncConnection, connection_id: str) -> Connected:
    """What an earlier request stored, as it is by now. Its row stays, also of one that was disconnected."""
    stored = await repository.find(tx, connection_id)
    if stored is None:
        raise NotFound(f"There is no connection {connection_id} any more.")
    return Connected(stored, None)
