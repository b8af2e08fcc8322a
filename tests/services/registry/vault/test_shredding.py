"""Without its data keys nothing of a tenant opens, from the database or from a copy of what was sealed."""

import pytest
from tests.services.registry.conftest import KEY_SECRET, Registry
from tests.services.registry.vault.rings import connect, revealed, sql

from onerouter_common.errors import CredentialsUnreadable
from onerouter_common.registry_client import RegistryClient
from onerouter_common.secrets import SecretUnopenable, open_sealed
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.vault.shredding import shred


async def test_nothing_opens_afterwards(
    registry: Registry, tenant: Tenant, other_tenant: Tenant, client: RegistryClient
) -> None:
    made = [await connect(registry, tenant.id, environment) for environment in ("test", "live")]
    others, _ = await connect(registry, other_tenant.id)
    copies = {
        connection.id: (await client.route_set(tenant.id, connection.environment, "payments")).connections[0]
        for connection, _ in made
    }
    async with operator_transaction(registry.admin.rotation._engine) as tx:
        await shred(tx, tenant.id)

    assert await sql(registry, "SELECT FROM data_keys WHERE tenant_id = $1", tenant.id) == []
    for connection, token in made:
        environment = connection.environment
        assert await client.callback_target("razorpay", token) is None
        (secret,) = (await client.route_set(tenant.id, environment, "payments")).connections
        assert (secret.credentials, secret.data_keys) == ({}, {})
        [row] = await sql(registry, "SELECT c::text AS text FROM connections c WHERE id = $1", connection.id)
        for sealed in (*connection.credentials.api.values(), *connection.credentials.callback.values()):
            assert sealed not in row["text"]
        # A copy of the ciphertexts, taken before, and all that the database has now.
        ring = registry.admin.rotation._vault.people_ring if environment == "live" else None
        ring = ring or registry.settings.credential_rings(registry.settings.open_kms()).of(environment)
        with pytest.raises(SecretUnopenable, match="is gone"):
            await open_sealed(
                ring,
                copies[connection.id].credentials,
                secret.data_keys,
                owner=(tenant.id, environment),
                connection_id=connection.id,
            )
        # And put back into the row.
        await sql(
            registry,
            "UPDATE connections SET credentials = jsonb_build_object('key_secret', $2::text) WHERE id = $1",
            *(connection.id, connection.credentials.api["key_secret"]),
        )
        with pytest.raises(CredentialsUnreadable):
            await registry.admin.verification.verify(tenant.id, environment, connection.id)
    assert (await revealed(registry.admin, others))["key_secret"] == KEY_SECRET


async def test_a_tenant_cannot_do_it_to_another(registry: Registry, tenant: Tenant, other_tenant: Tenant) -> None:
    """The role that acts as a tenant has no right to delete data keys, its own or anybody's."""
    from onerouter_registry.transactions import tenant_transaction

    others, _ = await connect(registry, other_tenant.id)
    with pytest.raises(Exception, match="permission denied"):
        async with tenant_transaction(registry.admin.rotation._engine, tenant.id, "test") as tx:
            await shred(tx, other_tenant.id)
    assert (await revealed(registry.admin, others))["key_secret"] == KEY_SECRET
