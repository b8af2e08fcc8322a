"""Someone comes whom an issuer vouches for: whose account that is, or a new one."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest, NotPermitted
from onerouter_common.recipients import email_of
from onerouter_registry.actor import Actor
from onerouter_registry.member.founding import Founding
from onerouter_registry.person import identity_repository, repository
from onerouter_registry.person.identities import Identities
from onerouter_registry.person.model import Person, SignUpPolicy
from onerouter_registry.person.reclaiming import Reclaiming
from onerouter_registry.person.users import Users, get_person, name_or_address


@dataclass(frozen=True, slots=True)
class Found:
    person: Person
    joined: bool = False
    """The identity was joined just now to an account they had before: its owner wants to hear of it."""


class Introductions:
    def __init__(
        self, users: Users, identities: Identities, founding: Founding, reclaiming: Reclaiming, clock: Clock
    ) -> None:
        self._users = users
        self._identities = identities
        self._founding = founding
        self._reclaiming = reclaiming
        self._clock = clock

    async def find_or_create(
        self,
        tx: AsyncConnection,
        issuer: str,
        subject: str,
        email: str | None,
        name: str | None,
        *,
        trusted: frozenset[str],
        policy: SignUpPolicy,
        by: Actor,
    ) -> Found:
        """The person an issuer vouches for, in the caller's (operator) transaction. Raises NotPermitted.

        Known by (issuer, subject) alone once they were here. The first time `email` decides, which the issuer has verified
        (None: it has not): it joins the identity to the account of that address, or makes one where the sign-up `policy`
        lets it, with a tenant of their own where anyone may sign up. `trusted` are the issuers whose word on addresses opens
        an account that exists; not an operator's, and not one that others can enter on the word of an issuer that is not
        trusted. An account whose address nobody had proved is taken back from whoever opened it in wait. `by` is
        `entrance.visitor(origin)`.
        """
        person = await repository.find_by_identity(tx, issuer, subject)
        if person is not None:
            return Found(_require_let_in(person))
        if not email:
            raise NotPermitted(
                "The issuer does not say that your email address is verified; verify it there first.",
                code="EMAIL_NOT_VERIFIED",
            )
        address = email_of("email", email)
        # A browser's first requests come at the same time: all but one wait here, and then find what that one made.
        await repository.take_turns(tx)
        person = await repository.find_by_identity(tx, issuer, subject)
        if person is not None:
            return Found(_require_let_in(person))
        person = await repository.find_by_email(tx, address)
        if person is None:
            await self._require_welcome(tx, address, policy)
            return Found(await self._make(tx, issuer, subject, address, name, policy=policy, by=by))
        await self._join(tx, _require_let_in(person), issuer, subject, trusted=trusted, by=by)
        return Found(await get_person(tx, person.id), joined=True)

    async def _make(
        self,
        tx: AsyncConnection,
        issuer: str,
        subject: str,
        address: str,
        name: str | None,
        *,
        policy: SignUpPolicy,
        by: Actor,
    ) -> Person:
        called = _name_said_by_issuer(name, address)
        person = await self._users.add(tx, email=address, name=called, password_hash=None, email_verified=True, by=by)
        by = _themselves(by, person)
        await self._identities.link(tx, person, issuer, subject, by=by)
        if policy == "open" and self._users.policy == "open":
            await self._founding.found(tx, person, None, by=by)
        return person

    async def _join(
        self, tx: AsyncConnection, person: Person, issuer: str, subject: str, *, trusted: frozenset[str], by: Actor
    ) -> None:
        in_wait = person.email_verified_at is None
        # Who opened it in wait may have linked anything, which goes; what the owner of an address has linked stays.
        enterable = {issuer} if in_wait else {issuer, *await identity_repository.issuers_of(tx, person.id)}
        if person.is_operator or not enterable <= trusted:
            raise NotPermitted(
                "There is an account with your email address; sign in to it as before, then link this identity to it.",
                code="EMAIL_TAKEN",
            )
        by = _themselves(by, person)
        if in_wait:
            await self._reclaiming.reclaim(tx, person, by=by)
        await self._identities.link(tx, person, issuer, subject, by=by)

    async def _require_welcome(self, tx: AsyncConnection, email: str, policy: SignUpPolicy) -> None:
        if policy == "open":
            return
        if policy == "invited" and await repository.is_invited(tx, email, now=self._clock.now()):
            return
        raise NotPermitted(
            "New people are let in by invitation only; ask a member to invite you.", code="SIGN_UP_REFUSED"
        )


def _require_let_in(person: Person) -> Person:
    if person.disabled_at is not None:
        raise NotPermitted("This account is disabled; write to the operator of this service.", code="USER_DISABLED")
    return person


def _themselves(by: Actor, person: Person) -> Actor:
    """A visitor of whom we know by now who they are."""
    return replace(by, kind="user", id=person.id, name=person.email) if by.kind == "system" else by


def _name_said_by_issuer(given: str | None, email: str) -> str:
    """What is no name there is no reason to keep anyone out."""
    try:
        return name_or_address(given, email)
    except InvalidRequest:
        return name_or_address(None, email)
