"""Data keys whose wrapper is not their ring's first key are wrapped by it. What they seal is not touched.

The keys are asked outside of any transaction: a KMS is the outside. What is stored replaces exactly what was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Environment
from onerouter_common.secrets import SecretUnopenable, data_key_of
from onerouter_registry.actor import Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import data_keys_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.vault.model import OwnedDataKey, Purpose
from onerouter_registry.vault.rotation import repository
from onerouter_registry.vault.rotation.model import Outcome, Progress, SealedPerson, Stage
from onerouter_registry.vault.service import Vault, owner_of_person

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rewrapping:
    engine: AsyncEngine
    vault: Vault
    audit: AuditLog
    clock: Clock

    def primaries(self, environment: str) -> Mapping[Purpose, str]:
        return {purpose: self.vault.ring(purpose, environment).primary for purpose in Purpose}

    async def data_keys(
        self, environment: Environment, batch: int, by: Actor, outcome: Outcome, progress: Progress
    ) -> None:
        """Raises Overloaded when a KMS is away; what was done stays done."""
        after = ""
        while True:
            async with operator_transaction(self.engine) as tx:
                found = await repository.to_rewrap(tx, environment, self.primaries(environment), after, batch)
            if not found:
                return
            after = found[-1].id
            made = [(one, wrapped) for one in found if (wrapped := await self._rewrapped(one, outcome)) is not None]
            await self._store(environment, made, by)
            outcome.count(Stage.DATA_KEYS, len(made))
            progress(Stage.DATA_KEYS, len(found))

    async def people(self, batch: int, by: Actor, outcome: Outcome, progress: Progress) -> None:
        """The same for what is in people's rows."""
        after, ring = "", self.vault.people_ring
        while True:
            async with operator_transaction(self.engine) as tx:
                found = await repository.people_to_rewrap(tx, ring.primary, after, batch)
            if not found:
                return
            after = found[-1].id
            made: list[tuple[SealedPerson, SealedPerson]] = []
            for person in found:
                try:
                    key_id = data_key_of(person.sealed)
                    wrapped = await ring.rewrap(key_id, person.wrapped, bound_to=owner_of_person(person.id))
                except SecretUnopenable as error:
                    note_lost(outcome, f"the second factor of {person.id}: {error}")
                    continue
                made.append((person, replace(person, wrapped=wrapped or person.wrapped)))
            await store_people(self.engine, self.audit, made, "second_factors.rewrapped", by)
            outcome.count(Stage.PEOPLES_KEYS, len(made))
            progress(Stage.PEOPLES_KEYS, len(found))

    async def _rewrapped(self, one: OwnedDataKey, outcome: Outcome) -> str | None:
        ring = self.vault.ring(one.purpose, one.environment)
        try:
            return await ring.rewrap(one.id, one.wrapped, bound_to=one.owner)
        except SecretUnopenable as error:
            note_lost(outcome, f"data key {one.id} of {one.tenant_id}: {error}")
            return None

    async def _store(self, environment: Environment, made: Sequence[tuple[OwnedDataKey, str]], by: Actor) -> None:
        if not made:
            return
        now = self.clock.now()
        async with operator_transaction(self.engine) as tx:
            for one, wrapped in made:
                if await repository.rewrap(tx, one.id, old=one.wrapped, new=wrapped):
                    await append(tx, data_keys_changed(one.tenant_id, one.environment, one.purpose, now))
            await self.audit.record(
                tx,
                by,
                "data_keys.rewrapped",
                tenant_id=PLATFORM,
                environment=environment,
                target=("environment", environment),
                after={"data_keys": len(made), **{f"{p}_key": id for p, id in self.primaries(environment).items()}},
            )


async def store_people(
    engine: AsyncEngine, audit: AuditLog, made: Sequence[tuple[SealedPerson, SealedPerson]], action: str, by: Actor
) -> None:
    """Old and new; whoever changed it meanwhile keeps what is theirs."""
    if not made:
        return
    async with operator_transaction(engine) as tx:
        stored = [await repository.store_person(tx, old, new) for old, new in made]
        await audit.record(
            tx,
            by,
            action,
            tenant_id=PLATFORM,
            environment=None,
            target=("environment", "live"),
            after={"people": sum(stored)},
        )


def note_lost(outcome: Outcome, what: str) -> None:
    """It does not open and is left as it is: a person must decide, and the rest goes on."""
    log.error("registry.rotation.lost", what=what)
    outcome.lost.append(what)
