"""Identities at issuers: how an account gets them, shows them and loses them."""

from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.person import identity_repository, repository
from onerouter_registry.person.model import LinkedIdentity, Person
from onerouter_registry.person.users import get_person
from onerouter_registry.session import repository as sessions
from onerouter_registry.transactions import operator_transaction


class Identities:
    def __init__(self, engine: AsyncEngine, post: Post, letters: Letters, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._post = post
        self._letters = letters
        self._audit = audit
        self._clock = clock

    async def link(self, tx: AsyncConnection, person: Person, issuer: str, subject: str, *, by: Actor) -> bool:
        """Let the person in on the issuer's word from now on. False: it does already. Raises Conflict."""
        identity_id = await identity_repository.link(tx, issuer, subject, person.id, now=self._clock.now())
        if identity_id is not None:
            after = {"identity": identity_id, "issuer": issuer}
            await self._audit.record_of_person(tx, by, "user.identity_linked", person.id, after=after)
            return True
        holder = await repository.find_by_identity(tx, issuer, subject)
        if holder is None or holder.id != person.id:
            raise Conflict("This identity is linked to another account.", code="IDENTITY_TAKEN")
        return False

    async def tell_linked(self, person: Person, issuer: str) -> None:
        """Once the transaction that linked it is done."""
        await self._post.tell(self._letters.identity_linked(person.email, _host(issuer)))

    async def list_of(self, user_id: str) -> list[LinkedIdentity]:
        """At most 100."""
        async with operator_transaction(self._engine) as tx:
            return await identity_repository.list_of(tx, user_id)

    async def issuers_of(self, user_ids: list[str]) -> dict[str, list[str]]:
        """On whose word each of these people is let in; those whom no issuer lets in are left out."""
        async with operator_transaction(self._engine) as tx:
            return await identity_repository.issuers_of_all(tx, user_ids)

    async def unlink(self, user_id: str, identity_id: str, *, but_session: str | None, by: Actor) -> None:
        """It opens the account no more, and other sessions end. Raises NotFound, Conflict (there is no other way in)."""
        async with operator_transaction(self._engine) as tx:
            person = await get_person(tx, user_id, lock=True)  # of two that go at the same time the second finds it so
            issuer = await identity_repository.remove(tx, user_id, identity_id)
            if issuer is None:
                raise NotFound("There is no such identity of yours.")
            if not person.has_password and not await identity_repository.issuers_of(tx, user_id):
                raise Conflict(
                    "You have no other way to sign in: link another identity or choose a password first.",
                    code="LAST_WAY_IN",
                )
            await sessions.close_all(tx, user_id, but=but_session)
            before = {"identity": identity_id, "issuer": issuer}
            await self._audit.record_of_person(tx, by, "user.identity_unlinked", user_id, before=before)
        await self._post.tell(self._letters.identity_unlinked(person.email, _host(issuer)))


def _host(issuer: str) -> str:
    return urlsplit(issuer).hostname or issuer
