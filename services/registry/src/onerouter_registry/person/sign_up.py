"""Signing up: a person, a tenant of theirs, and a session.

An address that has an account is answered with 409. Hiding it would mean to open no session before a mail was answered,
and to have mail. Instead finding out is made slow: every try counts for the address it comes from.
"""

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.errors import NotPermitted, OneRouterError
from onerouter_common.recipients import email_of
from onerouter_registry.access.origin import Origin
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.member.founding import Founding
from onerouter_registry.person.entrance import Entrance, actor_of, visitor
from onerouter_registry.person.passwords import Passwords, require_good
from onerouter_registry.person.sign_in import SignedIn
from onerouter_registry.person.tokens import Tokens
from onerouter_registry.person.users import Users, name_or_address
from onerouter_registry.throttle.model import SIGN_UP_ADDRESS
from onerouter_registry.throttle.service import Throttle, network_of
from onerouter_registry.transactions import operator_transaction


class SignUp:
    def __init__(
        self,
        engine: AsyncEngine,
        users: Users,
        passwords: Passwords,
        founding: Founding,
        entrance: Entrance,
        throttle: Throttle,
        tokens: Tokens,
        post: Post,
        letters: Letters,
    ) -> None:
        self._engine = engine
        self._users = users
        self._passwords = passwords
        self._founding = founding
        self._entrance = entrance
        self._throttle = throttle
        self._tokens = tokens
        self._post = post
        self._letters = letters

    async def with_password(
        self,
        email: str,
        password: SecretStr,
        origin: Origin,
        previous: SecretStr | None,
        *,
        name: str | None,
        tenant_name: str | None,
    ) -> SignedIn:
        """Raises NotPermitted where sign-up is not open, InvalidRequest, Conflict, RateLimited, Overloaded."""
        if self._users.policy != "open":
            raise NotPermitted(
                "New people are let in by invitation only; ask a member to invite you.", code="SIGN_UP_REFUSED"
            )
        address = email_of("email", email)
        called = name_or_address(name, address)
        require_good("password", password, email=address)
        made = await self._throttle.count({SIGN_UP_ADDRESS: network_of(origin.ip)})
        try:
            password_hash = await self._passwords.hash(password)
        except OneRouterError:
            await self._throttle.take_back(made)
            raise
        async with operator_transaction(self._engine) as tx:
            person = await self._users.add(
                tx,
                email=address,
                name=called,
                password_hash=password_hash,
                email_verified=False,
                by=visitor(origin),
            )
            tenant_id = await self._founding.found(tx, person, tenant_name, by=actor_of(person, origin))
            token = await self._tokens.issue(tx, "email_change", person.id, {"email": address})
            opened = await self._entrance.admit(
                tx, person, method="password", origin=origin, previous=previous, tenant_id=tenant_id
            )
        await self._post.tell(self._letters.email_confirmation(address, token))
        return SignedIn(person, opened)
