"""An account goes to whoever owns its address, from whoever opened it in wait for them.

Someone signs up with an address that is not theirs. When its owner comes (a trusted issuer vouches for them, or they open a
link that was mailed there) nothing of what the other left behind may still open the account, or a tenant it founded.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.member import clearing
from onerouter_registry.person import identity_repository, repository
from onerouter_registry.person.model import Person
from onerouter_registry.session import repository as sessions


class Reclaiming:
    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def reclaim(self, tx: AsyncConnection, person: Person, *, by: Actor) -> None:
        """For a person whose address nobody had proved; in the caller's (operator) transaction, which only records then.

        Password, second factor, identities, links and sessions go. Of the tenants the account founded all API keys, other
        members and invitations go; of others the invitations it sent. The address counts as proved.
        """
        now = self._clock.now()
        issuers = await identity_repository.remove_all(tx, person.id)
        await repository.strip_proofs(tx, person.id, now=now)
        await repository.verify_email(tx, person.id, now=now)
        await sessions.close_all(tx, person.id)
        cleared = await clearing.clear_founded(tx, person.id, now=now)
        withdrawn = await clearing.withdraw_of_inviter(tx, person.id, now=now)
        await self._audit.record_of_person(
            tx,
            by,
            "user.reclaimed",
            person.id,
            before={"has_password": person.has_password, "has_totp": person.has_totp, "issuers": issuers},
            after={"has_password": False, "has_totp": False, "issuers": []},
        )
        await clearing.record_cleared(tx, self._audit, by, cleared)
        await clearing.record_withdrawn(tx, self._audit, by, withdrawn)
