"""Everything sealed anew with new data keys, while others go on sealing and opening.

1. All data keys are retired in one statement, when nobody is sealing. From then on whoever seals makes a new one.
2. What a retired key sealed is sealed anew, in batches: rows are locked, opened, sealed, stored; a row that someone else
   holds is left for the next pass. Data keys are opened before rows are locked: a KMS is the outside.
3. A retired key that seals nothing any more is deleted.

Where it stands follows from `data_keys.retired_at`, so it can be stopped anywhere and begun again. People have no row
there: theirs are those whose data key is older than the retirement.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.ids import DATA_KEY, first_id
from onerouter_common.registry_client import CALLBACK_ADDRESS
from onerouter_common.secrets import DataKey, SecretUnopenable, data_key_of
from onerouter_registry.actor import Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import connection_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.vault import repository as vault_repository
from onerouter_registry.vault.model import Purpose
from onerouter_registry.vault.rotation import repository
from onerouter_registry.vault.rotation.model import Outcome, Progress, SealedPerson, SealedRow, Stage
from onerouter_registry.vault.rotation.rewrapping import note_lost, store_people
from onerouter_registry.vault.service import Vault, owner_of_person, place_of_person

_PASSES: Final = 10
_PASS_WAIT_S: Final = 0.3

Place = tuple[tuple[str, str], Purpose]
"""(owner, purpose): where one data key is active."""


class OldRows(Protocol):
    """A table's rows that a retired key seals; see `repository`."""

    async def find(self, tx: AsyncConnection, environment: str, after: str, batch: int) -> list[SealedRow]: ...
    async def lock(self, tx: AsyncConnection, ids: Sequence[str]) -> list[SealedRow]: ...
    async def store(self, tx: AsyncConnection, row: SealedRow) -> None: ...


TABLES: Final[tuple[tuple[Stage, OldRows], ...]] = (
    (Stage.CONNECTIONS, repository.OldConnections()),
    (Stage.CALLBACK_TOKENS, repository.OldTokens(CALLBACK_ADDRESS)),
)


@dataclass(slots=True)
class _Keys:
    """Opened for one batch."""

    active: dict[Place, DataKey]
    old: dict[str, DataKey]
    lost: dict[str, str]
    """Data key id → why it does not open."""


@dataclass(frozen=True, slots=True)
class Reencryption:
    engine: AsyncEngine
    vault: Vault
    audit: AuditLog
    clock: Clock

    async def run(self, environment: Environment, batch: int, by: Actor, outcome: Outcome, progress: Progress) -> None:
        """Raises Overloaded when a KMS is away."""
        since = await self._retired_last(environment)
        if since is not None:
            outcome.resumed = await self._tables(environment, batch, by, outcome, progress)
        if since is None or not outcome.resumed:
            outcome.lost.clear()  # what was lost before is found again
            since = await self._retire(environment, by)
            await self._tables(environment, batch, by, outcome, progress)
        if environment == "live":
            await self._people(since, batch, by, outcome, progress)
        await self._delete_unused(environment, batch, by, outcome)

    async def _retired_last(self, environment: Environment) -> datetime | None:
        async with operator_transaction(self.engine) as tx:
            return await repository.retired_last(tx, environment)

    async def _retire(self, environment: Environment, by: Actor) -> datetime:
        """Step 1, for all tenants at once."""
        async with operator_transaction(self.engine) as tx:
            await vault_repository.wait_for_sealers(tx, environment)
            now = self.clock.now()
            number = await repository.retire_all(tx, environment, now)
            await self._record(tx, by, "data_keys.retired", environment, {"data_keys": number})
        return now

    async def _tables(
        self, environment: Environment, batch: int, by: Actor, outcome: Outcome, progress: Progress
    ) -> bool:
        """Step 2. Whether there was anything to do."""
        for stage, table in TABLES:
            await self._table(stage, table, environment, batch, by, outcome, progress)
        return any(outcome.done.get(stage) for stage, _ in TABLES)

    async def _people(self, before: datetime, batch: int, by: Actor, outcome: Outcome, progress: Progress) -> None:
        after, ring = "", self.vault.people_ring
        while True:
            async with operator_transaction(self.engine) as tx:
                found = await repository.people_of_before(tx, first_id(DATA_KEY, before), after, batch)
            if not found:
                return
            after = found[-1].id
            made: list[tuple[SealedPerson, SealedPerson]] = []
            for person in found:
                owner, place = owner_of_person(person.id), place_of_person(person.id)
                try:
                    old = await ring.open_data_key(data_key_of(person.sealed), person.wrapped, bound_to=owner)
                    secret = old.open(person.sealed, bound_to=place)
                except SecretUnopenable as error:
                    note_lost(outcome, f"the second factor of {person.id}: {error}")
                    continue
                new, wrapped = await ring.new_data_key(bound_to=owner)
                made.append((person, SealedPerson(person.id, wrapped, new.seal(secret, bound_to=place))))
            await store_people(self.engine, self.audit, made, "second_factors.reencrypted", by)
            outcome.count(Stage.PEOPLE, len(made))
            progress(Stage.PEOPLE, len(found))

    async def _table(
        self,
        stage: Stage,
        table: OldRows,
        environment: Environment,
        batch: int,
        by: Actor,
        outcome: Outcome,
        progress: Progress,
    ) -> None:
        """Pass after pass, until one met no row that somebody else held."""
        seen_lost: set[str] = set()
        for _ in range(_PASSES):
            after, busy = "", 0
            while True:
                async with operator_transaction(self.engine) as tx:
                    found = await table.find(tx, environment, after, batch)
                if not found:
                    break
                after = found[-1].id
                keys = await self._open_keys(found)
                done, held = await self._seal_anew(stage, table, environment, found, keys, by)
                busy += held
                outcome.count(stage, done)
                progress(stage, done)
                for key_id in keys.lost.keys() - seen_lost:
                    note_lost(outcome, f"data key {key_id}, that seals {stage}: {keys.lost[key_id]}")
                seen_lost |= keys.lost.keys()
            if not busy:
                return
            await asyncio.sleep(_PASS_WAIT_S)
        outcome.busy += busy

    async def _open_keys(self, rows: Sequence[SealedRow]) -> _Keys:
        """The data keys these rows are sealed with, and those that take their place."""
        keys = _Keys({}, {}, {})
        for row in rows:
            for purpose, fields in row.fields.items():
                if not fields:
                    continue
                place = (row.owner, purpose)
                if place not in keys.active:
                    async with operator_transaction(self.engine) as tx:
                        keys.active[place] = await self.vault.active_key(tx, *place, self.clock.now())
                await self._open_old(keys, place, {_key_of(sealed) for sealed in fields.values()})
        return keys

    async def _open_old(self, keys: _Keys, place: Place, ids: set[str]) -> None:
        owner, purpose = place
        wanted = ids - keys.old.keys() - keys.lost.keys() - {keys.active[place].id}
        async with operator_transaction(self.engine) as tx:
            wrapped = await vault_repository.find_wrapped(tx, owner, purpose, wanted)
        for key_id in wanted:
            try:
                if key_id not in wrapped:
                    keys.lost[key_id] = "it is gone"
                    continue
                ring = self.vault.ring(purpose, owner[1])
                keys.old[key_id] = await ring.open_data_key(key_id, wrapped[key_id], bound_to=owner)
            except SecretUnopenable as error:
                keys.lost[key_id] = str(error)

    async def _seal_anew(
        self,
        stage: Stage,
        table: OldRows,
        environment: Environment,
        found: Sequence[SealedRow],
        keys: _Keys,
        by: Actor,
    ) -> tuple[int, int]:
        """One transaction. How many rows were changed, and how many somebody else held."""
        now, done = self.clock.now(), 0
        async with operator_transaction(self.engine) as tx:
            await vault_repository.hold_data_keys(tx, environment)
            rows = await table.lock(tx, [row.id for row in found])
            still = await repository.still_active(tx, {key.id for key in keys.active.values()})
            for row in rows:
                sealed = _resealed(row, keys, still)
                if sealed == row:
                    continue
                await table.store(tx, sealed)
                await append(tx, connection_changed(row.tenant_id, row.environment, row.connection_id, "updated", now))
                done += 1
            if done:
                await self._record(tx, by, "data.reencrypted", environment, {"what": stage, "number": done})
        return done, len(found) - len(rows)

    async def _delete_unused(self, environment: Environment, batch: int, by: Actor, outcome: Outcome) -> None:
        after = ""
        while True:
            async with operator_transaction(self.engine) as tx:
                # A retired key seals nothing new; whoever still did before it was retired commits first.
                await vault_repository.wait_for_sealers(tx, environment)
                ids = await repository.retired(tx, environment, after, batch)
                if not ids:
                    return
                after = ids[-1]
                number = await repository.delete_unused(tx, ids)
                if number:
                    await self._record(tx, by, "data_keys.deleted", environment, {"data_keys": number})
            outcome.deleted += number

    async def _record(
        self, tx: AsyncConnection, by: Actor, action: str, environment: Environment, after: dict[str, object]
    ) -> None:
        target = ("environment", environment)
        await self.audit.record(tx, by, action, tenant_id=PLATFORM, environment=environment, target=target, after=after)


def _resealed(row: SealedRow, keys: _Keys, still: set[str]) -> SealedRow:
    """The row with what opens sealed anew; what does not open, or has been sealed anew by now, as it was."""
    fields = {purpose: dict(sealed) for purpose, sealed in row.fields.items()}
    for purpose, sealed in fields.items():
        active = keys.active.get((row.owner, purpose))
        if active is None or active.id not in still:
            continue
        for field, value in sealed.items():
            old = keys.old.get(_key_of(value))
            if old is None:
                continue
            place = (row.tenant_id, row.connection_id, field)
            try:
                sealed[field] = active.seal(old.open(value, bound_to=place), bound_to=place)
            except SecretUnopenable:
                keys.lost[f"{old.id} of {row.connection_id}, {field}"] = "changed, or sealed for another place"
    return replace(row, fields=fields)


def _key_of(sealed: str) -> str:
    try:
        return data_key_of(sealed)
    except SecretUnopenable:
        return ""
