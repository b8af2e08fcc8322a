"""A secret is in no column, and a sealed one opens only where it belongs."""

from dataclasses import replace

import asyncpg
import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, WEBHOOK_SECRET, Registry, environment_of_keys

from onerouter_common.errors import InvalidRequest
from onerouter_common.registry_client import RegistryClient
from onerouter_common.secrets import SecretUnopenable, open_sealed
from onerouter_common.settings import keyring_of
from onerouter_registry.connection.model import Connection
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.vault.service import mask


async def everything_stored(registry: Registry) -> str:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = [
            row["text"]
            for table in tables
            for row in await connection.fetch(
                f"SELECT t::text || encode(convert_to(t::text, 'UTF8'), 'escape') AS text FROM {table['tablename']} t"
            )
        ]
        outbox = [bytes(row["value"]).decode() for row in await connection.fetch("SELECT value FROM outbox")]
    finally:
        await connection.close()
    return "\n".join([*texts, *outbox])


async def data_keys(registry: Registry, tenant: Tenant, purpose: str) -> dict[str, str]:
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        rows = await connection.fetch(
            "SELECT id, wrapped FROM data_keys WHERE tenant_id = $1 AND purpose = $2", tenant.id, purpose
        )
    finally:
        await connection.close()
    return {row["id"]: row["wrapped"] for row in rows}


async def connect(registry: Registry, tenant: Tenant, label: str = "default") -> Connection:
    return (
        await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label=label)
    ).connection


async def test_no_column_holds_a_secret_in_the_clear(registry: Registry, tenant: Tenant) -> None:
    created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    connected = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    await registry.admin.connections.update_credentials(tenant.id, "test", connected.connection.id, CREDENTIALS)
    stored = await everything_stored(registry)
    assert connected.connection.id in stored
    assert "rzp_test_1DP5mmOlF5G5ag" in stored  # the key id is not sensitive: proof that the scan sees the columns
    assert connected.callback_token is not None
    secrets = [KEY_SECRET, WEBHOOK_SECRET, created.key.get_secret_value(), connected.callback_token.get_secret_value()]
    for secret in secrets:
        assert secret not in stored
        assert secret[10:-6] not in stored
    for ring in environment_of_keys(registry.settings).values():
        assert ring.partition(":")[2] not in stored
    assert registry.settings.api_key_pepper.get_secret_value() not in stored


async def test_representations_show_no_secret(registry: Registry, tenant: Tenant) -> None:
    connected = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    shown = repr(connected) + repr(created)
    assert KEY_SECRET not in shown
    assert created.key.get_secret_value() not in shown
    assert connected.connection.credentials.api["key_secret"] not in shown


async def test_a_worker_opens_what_the_registry_sealed(
    registry: Registry, tenant: Tenant, client: RegistryClient
) -> None:
    connection = await connect(registry, tenant)
    (secret,) = (await client.route_set(tenant.id, "test", "payments")).connections
    opened = await open_sealed(
        keyring_of(registry.settings.credential_keys_test),
        secret.credentials,
        secret.data_keys,
        owner=(tenant.id, "test"),
        connection_id=connection.id,
    )
    assert {key: value.get_secret_value() for key, value in opened.items()} == {"key_secret": KEY_SECRET}
    assert secret.credentials_public == {"key_id": "rzp_test_1DP5mmOlF5G5ag"}


async def test_webhooks_opens_callback_secrets_and_nothing_else(
    registry: Registry, tenant: Tenant, client: RegistryClient
) -> None:
    connected = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    assert connected.callback_token is not None
    target = await client.callback_target("razorpay", connected.callback_token.get_secret_value())
    assert target is not None
    callback_keys = keyring_of(registry.settings.callback_keys_test)
    owner, connection_id = (tenant.id, "test"), connected.connection.id
    opened = await open_sealed(
        callback_keys, target.secrets, target.data_keys, owner=owner, connection_id=connection_id
    )
    assert {key: value.get_secret_value() for key, value in opened.items()} == {"webhook_secret": WEBHOOK_SECRET}
    (secret,) = (await client.route_set(tenant.id, "test", "payments")).connections
    assert not secret.data_keys.keys() & target.data_keys.keys()
    with pytest.raises(SecretUnopenable):
        await open_sealed(callback_keys, secret.credentials, secret.data_keys, owner=owner, connection_id=connection_id)


class TestSwapped:
    """A ciphertext moved in the database does not open."""

    async def test_between_connections(self, registry: Registry, tenant: Tenant) -> None:
        one, two = await connect(registry, tenant, "one"), await connect(registry, tenant, "two")
        with pytest.raises(SecretUnopenable):
            await self.open(registry, tenant, one.credentials.api, two.id)

    async def test_between_fields(self, registry: Registry, tenant: Tenant) -> None:
        one = await connect(registry, tenant)
        with pytest.raises(SecretUnopenable):
            await self.open(registry, tenant, {"key_id": one.credentials.api["key_secret"]}, one.id)

    async def test_between_tenants(self, registry: Registry, tenant: Tenant, other_tenant: Tenant) -> None:
        one = await connect(registry, tenant)
        await connect(registry, other_tenant)
        with pytest.raises(SecretUnopenable):
            await self.open(registry, other_tenant, one.credentials.api, one.id)
        # Nor with the owner's data key carried along: it was wrapped for its tenant.
        with pytest.raises(SecretUnopenable):
            await open_sealed(
                keyring_of(registry.settings.credential_keys_test),
                one.credentials.api,
                await data_keys(registry, tenant, "credentials"),
                owner=(other_tenant.id, "test"),
                connection_id=one.id,
            )

    async def test_between_the_callback_address_and_a_field(self, registry: Registry, tenant: Tenant) -> None:
        one = await connect(registry, tenant)
        connection = await asyncpg.connect(registry.database.admin_dsn)
        try:
            sealed = await connection.fetchval("SELECT sealed FROM callback_tokens WHERE connection_id = $1", one.id)
        finally:
            await connection.close()
        assert sealed
        with pytest.raises(SecretUnopenable):
            await self.open(registry, tenant, {"key_secret": sealed}, one.id)

    async def test_one_in_its_own_place_opens(self, registry: Registry, tenant: Tenant) -> None:
        one = await connect(registry, tenant)
        opened = await self.open(registry, tenant, one.credentials.api, one.id)
        assert opened["key_secret"].get_secret_value() == KEY_SECRET

    async def open(
        self, registry: Registry, tenant: Tenant, sealed: object, connection_id: str
    ) -> dict[str, SecretStr]:
        return await open_sealed(
            keyring_of(registry.settings.credential_keys_test),
            sealed,  # type: ignore[arg-type]
            await data_keys(registry, tenant, "credentials"),
            owner=(tenant.id, "test"),
            connection_id=connection_id,
        )


async def test_an_update_keeps_other_fields_and_seals_anew(registry: Registry, tenant: Tenant) -> None:
    before = await connect(registry, tenant)
    await registry.admin.connections.update_credentials(
        tenant.id, "test", before.id, {"key_id": SecretStr("rzp_test_another1234"), "webhook_secret": SecretStr("")}
    )
    after = await registry.admin.connections.get(tenant.id, "test", before.id)
    assert after.credentials.public == {"key_id": "rzp_test_another1234"}
    assert after.credentials.callback == {}
    assert after.credentials.api["key_secret"] != before.credentials.api["key_secret"]
    assert after.version == before.version + 1
    opened = await TestSwapped().open(registry, tenant, after.credentials.api, after.id)
    assert opened["key_secret"].get_secret_value() == KEY_SECRET


async def test_an_update_that_would_break_the_connection_changes_nothing(registry: Registry, tenant: Tenant) -> None:
    before = await connect(registry, tenant)
    with pytest.raises(InvalidRequest, match="key_secret"):
        await registry.admin.connections.update_credentials(tenant.id, "test", before.id, {"key_secret": SecretStr("")})
    assert await registry.admin.connections.get(tenant.id, "test", before.id) == replace(before)


def test_only_the_end_of_a_long_secret_is_shown() -> None:
    assert mask("short-secret") == "••••"
    assert mask("a-secret-of-twenty-five-c") == "••••ve-c"
