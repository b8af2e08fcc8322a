"""What the other services ask, through the client they use."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr
from tests.services.registry.conftest import CREDENTIALS, Registry, serving

from onerouter_common.api_keys import make_key
from onerouter_common.errors import Overloaded
from onerouter_common.ids import TENANT, new_id
from onerouter_common.registry_client import RegistryClient
from onerouter_registry.api_key.model import KeyChanges
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.vault.service import hash_token


class TestIntrospect:
    async def test_says_who_holds_the_key_and_what_it_may_do(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        for label, currency in (("one", None), ("two", "USD")):
            await registry.admin.connections.connect(
                tenant.id, "test", "razorpay", CREDENTIALS, label=label, currency=currency
            )
        await registry.admin.tenants.change(tenant.id, {"default_region": "IN"})
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        created = await registry.admin.api_keys.create(
            tenant.id,
            "test",
            name="backend",
            scopes=["payments:write"],
            rate_limit_per_s=50,
            rate_burst=75,
            expires_at=expires_at,
            ip_allow_list=["203.0.113.0/24", "2001:db8::1"],
            quotas={"sms": 10, "payments": 10**12},
        )
        principal = await client.introspect(created.api_key.hash)
        assert principal is not None
        assert principal.model_dump() == {
            "tenant_id": tenant.id,
            "environment": "test",
            "family": created.api_key.id,
            "api_key_id": created.api_key.id,
            "status": "active",
            "scopes": {"payments:write"},
            "rate_limit_per_s": 50,
            "rate_burst": 75,
            "default_currency": "USD",
            "default_region": "IN",
            "services": {"payments": ("razorpay",)},
            "expires_at": expires_at,
            "tenant_status": "active",
            "requests_per_minute": None,
            "ip_allow_list": ("203.0.113.0/24", "2001:db8::1/128"),
            "quotas": {"sms": 10, "payments": 10**12},
        }
        assert principal.may("payments:write")
        assert not principal.may("payments:read")
        assert principal.status_at(expires_at) == "expired"

    async def test_a_tenant_without_connections_has_no_services(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        created = await registry.admin.api_keys.create(tenant.id, "live", name="backend")
        principal = await client.introspect(created.api_key.hash)
        assert principal is not None
        assert principal.services == {}
        assert principal.default_currency == "INR"
        assert principal.may("anything:write")

    async def test_a_disabled_connection_is_no_service(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        await registry.admin.connections.set_enabled(tenant.id, "test", made.connection.id, False)
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        principal = await client.introspect(created.api_key.hash)
        assert principal is not None
        assert principal.services == {}

    async def test_a_disconnected_connection_is_no_service(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, currency="USD")
        await registry.admin.connections.disconnect(tenant.id, "test", made.connection.id)
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        principal = await client.introspect(created.api_key.hash)
        assert principal is not None
        assert (principal.services, principal.default_currency) == ({}, "INR")

    async def test_an_operators_switch_changes_no_principal(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        """So caches of principals need not hear of it."""
        await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        before = await client.introspect(created.api_key.hash)
        for provider in ("razorpay", "*"):
            await registry.admin.switches.disable("payments", provider, "An incident.")
            assert await client.introspect(created.api_key.hash) == before
            await registry.admin.switches.enable("payments", provider)

    async def test_a_changed_key_is_found_as_changed(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        keys = registry.admin.api_keys
        created = await keys.create(tenant.id, "test", name="backend")
        changes = KeyChanges(scopes=["sms:write"], rate_limit_per_s=3, ip_allow_list=["10.0.0.0/8"], quotas={"sms": 1})
        await keys.update(tenant.id, "test", created.api_key.id, changes)
        rotated = await keys.rotate(tenant.id, "test", created.api_key.id, overlap_s=0)
        for key, status in ((created.api_key, "expired"), (rotated.created.api_key, "active")):
            principal = await client.introspect(key.hash)
            assert principal is not None
            assert (principal.status, set(principal.scopes), principal.rate_limit_per_s) == (status, {"sms:write"}, 3)
            assert (principal.ip_allow_list, principal.quotas) == (("10.0.0.0/8",), {"sms": 1})

    async def test_a_revoked_key_is_found_as_revoked(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        created = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
        await registry.admin.api_keys.revoke(tenant.id, "test", created.api_key.id)
        principal = await client.introspect(created.api_key.hash)
        assert principal is not None
        assert principal.status == "revoked"

    async def test_an_unknown_key_is_nobodys(self, client: RegistryClient) -> None:
        assert await client.introspect("0" * 64) is None

    async def test_the_clear_key_is_not_even_accepted(self, client: RegistryClient) -> None:
        with pytest.raises(Overloaded):
            await client.introspect(make_key("test").get_secret_value())

    async def test_use_is_written_in_batches(self, registry: Registry, tenant: Tenant) -> None:

        used = await registry.admin.api_keys.create(tenant.id, "test", name="used")
        revoked = await registry.admin.api_keys.create(tenant.id, "test", name="revoked")
        await registry.admin.api_keys.revoke(tenant.id, "test", revoked.api_key.id)
        tokens = registry.settings.internal_tokens
        async with (
            serving(registry.settings) as transport,
            RegistryClient("http://registry", tokens, transport=transport) as client,
        ):
            for key in (used, used, revoked):
                await client.introspect(key.api_key.hash)
            before = await registry.admin.api_keys.list(tenant.id, "test")
            assert [key.last_used_at for key in before] == [None, None]
        after = {key.name: key.last_used_at for key in await registry.admin.api_keys.list(tenant.id, "test")}
        assert after["revoked"] is None
        assert after["used"] is not None


class TestRoutes:
    async def test_are_in_order_with_the_disabled_ones(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        made = [
            await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label=label)
            for label in ("one", "two")
        ]
        await registry.admin.connections.change(tenant.id, "test", made[1].connection.id, {"rate_per_s": 2.5})
        first = await client.route_set(tenant.id, "test", "payments")
        assert [(one.label, one.rate_per_s) for one in first.connections] == [("one", None), ("two", 2.5)]
        await registry.admin.connections.set_enabled(tenant.id, "test", made[0].connection.id, False)
        await registry.admin.connections.reorder(
            tenant.id, "test", "payments", [one.connection.id for one in reversed(made)]
        )
        second = await client.route_set(tenant.id, "test", "payments")
        assert [(one.label, one.enabled) for one in second.connections] == [("two", True), ("one", False)]
        assert second.version != first.version
        assert await client.route_set(tenant.id, "test", "payments") == second

    async def test_of_others_are_empty(self, registry: Registry, tenant: Tenant, client: RegistryClient) -> None:
        await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        assert (await client.route_set(tenant.id, "live", "payments")).connections == ()
        assert (await client.route_set(tenant.id, "test", "sms")).connections == ()
        assert (await client.route_set(new_id(TENANT), "test", "payments")).connections == ()


class TestCallbackTokens:
    async def test_belong_to_one_connection_at_one_provider(
        self, registry: Registry, tenant: Tenant, client: RegistryClient
    ) -> None:
        made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        assert made.callback_token is not None
        token = made.callback_token.get_secret_value()
        assert len(token) == 43  # the webhooks service refuses any other
        target = await client.callback_target("razorpay", token)
        assert target is not None
        assert (target.connection_id, target.tenant_id, target.environment) == (
            made.connection.id,
            tenant.id,
            "test",
        )
        assert await client.callback_target("stripe", token) is None
        assert await client.callback_target("razorpay", token[:-1] + "x") is None
        assert await client.callback_target("razorpay", "../../livez") is None
        assert await client.callback_target("razorpay", hash_token(token)) is None
        await registry.admin.connections.disconnect(tenant.id, "test", made.connection.id)
        assert await client.callback_target("razorpay", token) == target
        await registry.admin.connections.disconnect(tenant.id, "test", made.connection.id, forget=True)
        assert await client.callback_target("razorpay", token) is None

    @pytest.mark.parametrize(
        "body",
        [
            {"provider": "razor/pay", "token": "t"},
            {"provider": "r\x00", "token": "t"},
            {"provider": "razorpay", "token": ""},
            {"provider": "razorpay", "token": "t" * 129},
            {"provider": "razorpay", "token": None},
            {"provider": "razorpay"},
        ],
    )
    async def test_what_is_no_token_is_refused_without_repeating_it(
        self, registry: Registry, transport: httpx.ASGITransport, body: dict[str, str | None]
    ) -> None:
        headers = {"Authorization": f"Bearer {registry.settings.internal_tokens.get_secret_value().split(',')[0]}"}
        async with httpx.AsyncClient(base_url="http://registry", transport=transport, headers=headers) as http:
            answer = await http.post("/internal/callback-tokens/look-up", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
        assert "ttt" not in answer.text


class TestAuthentication:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/internal/keys/introspect"),
            ("GET", "/internal/tenants/ten_x/environments/test/routes/payments"),
            ("POST", "/internal/callback-tokens/look-up"),
            ("GET", "/internal/catalogue"),
        ],
    )
    async def test_is_needed_everywhere(self, transport: httpx.ASGITransport, method: str, path: str) -> None:
        async with httpx.AsyncClient(base_url="http://registry", transport=transport) as http:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = await http.request(method, path, headers=headers, json={"key_hash": "0" * 64})
                assert answer.status_code == 401
                assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_wrong_token_is_the_registry_being_away(self, transport: httpx.ASGITransport) -> None:
        async with RegistryClient("http://registry", SecretStr("x" * 32), transport=transport) as client:
            with pytest.raises(Overloaded):
                await client.introspect("0" * 64)


async def test_the_catalogue_is_served(registry: Registry, transport: httpx.ASGITransport) -> None:
    headers = {"Authorization": f"Bearer {registry.settings.internal_tokens.get_secret_value()}"}
    async with httpx.AsyncClient(base_url="http://registry", transport=transport, headers=headers) as http:
        answer = await http.get("/internal/catalogue")
    assert "razorpay" in [entry["id"] for entry in answer.json()["data"]]


async def test_health_needs_no_token(transport: httpx.ASGITransport) -> None:
    async with httpx.AsyncClient(base_url="http://registry", transport=transport) as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).json()["checks"] == {"database": True}
    assert b"onerouter_registry_lookups_total" in generate_latest()
