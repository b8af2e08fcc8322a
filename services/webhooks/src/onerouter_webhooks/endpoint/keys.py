"""What deliveries are signed and shown to be ours with: sealed with a data key of the tenant and environment, opened to be
used and for the minute after."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import orjson
from pydantic import SecretStr

from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_common.secrets import KeyRing, SecretUnopenable
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.endpoint.auth import BasicAuth, BearerAuth, OAuth2Auth, opened
from onerouter_webhooks.signing import Signer

_REMEMBERED: Final = 10_000
_DATABASE_AWAY_S: Final = 2.0
_OPEN_FOR: Final = timedelta(minutes=1)

HEADERS: Final = "headers"
AUTH: Final = "auth"
"""Where in an endpoint they are sealed, in place of a secret's id."""


class SigningKeysUnavailable(Exception):
    """The endpoint's secrets cannot be read or opened. The text says why, never what."""

    def __init__(self, why: str, *, retry_in_s: float = 30.0, is_lasting: bool = False) -> None:
        super().__init__(why)
        self.retry_in_s = retry_in_s
        self.is_lasting = is_lasting
        """They are there and nothing opens them, or there are none: to wait helps only once somebody did something."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one endpoint, in the clear."""

    signer: Signer
    """With its live secrets, at least one, and its private key."""
    headers: Mapping[str, SecretStr]
    auth: BasicAuth | BearerAuth | OAuth2Auth | None
    auth_id: str
    """Another whenever `auth` is set anew; empty without it."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    kind: str
    id: str
    tenant_id: str
    environment: str
    endpoint_id: str
    sealed: str
    expires_at: datetime | None
    data_key_id: str
    wrapped: str


_SEALED = """
SELECT one.kind, one.id, one.tenant_id, one.environment, one.endpoint_id, one.sealed, one.expires_at,
       k.id AS data_key_id, k.wrapped
FROM (
  SELECT scheme AS kind, id, tenant_id, environment, endpoint_id, sealed, created_at, expires_at
  FROM endpoint_secrets WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now())
  UNION ALL
  SELECT part.kind, part.kind, w.tenant_id, w.environment, w.id, part.sealed, w.created_at, NULL
  FROM webhook_endpoints w
  CROSS JOIN LATERAL (VALUES ('headers', w.headers_sealed), ('auth', w.auth_sealed)) part(kind, sealed)
  WHERE w.id = $1 AND part.sealed IS NOT NULL
) one
JOIN data_keys k ON k.id = split_part(one.sealed, '.', 2)
  AND k.tenant_id = one.tenant_id AND k.environment = one.environment
ORDER BY one.created_at DESC, one.id DESC LIMIT 20
"""


def place_of(tenant_id: str, endpoint_id: str, secret_id: str) -> tuple[str, ...]:
    """What a sealed secret is bound to: moved to another endpoint or tenant it does not open."""
    return (tenant_id, endpoint_id, secret_id)


class _Opened(NamedTuple):
    credentials: Credentials
    since: datetime
    until: datetime


class SigningKeys:
    """Remembers what is sealed, by the endpoint's version, and for a minute what was opened: to open it takes longer than to
    sign with it. The process has what opens it in memory anyway."""

    def __init__(self, pool: Pool, keyring: KeyRing) -> None:
        self._pool = pool
        self._keyring = keyring
        self._known: OrderedDict[tuple[str, int], tuple[_Sealed, ...]] = OrderedDict()
        self._opened: OrderedDict[tuple[str, int], _Opened] = OrderedDict()

    async def of(self, endpoint_id: str, version: int, now: datetime) -> Credentials:
        """What is live at that moment. Raises SigningKeysUnavailable."""
        if (known := self.find_open(endpoint_id, version, now)) is not None:
            return known
        sealed = await self._sealed(endpoint_id, version)
        live = [one for one in sealed if one.expires_at is None or one.expires_at > now]
        credentials = await self._credentials(live)
        until = min([now + _OPEN_FOR, *(one.expires_at for one in live if one.expires_at is not None)])
        self._keep_open((endpoint_id, version), _Opened(credentials, now, until))
        return credentials

    def find_open(self, endpoint_id: str, version: int, now: datetime) -> Credentials | None:
        """The same, where it was opened a moment ago: without waiting."""
        known = self._opened.get((endpoint_id, version))
        return known.credentials if known is not None and known.since <= now < known.until else None

    def _keep_open(self, key: tuple[str, int], opened: _Opened) -> None:
        self._opened[key] = opened
        self._opened.move_to_end(key)
        # The oldest comes first, and is over first.
        while len(self._opened) > _REMEMBERED or next(iter(self._opened.values())).until <= opened.since:
            self._opened.popitem(last=False)

    async def _credentials(self, live: Sequence[_Sealed]) -> Credentials:
        try:
            clear = [(one.kind, one.sealed, await self._open(one)) for one in live]
        except SecretUnopenable as error:
            raise SigningKeysUnavailable(str(error), is_lasting=True) from error
        except Overloaded as error:
            raise SigningKeysUnavailable(str(error)) from error
        secrets = [text for kind, _, text in clear if kind == "v1"]
        if not secrets:
            raise SigningKeysUnavailable("the endpoint has no live secret", is_lasting=True)
        headers = next((text for kind, _, text in clear if kind == HEADERS), None)
        auth = next(((id_, text) for kind, id_, text in clear if kind == AUTH), None)
        return Credentials(
            signer=Signer(secrets, next((text for kind, _, text in clear if kind == "v1a"), None)),
            headers={} if headers is None else headers_of(headers),
            auth=None if auth is None else opened(auth[1]),
            auth_id="" if auth is None else auth[0],
        )

    async def _sealed(self, endpoint_id: str, version: int) -> tuple[_Sealed, ...]:
        key = (endpoint_id, version)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        try:
            rows = await self._pool.fetch(_SEALED, endpoint_id)
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


def headers_to_seal(headers: Mapping[str, SecretStr]) -> SecretStr:
    """All of them in the clear, to be sealed at once."""
    return SecretStr(orjson.dumps({name: value.get_secret_value() for name, value in headers.items()}).decode())


def headers_of(text: SecretStr) -> dict[str, SecretStr]:
    """What `headers_to_seal` made."""
    return {name: SecretStr(value) for name, value in orjson.loads(text.get_secret_value()).items()}
