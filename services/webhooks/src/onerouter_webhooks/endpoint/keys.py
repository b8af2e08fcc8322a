"""Signing secrets at rest: sealed with a data key of the tenant and environment, opened only to sign."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_common.secrets import KeyRing, SecretUnopenable
from onerouter_webhooks.database import DATABASE_AWAY

_REMEMBERED: Final = 10_000
_DATABASE_AWAY_S: Final = 2.0


class SigningKeysUnavailable(Exception):
    """The endpoint's secrets cannot be read or opened now. The text says why, never what."""

    def __init__(self, why: str, *, retry_in_s: float = 30.0) -> None:
        super().__init__(why)
        self.retry_in_s = retry_in_s


@dataclass(frozen=True, slots=True)
class _Sealed:
    id: str
    tenant_id: str
    environment: str
    endpoint_id: str
    sealed: str
    data_key_id: str
    wrapped: str
    expires_at: datetime | None


_SECRETS = """
SELECT s.id, s.tenant_id, s.environment, s.endpoint_id, s.sealed, k.id AS data_key_id, k.wrapped, s.expires_at
FROM endpoint_secrets s JOIN data_keys k ON k.id = split_part(s.sealed, '.', 2)
  AND k.tenant_id = s.tenant_id AND k.environment = s.environment
WHERE s.endpoint_id = $1 AND s.scheme = 'v1' AND (s.expires_at IS NULL OR s.expires_at > now())
ORDER BY s.created_at DESC, s.id DESC LIMIT 10
"""


def place_of(tenant_id: str, endpoint_id: str, secret_id: str) -> tuple[str, ...]:
    """What a sealed secret is bound to: moved to another endpoint or tenant it does not open."""
    return (tenant_id, endpoint_id, secret_id)


class SigningKeys:
    """Remembers what is sealed, by the endpoint's version; what is opened is not kept."""

    def __init__(self, pool: Pool, keyring: KeyRing) -> None:
        self._pool = pool
        self._keyring = keyring
        self._known: OrderedDict[tuple[str, int], tuple[_Sealed, ...]] = OrderedDict()

    async def secrets_of(self, endpoint_id: str, version: int, now: datetime) -> list[SecretStr]:
        """The live secrets, newest first. Raises SigningKeysUnavailable."""
        sealed = await self._sealed(endpoint_id, version)
        try:
            opened = [await self._open(one) for one in sealed if one.expires_at is None or one.expires_at > now]
        except (SecretUnopenable, Overloaded) as error:
            raise SigningKeysUnavailable(str(error)) from error
        if not opened:
            raise SigningKeysUnavailable("the endpoint has no live secret")
        return opened

    async def _sealed(self, endpoint_id: str, version: int) -> tuple[_Sealed, ...]:
        key = (endpoint_id, version)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        try:
            rows = await self._pool.fetch(_SECRETS, endpoint_id)
        except DATABASE_AWAY as error:
            why = f"the database cannot be asked: {type(error).__name__}"
            raise SigningKeysUnavailable(why, retry_in_s=_DATABASE_AWAY_S) from error
        sealed = tuple(_Sealed(**row) for row in rows)
        if sealed:
            self._known[key] = sealed
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return sealed

    async def _open(self, one: _Sealed) -> SecretStr:
        owner = (one.tenant_id, one.environment)
        data_key = await self._keyring.open_data_key(one.data_key_id, one.wrapped, bound_to=owner)
        return data_key.open(one.sealed, bound_to=place_of(one.tenant_id, one.endpoint_id, one.id))
