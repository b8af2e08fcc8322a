"""Seals what a tenant enters: API credentials and callback secrets under different keys, each field for its own place."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.secrets import DataKey, KeyRing, open_sealed
from onerouter_providers.manifest import Manifest
from onerouter_registry.connection import repository
from onerouter_registry.connection.model import Connection, DataKeyRow, SealedCredentials

CALLBACK_ADDRESS: Final = "#callback_token"
"""No manifest's field can be called so."""

_TOKEN_BYTES: Final = 32
_SHOWN: Final = 4
_SHOWN_FROM_LENGTH: Final = 20


class Purpose(StrEnum):
    """Which keyring wraps a data key, and so which processes can open what it seals."""

    CREDENTIALS = "credentials"
    CALLBACKS = "callbacks"


class Vault:
    """Holds both keyrings. Works inside the caller's transaction, as its tenant."""

    def __init__(self, credential_keys: KeyRing, callback_keys: KeyRing) -> None:
        self._rings = {Purpose.CREDENTIALS: credential_keys, Purpose.CALLBACKS: callback_keys}

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
            data_key = await self._data_key(tx, owner, purpose, now)
            sealed[field.key] = data_key.seal(SecretStr(value), bound_to=(owner[0], connection_id, field.key))
            masked[field.key] = mask(value)
        return SealedCredentials(api=api, callback=callback, public=public, masked=masked)

    async def open_api(self, tx: AsyncConnection, connection: Connection) -> dict[str, SecretStr]:
        """What the provider's client needs, in the clear. Raises SecretUnopenable."""
        sealed = await self._open(tx, connection, Purpose.CREDENTIALS, connection.credentials.api)
        return sealed | {key: SecretStr(value) for key, value in connection.credentials.public.items()}

    async def open_all(self, tx: AsyncConnection, connection: Connection) -> dict[str, SecretStr]:
        """Every field in the clear, the callback secrets too. Raises SecretUnopenable."""
        callback = await self._open(tx, connection, Purpose.CALLBACKS, connection.credentials.callback)
        return callback | await self.open_api(tx, connection)

    async def new_callback_token(
        self, tx: AsyncConnection, owner: tuple[str, str], connection_id: str, now: datetime
    ) -> tuple[SecretStr, str]:
        """An unguessable token and its sealed form."""
        token = SecretStr(secrets.token_urlsafe(_TOKEN_BYTES))
        data_key = await self._data_key(tx, owner, Purpose.CREDENTIALS, now)
        return token, data_key.seal(token, bound_to=(owner[0], connection_id, CALLBACK_ADDRESS))

    async def open_callback_token(self, tx: AsyncConnection, connection: Connection, sealed: str) -> SecretStr:
        """A token as `new_callback_token` sealed it for this connection. Raises SecretUnopenable."""
        return (await self._open(tx, connection, Purpose.CREDENTIALS, {CALLBACK_ADDRESS: sealed}))[CALLBACK_ADDRESS]

    async def _open(
        self, tx: AsyncConnection, connection: Connection, purpose: Purpose, sealed: Mapping[str, str]
    ) -> dict[str, SecretStr]:
        row = await repository.find_data_key(tx, purpose)
        return open_sealed(
            self._rings[purpose],
            sealed,
            {} if row is None else {row.id: row.wrapped},
            owner=(connection.tenant_id, connection.environment),
            connection_id=connection.id,
        )

    async def _data_key(self, tx: AsyncConnection, owner: tuple[str, str], purpose: Purpose, now: datetime) -> DataKey:
        """The tenant's data key for this purpose, made when it is first needed (by one of two at once)."""
        ring = self._rings[purpose]
        row = await repository.find_data_key(tx, purpose)
        if row is None:
            data_key, wrapped = ring.new_data_key(bound_to=owner)
            row = await repository.add_data_key(tx, owner, purpose, DataKeyRow(data_key.id, wrapped), now)
        return ring.open_data_key(row.id, row.wrapped, bound_to=owner)


def mask(value: str) -> str:
    """What may be shown of a secret: the end of a long one, nothing of a short one."""
    return "••••" + (value[-_SHOWN:] if len(value) >= _SHOWN_FROM_LENGTH else "")


def hash_token(token: str) -> str:
    """How a callback token is looked up. It has 256 random bits, so a plain hash cannot be searched."""
    return sha256(token.encode()).hexdigest()
