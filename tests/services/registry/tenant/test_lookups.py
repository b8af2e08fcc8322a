"""Which tenants are gone for good, asked by the services that hold something of them."""

from datetime import timedelta

from tests.services.registry.conftest import Registry, serving

from onerouter_common.registry_client import RegistryClient


async def test_only_those_whose_grace_is_over(registry: Registry) -> None:
    tenants = registry.admin.tenants
    active, leaving, gone = [await tenants.create(name) for name in ("Active", "Leaving", "Gone")]
    await tenants.delete(leaving.id, grace=timedelta(days=3))
    await tenants.delete(gone.id, grace=timedelta(0))
    await registry.admin.deletions.end_due()
    async with (
        serving(registry.settings) as transport,
        RegistryClient("http://registry", registry.settings.internal_tokens, transport=transport) as client,
    ):
        asked = [active.id, leaving.id, gone.id, "ten_nobody"]
        assert list(await client.ended_tenants(asked)) == [gone.id]
        assert list(await client.ended_tenants([])) == []
