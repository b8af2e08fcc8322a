"""What only its owner may change asks for a proof of who is there: a recent sign-in, or the password once more."""

from datetime import timedelta
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest, NotPermitted, Overloaded
from onerouter_registry.person import repository
from onerouter_registry.person.passwords import Passwords
from onerouter_registry.session.model import Session
from onerouter_registry.throttle.model import REAUTHENTICATION
from onerouter_registry.throttle.service import Throttle
from onerouter_registry.transactions import operator_transaction

RECENT: Final = timedelta(minutes=15)


class Reauthentication:
    def __init__(self, engine: AsyncEngine, passwords: Passwords, throttle: Throttle, clock: Clock) -> None:
        self._engine = engine
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock

    async def require(self, user_id: str, session: Session | None, password: SecretStr | None) -> None:
        """Raises NotPermitted when neither is there, InvalidRequest for a wrong password, RateLimited, Overloaded."""
        if password is not None:
            await self.require_password(user_id, "password", password)
            return
        if session is None or self._clock.now() - session.authenticated_at > RECENT:
            raise NotPermitted(
                "Send your password, or sign in again: your last sign-in is more than 15 minutes ago.",
                code="REAUTHENTICATION_REQUIRED",
            )

    async def require_password(self, user_id: str, field: str, password: SecretStr) -> None:
        """Guesses count for the person, apart from sign-ins: no stranger makes them wait.

        Raises InvalidRequest, RateLimited, Overloaded.
        """
        async with operator_transaction(self._engine) as tx:
            person = await repository.find(tx, user_id)
        made = await self._throttle.count({REAUTHENTICATION: user_id})
        try:
            verdict = await self._passwords.verify(None if person is None else person.password_hash, password)
        except Overloaded:
            await self._throttle.take_back(made)
            raise
        if not verdict.matches:
            raise InvalidRequest.of(field, "is not your password")
        async with operator_transaction(self._engine) as tx:
            await self._throttle.succeeded(tx, made, clear=(REAUTHENTICATION,))
