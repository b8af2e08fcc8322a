"""People come into being, are found again by what an issuer says of them, and are shut out."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from onerouter_common.ids import USER, new_id
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.person import repository
from onerouter_registry.person.emails import email_of
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
        await self._audit.record(
            tx, actor, "user.created", tenant_id=PLATFORM, environment=None, target=("user", person.id), after=after
        )
        return person

    async def find_or_create_for_identity(
        self,
        tx: AsyncConnection,
        issuer: str,
        subject: str,
        email: str | None,
        name: str | None,
        email_verified: bool,
        *,
        trusted: frozenset[str],
        policy: SignUpPolicy | None = None,
        by: Actor = SYSTEM,
    ) -> Person:
        """The person an issuer vouches for, in the caller's (operator) transaction.

        Known by (issuer, subject) alone once they were here. The first time an address the issuer has verified decides: it
        joins the identity to the account of that address, or makes one where the sign-up `policy` (absent: ours) lets it.
        An account whose address nobody had proved before loses its password, second factor and sessions on the way: someone
        else may have opened it in wait. `trusted` are the issuers whose word on addresses opens an account that exists; not
        an operator's, and not one that others can enter on the word of an issuer that is not trusted. `by` is
        `entrance.visitor(origin)`. Raises NotPermitted.
        """
        person = await repository.find_by_identity(tx, issuer, subject)
        if person is None:
            person = await self._introduce(
                tx, issuer, subject, email, name, email_verified=email_verified, trusted=trusted, policy=policy, by=by
            )
        if person.disabled_at is not None:
            raise NotPermitted("This account is disabled; write to the operator of this service.", code="USER_DISABLED")
        return person

    async def _introduce(
        self,
        tx: AsyncConnection,
        issuer: str,
        subject: str,
        email: str | None,
        name: str | None,
        *,
        email_verified: bool,
        trusted: frozenset[str],
        policy: SignUpPolicy | None,
        by: Actor,
    ) -> Person:
        if not email or not email_verified:
            raise NotPermitted(
                "The issuer does not say that your email address is verified; verify it there first.",
                code="EMAIL_NOT_VERIFIED",
            )
        address = email_of("email", email)
        now = self._clock.now()
        # A browser's first requests come at the same time: all but one wait here, and then find what that one made.
        await repository.take_turns(tx)
        known = await repository.find_by_identity(tx, issuer, subject)
        if known is not None:
            return known
        person = await repository.find_by_email(tx, address)
        if person is None:
            await self.require_welcome(tx, address, policy=policy)
            person = await self.add(
                tx,
                email=address,
                name=_name_said_by_issuer(name, address),
                password_hash=None,
                email_verified=True,
                by=by,
            )
        elif person.is_operator or not {issuer, *await repository.issuers_of(tx, person.id)} <= trusted:
            raise NotPermitted(
                "There is an account with your email address; sign in to it as before, then link this identity to it.",
                code="EMAIL_TAKEN",
            )
        elif person.email_verified_at is None:
            await repository.strip_proofs(tx, person.id, now=now)
            await repository.verify_email(tx, person.id, now=now)
            await sessions.close_all(tx, person.id)
        by = replace(by, kind="user", id=person.id, name=person.email) if by.kind == "system" else by
        await self.link_identity(tx, person, issuer, subject, by=by)
        return await _get(tx, person.id)

    async def link_identity(
        self, tx: AsyncConnection, person: Person, issuer: str, subject: str, *, by: Actor = SYSTEM
    ) -> None:
        """Let the person in on the issuer's word from now on; nothing when it does already. Raises Conflict."""
        if await repository.link_identity(tx, issuer, subject, person.id, now=self._clock.now()):
            await self._audit.record(
                tx,
                by,
                "user.identity_linked",
                tenant_id=PLATFORM,
                environment=None,
                target=("user", person.id),
                after={"issuer": issuer},
            )
            return
        holder = await repository.find_by_identity(tx, issuer, subject)
        if holder is None or holder.id != person.id:
            raise Conflict("This identity is linked to another account.", code="IDENTITY_TAKEN")

    async def require_welcome(self, tx: AsyncConnection, email: str, *, policy: SignUpPolicy | None = None) -> None:
        """Raises NotPermitted unless the sign-up policy (absent: ours) lets this address in."""
        policy = policy or self.policy
        if policy == "open":
            return
        if policy == "invited" and await repository.is_invited(tx, email, now=self._clock.now()):
            return
        raise NotPermitted(
            "New people are let in by invitation only; ask a member to invite you.", code="SIGN_UP_REFUSED"
        )

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
            return await _get(tx, user_id)

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
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            before = await _get(tx, user_id)
            await repository.set_operator(tx, user_id, is_operator=is_operator, now=self._clock.now())
            await self._changed(tx, by, before, "user.operator_changed", "is_operator", before.is_operator, is_operator)
            return await _get(tx, user_id)

    async def disable(self, user_id: str, *, disabled: bool = True, by: Actor = SYSTEM) -> Person:
        """Shut someone out: their sessions end at once. Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            before = await _get(tx, user_id)
            await repository.set_disabled(tx, user_id, disabled=disabled, now=self._clock.now())
            await sessions.close_all(tx, user_id)
            await self._changed(
                tx, by, before, "user.disabled_changed", "disabled", before.disabled_at is not None, disabled
            )
            return await _get(tx, user_id)

    async def _changed(
        self, tx: AsyncConnection, by: Actor, person: Person, action: str, field: str, before: bool, after: bool
    ) -> None:
        await self._audit.record(
            tx,
            by,
            action,
            tenant_id=PLATFORM,
            environment=None,
            target=("user", person.id),
            before={field: before},
            after={field: after},
        )


async def _get(tx: AsyncConnection, user_id: str) -> Person:
    person = await repository.find(tx, user_id)
    if person is None:
        raise NotFound(f"There is no person {user_id}.")
    return person


def name_or_address(given: str | None, email: str) -> str:
    """What they are called: as they say, else by their address. Raises InvalidRequest."""
    return name_of("name", email.partition("@")[0] if given is None else given)


def _name_said_by_issuer(given: str | None, email: str) -> str:
    """What is no name there is no reason to keep anyone out."""
    try:
        return name_or_address(given, email)
    except InvalidRequest:
        return name_or_address(None, email)
