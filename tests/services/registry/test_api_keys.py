"""Keys: made, listed, revoked; never stored."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.services.registry.conftest import Registry

from onerouter_common.api_keys import hash_key, parse_key
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.ids import TENANT, new_id
from onerouter_registry.tenant.model import Tenant


class TestCreate:
    async def test_gives_a_key_that_is_stored_as_its_hash(self, registry: Registry, tenant: Tenant) -> None:
        created = await registry.admin.api_keys.create(
            tenant.id, "live", name=" backend ", scopes=["payments:write", "payments:read", "payments:read"]
        )
        parsed = parse_key(created.key.get_secret_value())
        assert parsed is not None
        assert parsed.environment == "live"
        (stored,) = await registry.admin.api_keys.list(tenant.id, "live")
        assert stored == created.api_key
        assert stored.hash == hash_key(created.key.get_secret_value(), registry.settings.api_key_pepper)
        assert stored.display_prefix == created.key.get_secret_value()[:13]
        assert stored.name == "backend"
        assert stored.scopes == ("payments:read", "payments:write")

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("name", {"name": " "}),
            ("name", {"name": "x" * 101}),
            ("name", {"name": "bell\a"}),
            ("scopes", {"scopes": []}),
            ("scopes", {"scopes": ["payments"]}),
            ("scopes", {"scopes": ["payments:write\n"]}),
            ("rate_limit_per_s", {"rate_limit_per_s": 0}),
            ("rate_burst", {"rate_burst": 100_001}),
            ("expires_at", {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}),
            ("expires_at", {"expires_at": datetime.fromisoformat("2090-01-01T00:00:00")}),
        ],
    )
    async def test_refuses_and_names_the_field(
        self, registry: Registry, tenant: Tenant, field: str, wrong: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await registry.admin.api_keys.create(tenant.id, "test", **{"name": "x", **wrong})  # type: ignore[arg-type]
        assert [error.field for error in refused.value.errors] == [field]

    async def test_knows_only_two_environments(self, registry: Registry, tenant: Tenant) -> None:
        with pytest.raises(InvalidRequest, match="environment"):
            await registry.admin.api_keys.create(tenant.id, "staging", name="x")

    async def test_needs_a_tenant_that_exists(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="tenant"):
            await registry.admin.api_keys.create(new_id(TENANT), "test", name="x")


class TestRevoke:
    async def test_is_final_and_repeatable(self, registry: Registry, tenant: Tenant) -> None:
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        first = await registry.admin.api_keys.revoke(tenant.id, "test", created.api_key.id)
        again = await registry.admin.api_keys.revoke(tenant.id, "test", created.api_key.id)
        assert first.revoked_at is not None
        assert again.revoked_at == first.revoked_at
        assert again.status_at(datetime.now(UTC)) == "revoked"

    async def test_does_not_find_a_key_of_the_other_environment(self, registry: Registry, tenant: Tenant) -> None:
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        with pytest.raises(NotFound):
            await registry.admin.api_keys.revoke(tenant.id, "live", created.api_key.id)


async def test_tenants_are_found(registry: Registry, tenant: Tenant) -> None:
    assert await registry.admin.tenants.get(tenant.id) == tenant
    with pytest.raises(NotFound):
        await registry.admin.tenants.get(new_id(TENANT))
