"""Seals what a tenant enters: API credentials and callback secrets under different keys, each field for its own place."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import CredentialsUnreadable
from onerouter_common.registry_client import CALLBACK_ADDRESS
from onerouter_common.secrets import DataKey, KeyRing, KeyRings, SecretUnopenable, data_key_of, open_sealed
from onerouter_providers.manifest import Manifest
from onerouter_registry.connection.model import Connection, SealedCredentials
from onerouter_registry.vault import repository
from onerouter_registry.vault.model import DataKeyRow, Purpose

log = structlog.get_logger()

_TOKEN_BYTES: Final = 32
_SHOWN: Final = 4
_SHOWN_FROM_LENGTH: Final = 20
_PEOPLE: Final = "live"
"""People belong to no environment: what is theirs is under the keys that are guarded best."""


class Vault:
    """Holds the keyrings. Works inside the caller's transaction, as its tenant.

    Every method raises Overloaded when the KMS that holds a key cannot be used right now.
    """

    def __init__(self, credential_keys: KeyRings, callback_keys: KeyRings) -> None:
        self._rings = {Purpose.CREDENTIALS: credential_keys, Purpose.CALLBACKS: callback_keys}

    def ring(self, purpose: Purpose, environment: str) -> KeyRing:
        return self._rings[purpose].of(environment)

    @property
    def people_ring(self) -> KeyRing:
        """Wraps people's own data keys (`users.totp_key`), each bound to its `owner_of_person`."""
        return self.ring(Purpose.CREDENTIALS, _PEOPLE)

    async def seal(
        self,
        tx: AsyncConnection,
        owner: tuple[str, str],
        connection_id: str,
        manifest: Manifest,
        values: Mapping[str, str],
        now: datetime,
    ) -> SealedCredentials:
        """Seal what the manifest calls sensitive. `owner` is (tenant, environment); empty values are left out."""
        api: dict[str, str] = {}
        callback: dict[str, str] = {}
        public: dict[str, str] = {}
        masked: dict[str, str] = {}
        for field in manifest.credentials:
            value = values.get(field.key)
            if not value:
                continue
            if not field.sensitive:
                public[field.key] = value
                continue
            purpose, sealed = (
                (Purpose.CALLBACKS, callback) if field.used_by == "callback" else (Purpose.CREDENTIALS, api)
            )
            data_key = await self.active_key(tx, owner, purpose, now)
            sealed[field.key] = data_key.seal(SecretStr(value), bound_to=(owner[0], connection_id, field.key))
            masked[field.key] = mask(value)
        return SealedCredentials(api=api, callback=callback, public=public, masked=masked)

    async def open_api(self, tx: AsyncConnection, connection: Connection) -> dict[str, SecretStr]:
        """What the provider's client needs, in the clear. Raises CredentialsUnreadable."""
        sealed = await self._open(tx, connection, Purpose.CREDENTIALS, connection.credentials.api)
        return sealed | _public(connection)

    async def open_all(self, tx: AsyncConnection, connection: Connection) -> dict[str, SecretStr]:
        """Every field in the clear, the callback secrets too. Raises CredentialsUnreadable."""
        callback = await self._open(tx, connection, Purpose.CALLBACKS, connection.credentials.callback)
        return callback | await self.open_api(tx, connection)

    async def open_readable(self, tx: AsyncConnection, connection: Connection) -> dict[str, SecretStr]:
        """Every field that opens: where some do not, entering just those again mends the connection."""
        opened = _public(connection)
        for purpose, fields in (
            (Purpose.CREDENTIALS, connection.credentials.api),
            (Purpose.CALLBACKS, connection.credentials.callback),
        ):
            for field, sealed in fields.items():
                try:
                    opened |= await self._open(tx, connection, purpose, {field: sealed})
                except CredentialsUnreadable:
                    continue  # logged where it was found
        return opened

    async def new_callback_token(
        self, tx: AsyncConnection, owner: tuple[str, str], connection_id: str, now: datetime
    ) -> tuple[SecretStr, str]:
        """An unguessable token and its sealed form."""
        token = SecretStr(secrets.token_urlsafe(_TOKEN_BYTES))
        data_key = await self.active_key(tx, owner, Purpose.CREDENTIALS, now)
        return token, data_key.seal(token, bound_to=(owner[0], connection_id, CALLBACK_ADDRESS))

    async def open_callback_token(self, tx: AsyncConnection, connection: Connection, sealed: str) -> SecretStr:
        """One of the connection's tokens, from its sealed form. Raises CredentialsUnreadable."""
        token = {CALLBACK_ADDRESS: sealed}
        return (await self._open(tx, connection, Purpose.CREDENTIALS, token))[CALLBACK_ADDRESS]

    async def active_key(self, tx: AsyncConnection, owner: tuple[str, str], purpose: Purpose, now: datetime) -> DataKey:
        """The data key that seals, made when it is first needed (by one of two at once).

        One that does not open any more gives way to a new one, so that credentials can be entered again.
        """
        await repository.hold_data_keys(tx, owner[1])
        ring = self.ring(purpose, owner[1])
        row = await repository.find_active(tx, owner, purpose)
        if row is not None:
            try:
                return await ring.open_data_key(row.id, row.wrapped, bound_to=owner)
            except SecretUnopenable as error:
                log.error("registry.data_key.lost", data_key_id=row.id, why=str(error))  # noqa: TRY400
                await repository.retire(tx, row.id, now)
        data_key, wrapped = await ring.new_data_key(bound_to=owner)
        stored = await repository.add(tx, owner, purpose, DataKeyRow(data_key.id, wrapped), now)
        return data_key if stored.id == data_key.id else await self.active_key(tx, owner, purpose, now)

    async def _open(
        self, tx: AsyncConnection, connection: Connection, purpose: Purpose, sealed: Mapping[str, str]
    ) -> dict[str, SecretStr]:
        owner = (connection.tenant_id, connection.environment)
        try:
            keys = await repository.find_wrapped(tx, owner, purpose, {data_key_of(value) for value in sealed.values()})
            return await open_sealed(
                self.ring(purpose, owner[1]), sealed, keys, owner=owner, connection_id=connection.id
            )
        except SecretUnopenable as error:
            log.error("registry.credentials.unreadable", connection_id=connection.id, why=str(error))  # noqa: TRY400
            raise CredentialsUnreadable.of(connection.id) from None


def mask(value: str) -> str:
    """What may be shown of a secret: the end of a long one, nothing of a short one."""
    return "••••" + (value[-_SHOWN:] if len(value) >= _SHOWN_FROM_LENGTH else "")


def hash_token(token: str) -> str:
    """How a callback token is looked up. It has 256 random bits, so a plain hash cannot be searched."""
    return sha256(token.encode()).hexdigest()


def owner_of_person(user_id: str) -> tuple[str, str]:
    """What a person's data key is bound to; no tenant is called `user`."""
    return "user", user_id


def place_of_person(user_id: str) -> tuple[str, ...]:
    """What a person's second factor is bound to."""
    return "user", user_id, "totp"


def _public(connection: Connection) -> dict[str, SecretStr]:
    return {key: SecretStr(value) for key, value in connection.credentials.public.items()}
