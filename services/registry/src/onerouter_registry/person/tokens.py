"""Tokens that do one thing once: they go out in a mail, only their hash stays."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock
from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_registry.person import token_repository as repository
from onerouter_registry.session.service import hash_token

Purpose = Literal["password_reset", "email_change"]

LIFETIME: Final[Mapping[Purpose, timedelta]] = {
    "password_reset": timedelta(minutes=30),
    "email_change": timedelta(days=1),
}
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Redeemed:
    user_id: str
    data: Mapping[str, Any]


class Tokens:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def issue(
        self,
        tx: AsyncConnection,
        purpose: Purpose,
        user_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        lifetime: timedelta | None = None,
    ) -> SecretStr:
        """A fresh token; those made before for the same purpose no longer work."""
        now = self._clock.now()
        token = SecretStr(secrets.token_urlsafe(TOKEN_BYTES))
        await repository.void(tx, purpose, user_id)
        await repository.add(
            tx,
            token_hash=hash_token(token),
            purpose=purpose,
            user_id=user_id,
            data=dict(data or {}),
            now=now,
            expires_at=now + (lifetime or LIFETIME[purpose]),
        )
        return token

    async def find(self, tx: AsyncConnection, purpose: Purpose, token: SecretStr) -> Redeemed:
        """Whose it is, without using it. Raises InvalidRequest."""
        row = await repository.find(tx, hash_token(token), purpose, now=self._clock.now())
        return _of(row)

    async def redeem(self, tx: AsyncConnection, purpose: Purpose, token: SecretStr) -> Redeemed:
        """Use it; of several who do so at the same time one succeeds. Raises InvalidRequest."""
        row = await repository.use(tx, hash_token(token), purpose, now=self._clock.now())
        return _of(row)

    async def void(self, tx: AsyncConnection, purpose: Purpose, user_id: str) -> None:
        await repository.void(tx, purpose, user_id)

    async def void_address_change(self, tx: AsyncConnection, user_id: str) -> None:
        """Whoever asked for it may be who is shut out now. A link that only confirms the address they have stays."""
        await repository.void_address_change(tx, user_id)


def _of(row: Mapping[Any, Any] | None) -> Redeemed:
    if row is None:
        raise unusable_link()
    return Redeemed(row["user_id"], row["data"])


def unusable_link() -> InvalidRequest:
    message = "was used already, has expired, or was replaced by a newer one; ask for another"
    return InvalidRequest(f"The link {message}.", code="LINK_UNUSABLE", errors=(FieldError("token", message),))
