"""People come into being, are found again, made operators and shut out."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import USER, new_id
from onerouter_common.recipients import email_of
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.member import clearing
from onerouter_registry.person import repository
from onerouter_registry.person.model import Person, SignUpPolicy
from onerouter_registry.session import repository as sessions
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import name_of


class Users:
    def __init__(
        self, engine: AsyncEngine, audit: AuditLog, clock: Clock, *, policy: SignUpPolicy, first_operates: bool
    ) -> None:
        """`first_operates`: the very first person becomes an operator (local mode)."""
        self._engine = engine
        self._audit = audit
        self._clock = clock
        self.policy = policy
        self._first_operates = first_operates

    async def add(
        self,
        tx: AsyncConnection,
        *,
        email: str,
        name: str,
        password_hash: str | None,
        email_verified: bool,
        is_operator: bool = False,
        by: Actor = SYSTEM,
    ) -> Person:
        """A new person, in the caller's (operator) transaction. Raises Conflict when the address is taken.

        `email` as `email_of` gives it. A person who makes themselves is named as the actor.
        """
        now = self._clock.now()
        person = Person(
            id=new_id(USER),
            email=email,
            name=name,
            is_operator=is_operator or (self._first_operates and await repository.is_first(tx)),
            disabled_at=None,
            email_verified_at=now if email_verified else None,
            totp_enabled_at=None,
            created_at=now,
            password_hash=password_hash,
        )
        if not await repository.add(tx, person):
            raise Conflict("There is an account with this email address; sign in to it.", code="EMAIL_TAKEN")
        actor = replace(by, kind="user", id=person.id, name=email) if by.kind == "system" else by
        after = {"email": email, "name": name, "is_operator": person.is_operator}
        await self._audit.record_of_person(tx, actor, "user.created", person.id, after=after)
        return person

    async def create(
        self,
        email: str,
        *,
        name: str | None = None,
        password_hash: str | None = None,
        is_operator: bool = False,
        by: Actor = SYSTEM,
    ) -> Person:
        """By an operator. Without a password they choose one by a link. Raises Conflict when the address is taken."""
        address = email_of("email", email)
        called = name_or_address(name, address)
        async with operator_transaction(self._engine) as tx:
            return await self.add(
                tx,
                email=address,
                name=called,
                password_hash=password_hash,
                email_verified=False,
                is_operator=is_operator,
                by=by,
            )

    async def get(self, user_id: str) -> Person:
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            return await get_person(tx, user_id)

    async def get_by_email(self, email: str) -> Person:
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            person = await repository.find_by_email(tx, email_of("email", email))
        if person is None:
            raise NotFound("There is no person with this email address.")
        return person

    async def list(self, *, after: str = "", most: int = 100) -> list[Person]:
        """A page, oldest first."""
        async with operator_transaction(self._engine) as tx:
            return await repository.list_after(tx, after, most=most)

    async def make_operator(self, user_id: str, *, is_operator: bool = True, by: Actor = SYSTEM) -> Person:
        """Who no longer is one takes the open invitations they sent with them. Raises NotFound."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            before = await get_person(tx, user_id, lock=True)
            await repository.set_operator(tx, user_id, is_operator=is_operator, now=now)
            withdrawn = [] if is_operator else await clearing.withdraw_of_inviter(tx, user_id, now=now)
            await self._changed(tx, by, before, "user.operator_changed", "is_operator", before.is_operator, is_operator)
            await clearing.record_withdrawn(tx, self._audit, by, withdrawn)
            return await get_person(tx, user_id)

    async def disable(self, user_id: str, *, disabled: bool = True, by: Actor = SYSTEM) -> Person:
        """Shut someone out: their sessions and the open invitations they sent end at once. Raises NotFound."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            before = await get_person(tx, user_id, lock=True)
            await repository.set_disabled(tx, user_id, disabled=disabled, now=now)
            await sessions.close_all(tx, user_id)
            withdrawn = await clearing.withdraw_of_inviter(tx, user_id, now=now) if disabled else []
            await self._changed(
                tx, by, before, "user.disabled_changed", "disabled", before.disabled_at is not None, disabled
            )
            await clearing.record_withdrawn(tx, self._audit, by, withdrawn)
            return await get_person(tx, user_id)

    async def _changed(
        self, tx: AsyncConnection, by: Actor, person: Person, action: str, field: str, before: bool, after: bool
    ) -> None:
        await self._audit.record_of_person(tx, by, action, person.id, before={field: before}, after={field: after})


async def get_person(tx: AsyncConnection, user_id: str, *, lock: bool = False) -> Person:
    """Raises NotFound. `lock`: nobody else changes this person until the transaction ends."""
    person = await repository.find(tx, user_id, lock=lock)
    if person is None:
        raise NotFound(f"There is no person {user_id}.")
    return person


def name_or_address(given: str | None, email: str) -> str:
    """What they are called: as they say, else by their address. Raises InvalidRequest."""
    return name_of("name", email.partition("@")[0] if given is None else given)
