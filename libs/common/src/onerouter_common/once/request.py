"""A request that is carried out once for its idempotency key, and answered again whenever it is repeated."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final, TypeVar

from fastapi import Header
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import IdempotencyMismatch, InvalidRequest
from onerouter_common.once import repository
from onerouter_common.once.key import HEADER, MISMATCH, REPLAYED, Key

T = TypeVar("T")


class Once:
    """Of one request. Without a key it is carried out whenever it comes."""

    def __init__(self, key: Key | None = None) -> None:
        self._key = key
        self.is_replayed: bool = False
        """Whether what was answered is what an earlier request did."""

    @property
    def headers(self) -> dict[str, str]:
        """For the answer."""
        return {REPLAYED: "true"} if self.is_replayed else {}

    async def carry_out(
        self, connection: AsyncConnection, now: datetime, act: Callable[[], Awaitable[T]], kept_as: TypeAdapter[T]
    ) -> T:
        """What `act` comes to, or came to when it was first asked for; that must hold no secret.

        The first thing in a tenant's transaction, which has the effect as well: both are there, or neither. What `act`
        raises leaves nothing. Raises IdempotencyMismatch for a key of another request.
        """
        if self._key is None:
            return await act()
        known = await repository.claim(connection, self._key, now)
        if known is None:
            made = await act()
            await repository.keep(connection, self._key, kept_as.dump_json(made).decode())
            return made
        return self._repeated(known, kept_as)

    async def answered(self, connection: AsyncConnection, kept_as: TypeAdapter[T]) -> T | None:
        """What came of an earlier request, if there was one: for who does something before `carry_out`, as asking a provider.

        Raises IdempotencyMismatch.
        """
        known = None if self._key is None else await repository.find(connection, self._key)
        return None if known is None else self._repeated(known, kept_as)

    def apart(self) -> "Once":
        """The same key in another tenant's transaction, where it is another one: for a request that makes two things."""
        return Once(self._key)

    def _repeated(self, known: repository.Known, kept_as: TypeAdapter[T]) -> T:
        if self._key is None or known.fingerprint != self._key.fingerprint:
            raise IdempotencyMismatch(MISMATCH)
        self.is_replayed = True
        return kept_as.validate_json(known.answer)


UNKEYED: Final = Once()
"""For who asks without a key: from a program, say."""


async def once_of(value: Annotated[str | None, Header(alias=HEADER, include_in_schema=False)] = None) -> Once:
    """A FastAPI dependency. Raises InvalidRequest."""
    if value is None:
        return Once()
    try:
        return Once(Key.parse(value))
    except ValueError as error:
        raise InvalidRequest.of(HEADER, "is not two digests") from error
