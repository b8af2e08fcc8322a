"""The one place where someone who proved who they are gets a session, whichever way they came."""

from dataclasses import replace
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.access.origin import Origin
from onerouter_registry.actor import Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.person import repository
from onerouter_registry.person.model import Person
from onerouter_registry.session import repository as sessions
from onerouter_registry.session.model import Method, OpenedSession
from onerouter_registry.session.service import Sessions, hash_token


class Entrance:
    def __init__(self, sessions: Sessions, audit: AuditLog) -> None:
        self._sessions = sessions
        self._audit = audit

    async def admit(
        self,
        tx: AsyncConnection,
        person: Person,
        *,
        method: Method,
        origin: Origin,
        previous: SecretStr | None = None,
        tenant_id: str | None = None,
        second_factor_done: bool = False,
        authenticated_at: datetime | None = None,
    ) -> OpenedSession:
        """A new session under a new token, in the caller's (operator) transaction; call it last there.

        It waits for the second factor of a person who has one. `previous` is the session token the browser came with, if
        any: that session ends. `tenant_id` is the tenant to work on; absent: the one they joined first.
        `authenticated_at` is when they proved who they are, where that was not just now (a silent sign-in at an issuer).
        """
        if previous is not None:
            await sessions.close_by_hash(tx, hash_token(previous))
        tenant = tenant_id or await repository.first_tenant(tx, person.id)
        pending = person.has_totp and not second_factor_done
        opened = await self._sessions.open(
            tx,
            person.id,
            tenant_id=tenant,
            method=method,
            ip=origin.ip,
            user_agent=origin.user_agent,
            pending_totp=pending,
            authenticated_at=authenticated_at,
        )
        await self._audit.record(
            tx,
            actor_of(person, origin),
            "session.second_factor_awaited" if pending else "session.opened",
            tenant_id=tenant or PLATFORM,
            environment=None,
            target=("session", opened.id),
            after={"method": method},
        )
        return replace(opened, pending_totp=pending)


def actor_of(person: Person, origin: Origin) -> Actor:
    return Actor("user", person.id, person.email, origin.ip, origin.user_agent, origin.request_id)


def visitor(origin: Origin) -> Actor:
    """Someone of whom only the address is known yet."""
    return Actor("system", "visitor", None, origin.ip, origin.user_agent, origin.request_id)
