"""What `onerouter admin rotate-keys` does: see `rewrapping` and `reencryption`. The stack serves meanwhile."""

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import environment_of
from onerouter_registry.vault.rotation import repository
from onerouter_registry.vault.rotation.model import Outcome, Progress, Stage, unseen
from onerouter_registry.vault.rotation.reencryption import Reencryption
from onerouter_registry.vault.rotation.rewrapping import Rewrapping
from onerouter_registry.vault.service import Vault

_MOST_AT_ONCE = 2_000


class KeyRotation:
    def __init__(self, engine: AsyncEngine, vault: Vault, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._rewrapping = Rewrapping(engine, vault, audit, clock)
        self._reencryption = Reencryption(engine, vault, audit, clock)

    async def plan(self, environment: str, *, reencrypt: bool) -> dict[Stage, int]:
        """How much there is to do in an environment, by stage; what there is nothing of is left out."""
        where = environment_of(environment)
        async with operator_transaction(self._engine) as tx:
            plan = {
                Stage.DATA_KEYS: await repository.count_to_rewrap(tx, where, self._rewrapping.primaries(where)),
            }
            if where == "live":
                plan[Stage.PEOPLES_KEYS] = await repository.count_people_to_rewrap(tx, self._vault.people_ring.primary)
            if reencrypt:
                sealed = await repository.count_sealed(tx, where)
                # New data keys are wrapped by the primary key: what is left to wrap anew is what does not open.
                plan = {
                    Stage.PEOPLE: sealed["users"],
                    Stage.CONNECTIONS: sealed["connections"],
                    Stage.CALLBACK_TOKENS: sealed["callback_tokens"],
                }
        return {stage: number for stage, number in plan.items() if number}

    async def run(
        self,
        environment: str,
        *,
        reencrypt: bool = False,
        batch: int = 200,
        by: Actor = SYSTEM,
        progress: Progress = unseen,
    ) -> Outcome:
        """Raises InvalidRequest, and Overloaded when a KMS is away: run it again, it goes on where it was.

        A re-encryption that was interrupted is brought to its end and no other begun (`Outcome.resumed`).
        """
        where = environment_of(environment)
        if not 1 <= batch <= _MOST_AT_ONCE:
            raise InvalidRequest.of("batch", f"must be from 1 to {_MOST_AT_ONCE}")
        outcome = Outcome()
        if reencrypt:
            await self._reencryption.run(where, batch, by, outcome, progress)
        await self._rewrapping.data_keys(where, batch, by, outcome, progress)
        if where == "live":
            await self._rewrapping.people(batch, by, outcome, progress)
        return outcome
