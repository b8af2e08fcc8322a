"""The registry's keys move into AWS KMS while it serves; what a worker gets then, it opens through the KMS."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr
from tests.aws_kms import REGION, new_key, running_kms
from tests.services.registry.conftest import KEY_SECRET, Registry
from tests.services.registry.vault.rings import RINGS, administered, connect, revealed, wrappers

from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import RegistryClient
from onerouter_common.secrets import AwsKms, KmsOptions, open_sealed
from onerouter_registry.settings import Settings
from onerouter_registry.tenant.model import Tenant


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with running_kms() as url:
        yield url


@pytest.fixture
async def kms(aws: str) -> AsyncIterator[AwsKms]:
    async with AwsKms(KmsOptions(region=REGION, endpoint_url=aws, timeout_s=20)) as opened:
        yield opened


async def with_kms_first(settings: Settings, kms: AwsKms, url: str, *, keep: bool) -> Settings:
    rings = {}
    for name in RINGS:
        old = f",{getattr(settings, name).get_secret_value()}" if keep else ""
        rings[name] = SecretStr(f"kms:aws-kms:{await new_key(kms)}{old}")
    return settings.model_copy(update={**rings, "kms_region": REGION, "kms_endpoint_url": url, "kms_timeout_s": 20.0})


async def test_moved_into_the_kms(
    registry: Registry, tenant: Tenant, client: RegistryClient, kms: AwsKms, aws: str
) -> None:
    connection, token = await connect(registry, tenant.id)
    settings = await with_kms_first(registry.settings, kms, aws, keep=True)
    async with administered(registry, settings) as admin:
        await admin.rotation.run("test")
        assert await wrappers(registry, "test") == {"kms"}
        outcome = await admin.rotation.run("test", reencrypt=True)
        assert (outcome.lost, outcome.deleted) == ([], 2)
        another, _ = await connect(replace(registry, admin=admin), tenant.id, label="made there")
        assert (await revealed(admin, connection))["#token"] == token
    ring = settings.credential_rings(kms).of("test")
    for secret in (await client.route_set(tenant.id, "test", "payments")).connections:
        opened = await open_sealed(
            ring, secret.credentials, secret.data_keys, owner=(tenant.id, "test"), connection_id=secret.id
        )
        assert opened["key_secret"].get_secret_value() == KEY_SECRET
    assert await wrappers(registry, "test") == {"kms"}
    assert another.id != connection.id


async def test_away_nothing_is_entered_and_nothing_is_lost(
    registry: Registry, tenant: Tenant, kms: AwsKms, aws: str
) -> None:
    settings = await with_kms_first(registry.settings, kms, aws, keep=False)
    async with administered(registry, settings) as admin:
        connection, _ = await connect(replace(registry, admin=admin), tenant.id)
    away = settings.model_copy(update={"kms_endpoint_url": "http://127.0.0.1:1", "kms_timeout_s": 1.0})
    async with administered(registry, away) as admin:
        with pytest.raises(Overloaded):
            await admin.verification.verify(tenant.id, "test", connection.id)
        with pytest.raises(Overloaded):
            await connect(replace(registry, admin=admin), tenant.id, label="meanwhile")
    async with administered(registry, settings) as admin:
        assert [one.label for one in await admin.connections.list(tenant.id, "test")] == ["default"]
        assert (await revealed(admin, connection))["key_secret"] == KEY_SECRET
