"""Sessions: opened when someone has proved who they are, found by the token in their cookie, closed for good.

A sign-in always opens a new session under a new token, so that a token someone planted before is worth nothing.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.ids import SESSION, TENANT, is_id, new_id
from onerouter_registry.session import repository
from onerouter_registry.session.model import IDLE, LIFETIME, Method, OpenedSession, Session
from onerouter_registry.transactions import operator_transaction

_TOKEN_BYTES: Final = 32
_TOUCH_EVERY: Final = timedelta(minutes=1)
_PENDING_LIFETIME: Final = timedelta(minutes=10)
_USER_AGENT_CHARS: Final = 256


class Sessions:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def open(
        self,
        tx: AsyncConnection,
        user_id: str,
        *,
        tenant_id: str | None,
        method: Method,
        ip: str,
        user_agent: str,
        pending_totp: bool = False,
        authenticated_at: datetime | None = None,
    ) -> OpenedSession:
        """In the caller's (operator) transaction. A session that waits for its second factor ends after ten minutes.

        `authenticated_at` is when they proved who they are, absent: now.
        """
        now = self._clock.now()
        token = SecretStr(secrets.token_urlsafe(_TOKEN_BYTES))
        opened = OpenedSession(token, new_id(SESSION), now + (_PENDING_LIFETIME if pending_totp else LIFETIME))
        await repository.add(
            tx,
            hash=hash_token(token),
            id=opened.id,
            user_id=user_id,
            tenant_id=tenant_id,
            pending_totp=pending_totp,
            method=method,
            ip=ip,
            user_agent=user_agent[:_USER_AGENT_CHARS],
            now=now,
            authenticated_at=authenticated_at or now,
            expires_at=opened.expires_at,
        )
        return opened

    async def find(self, token: SecretStr, *, chosen_tenant: str | None = None) -> Session | None:
        """The session of this token, None when it has ended; `chosen_tenant` is another of the user's tenants."""
        now = self._clock.now()
        if chosen_tenant is not None and not is_id(TENANT, chosen_tenant):
            chosen_tenant = ""  # nobody is a member of it
        async with operator_transaction(self._engine) as tx:
            row = await repository.find(tx, hash_token(token), chosen=chosen_tenant, now=now, idle_since=now - IDLE)
            if row is None:
                return None
            session = Session(**row)
            if session.last_seen_at < now - _TOUCH_EVERY:
                await repository.touch(tx, session.id, now=now, before=now - _TOUCH_EVERY)
        return session

    async def close(self, session_id: str) -> None:
        async with operator_transaction(self._engine) as tx:
            await repository.close(tx, session_id)


def hash_token(token: SecretStr) -> str:
    """How a token is looked up. It has 256 random bits, so a plain hash cannot be searched."""
    return sha256(token.get_secret_value().encode()).hexdigest()
