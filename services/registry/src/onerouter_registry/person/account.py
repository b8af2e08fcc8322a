"""What people keep about themselves: their name, address and password."""

from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_common.recipients import email_of
from onerouter_registry.access.origin import Origin
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.person import repository, second_factor_repository
from onerouter_registry.person.entrance import actor_of
from onerouter_registry.person.model import Person
from onerouter_registry.person.passwords import Passwords, require_good
from onerouter_registry.person.reauthentication import Reauthentication
from onerouter_registry.person.tokens import Tokens
from onerouter_registry.person.users import get_person
from onerouter_registry.session import repository as sessions
from onerouter_registry.session.model import Session
from onerouter_registry.throttle.model import MAIL_ACCOUNT, TOKEN_ADDRESS
from onerouter_registry.throttle.service import Throttle, network_of
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import name_of


@dataclass(frozen=True, slots=True)
class Account:
    person: Person
    recovery_codes_left: int


class Accounts:
    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        reauthentication: Reauthentication,
        throttle: Throttle,
        tokens: Tokens,
        post: Post,
        letters: Letters,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._reauthentication = reauthentication
        self._throttle = throttle
        self._tokens = tokens
        self._post = post
        self._letters = letters
        self._audit = audit
        self._clock = clock

    async def get(self, user_id: str) -> Account:
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            left = await second_factor_repository.codes_left(tx, user_id)
            return Account(await get_person(tx, user_id), left)

    async def rename(self, user_id: str, name: str, *, by: Actor) -> None:
        """Raises InvalidRequest."""
        called = name_of("name", name)
        async with operator_transaction(self._engine) as tx:
            before = await get_person(tx, user_id, lock=True)
            if before.name == called:
                return
            await repository.rename(tx, user_id, called, now=self._clock.now())
            await self._audit.record_of_person(
                tx, by, "user.renamed", user_id, before={"name": before.name}, after={"name": called}
            )

    async def begin_email_change(self, user_id: str, email: str, *, by: Actor) -> str:
        """Sends a link to the new address, which it gives; nothing changes until it is opened.

        To one's own it only confirms it. Says nothing about whether someone else has the address. Raises Conflict where no
        mail can be sent, RateLimited.
        """
        address = email_of("email", email)
        if not self._post.delivers:
            raise Conflict("This installation cannot send mail, so no address can be confirmed.", code="NO_MAIL")
        await self._throttle.count({MAIL_ACCOUNT: user_id})
        async with operator_transaction(self._engine) as tx:
            person = await get_person(tx, user_id)
            token = await self._tokens.issue(tx, "email_change", user_id, {"email": address})
            await self._audit.record_of_person(tx, by, "user.email_change_asked", user_id, after={"email": address})
        await self._post.send(self._letters.email_confirmation(address, token))
        if address != person.email:
            await self._post.tell(self._letters.email_change_asked(person.email))
        return address

    async def confirm_email(self, token: SecretStr, origin: Origin) -> None:
        """The link was opened. Raises InvalidRequest, Conflict (the address has an account), RateLimited."""
        made = await self._throttle.count({TOKEN_ADDRESS: network_of(origin.ip)})
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            # The person first, then the token: as who changes the password, which voids it.
            before = await get_person(tx, (await self._tokens.find(tx, "email_change", token)).user_id, lock=True)
            redeemed = await self._tokens.redeem(tx, "email_change", token)
            email = str(redeemed.data["email"])
            await repository.take_turns(tx)
            if not await repository.set_email(tx, before.id, email, now=now):
                raise Conflict("Another account has this email address.", code="EMAIL_TAKEN")
            changed = before.email != email
            if changed:
                # Who reads the old mailbox can no longer take the account over.
                await self._tokens.void(tx, "password_reset", before.id)
            await self._throttle.succeeded(tx, made)
            await self._audit.record_of_person(
                tx,
                actor_of(before, origin),
                "user.email_changed" if changed else "user.email_confirmed",
                before.id,
                before={"email": before.email},
                after={"email": email},
            )
        if changed:
            await self._post.tell(self._letters.email_changed(before.email))

    async def change_password(
        self, user_id: str, session: Session | None, current: SecretStr | None, new: SecretStr, *, by: Actor
    ) -> None:
        """Ends all other sessions, and voids links that were mailed to choose one or to change the address.

        Who has a password proves it again; who has none yet needs a recent sign-in. Raises InvalidRequest, NotPermitted,
        RateLimited, Overloaded.
        """
        async with operator_transaction(self._engine) as tx:
            person = await get_person(tx, user_id)
        require_good("new", new, email=person.email)
        if person.has_password and current is None:
            raise InvalidRequest.of("current", "is required: your password of now")
        if person.has_password and current is not None:
            await self._reauthentication.require_password(user_id, "current", current)
        else:
            await self._reauthentication.require(user_id, session, None)
        password_hash = await self._passwords.hash(new)
        async with operator_transaction(self._engine) as tx:
            locked = await get_person(tx, user_id, lock=True)
            if locked.password_hash != person.password_hash:
                raise Conflict("The password was changed at the same time.")
            await self.replace_password(
                tx, locked, password_hash, but_session=None if session is None else session.id, by=by
            )
        await self._post.tell(self._letters.password_changed(person.email))

    async def replace_password(
        self, tx: AsyncConnection, person: Person, password_hash: str, *, but_session: str | None, by: Actor
    ) -> None:
        """In the caller's (operator) transaction; call it last there."""
        await repository.set_password(tx, person.id, password_hash, now=self._clock.now())
        await self._tokens.void(tx, "password_reset", person.id)
        await self._tokens.void_address_change(tx, person.id)
        await sessions.close_all(tx, person.id, but=but_session)
        await self._audit.record_of_person(tx, by, "user.password_changed", person.id)
