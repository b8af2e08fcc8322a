"""A forgotten password: a link by mail, once, for half an hour."""

from datetime import timedelta
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound
from onerouter_common.recipients import email_of
from onerouter_registry.access.origin import Origin
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.person import repository
from onerouter_registry.person.account import Accounts
from onerouter_registry.person.entrance import actor_of
from onerouter_registry.person.model import Person
from onerouter_registry.person.passwords import Passwords, require_good
from onerouter_registry.person.reclaiming import Reclaiming
from onerouter_registry.person.tokens import Tokens, unusable_link
from onerouter_registry.throttle.model import MAIL_ACCOUNT, MAIL_ADDRESS, SIGN_IN_ACCOUNT, SIGN_IN_HERE, TOKEN_ADDRESS
from onerouter_registry.throttle.service import Throttle, account_in_network, network_of
from onerouter_registry.transactions import operator_transaction

log = structlog.get_logger()

LINK_BY_OPERATOR: Final = timedelta(days=1)
"""A link that an operator hands over; the one in a mail ends sooner."""


class PasswordReset:
    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        accounts: Accounts,
        reclaiming: Reclaiming,
        throttle: Throttle,
        tokens: Tokens,
        post: Post,
        letters: Letters,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._accounts = accounts
        self._reclaiming = reclaiming
        self._throttle = throttle
        self._tokens = tokens
        self._post = post
        self._letters = letters
        self._audit = audit
        self._clock = clock

    async def ask(self, email: str, origin: Origin) -> None:
        """Whether there is such a person is found out later, in the post room: nobody can tell by answer or time.

        Raises InvalidRequest for what is no address, RateLimited, Overloaded.
        """
        address = email_of("email", email)
        await self._throttle.count({MAIL_ACCOUNT: address, MAIL_ADDRESS: network_of(origin.ip)}, charged=MAIL_ADDRESS)
        await self._post.hand_in(lambda: self._write(address, origin))

    async def _write(self, address: str, origin: Origin) -> None:
        """To the address as it is stored. Who signs in at an issuer has no password to forget."""
        if not self._post.delivers:
            log.warning("registry.password_reset.undeliverable")
            return
        async with operator_transaction(self._engine) as tx:
            person = await repository.find_by_email(tx, address)
            if person is None or person.disabled_at is not None or not person.has_password:
                return
            token = await self._tokens.issue(tx, "password_reset", person.id)
            await self._audit.record_of_person(tx, actor_of(person, origin), "user.password_reset_asked", person.id)
        await self._post.deliver(self._letters.password_reset(person.email, token))

    async def link_for(self, email: str, *, by: Actor = SYSTEM) -> SecretStr:
        """For an operator to hand over: works for a day, also for someone without a password. Raises NotFound."""
        address = email_of("email", email)
        async with operator_transaction(self._engine) as tx:
            person = await repository.find_by_email(tx, address)
            if person is None or person.disabled_at is not None:
                raise NotFound("There is no active person with this email address.")
            token = await self._tokens.issue(
                tx, "password_reset", person.id, {"by": "operator"}, lifetime=LINK_BY_OPERATOR
            )
            await self._audit.record_of_person(tx, by, "user.password_link_made", person.id)
        return self._letters.link("reset-password", token)

    async def carry_out(self, token: SecretStr, password: SecretStr, origin: Origin) -> None:
        """Choose a new password with a link. Ends every session, and whatever kept the owner from signing in.

        Where nobody had proved the address before, and the link was mailed there, someone else may have opened the account
        in wait: it is taken back from them.

        Raises InvalidRequest (an unusable link, a bad password), RateLimited, Overloaded.
        """
        made = await self._throttle.count({TOKEN_ADDRESS: network_of(origin.ip)})
        async with operator_transaction(self._engine) as tx:
            found = await self._tokens.find(tx, "password_reset", token)
            person = await repository.find(tx, found.user_id)
        if person is None:
            raise unusable_link()
        require_good("password", password, email=person.email)
        password_hash = await self._passwords.hash(password)
        async with operator_transaction(self._engine) as tx:
            person = await repository.find(tx, found.user_id, lock=True)
            redeemed = await self._tokens.redeem(tx, "password_reset", token)
            if person is None:
                raise unusable_link()
            if "by" not in redeemed.data:
                await self._prove_address(tx, person, origin)
            await self._throttle.succeeded(tx, made)
            await self._throttle.forget(tx, SIGN_IN_HERE, account_in_network(person.email, origin.ip))
            await self._throttle.forget(tx, SIGN_IN_ACCOUNT, person.email)
            await self._accounts.replace_password(
                tx, person, password_hash, but_session=None, by=actor_of(person, origin)
            )

    async def _prove_address(self, tx: AsyncConnection, person: Person, origin: Origin) -> None:
        """The mail reached them. Operators were made such by who runs this installation: nobody opens theirs in wait."""
        if person.email_verified_at is None and not person.is_operator:
            await self._reclaiming.reclaim(tx, person, by=actor_of(person, origin))
        await repository.verify_email(tx, person.id, now=self._clock.now())
