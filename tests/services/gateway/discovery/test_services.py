"""`GET /v1/services`: what a key can use, asked of a real registry."""

from typing import Any

from pydantic import SecretStr
from tests.services.gateway.real_registry import RealRegistry
from tests.services.registry.conftest import CREDENTIALS

from onerouter_gateway.discovery.schemas import UsableServiceList
from onerouter_providers.loader import Providers

LIVE = {**CREDENTIALS, "key_id": SecretStr("rzp_live_1DP5mmOlF5G5ag")}


async def _key(registry: RealRegistry, tenant_id: str, environment: str, scopes: list[str]) -> dict[str, str]:
    created = await registry.registry.admin.api_keys.create(tenant_id, environment, name="k", scopes=scopes)
    return {"X-API-Key": created.key.get_secret_value()}


class TestServices:
    async def test_names_what_is_enabled_with_what_it_can_do(self, registered: Any) -> None:
        registry, gateway = registered
        tenant_id = await registry.tenant()
        connections = registry.registry.admin.connections
        await connections.connect(tenant_id, "test", "razorpay", CREDENTIALS, label="second", currency="USD")
        off = await connections.connect(tenant_id, "test", "razorpay", CREDENTIALS, label="third")
        await connections.set_enabled(tenant_id, "test", off.connection.id, False)
        key = await _key(registry, tenant_id, "test", ["payments:read", "refunds:write"])
        answer = await gateway.http.get("/v1/services", headers=key)
        assert answer.status_code == 200, answer.text
        (service,) = answer.json()["data"]
        UsableServiceList.model_validate(answer.json())
        manifest = next(one.manifest for one in Providers.load() if one.manifest.id == "razorpay")
        assert (service["category"], service["environment"], service["provider"]) == ("payments", "test", "razorpay")
        assert service["scopes"] == ["payments:read", "refunds:write"]
        assert [one["label"] for one in service["connections"]] == ["default", "second"]
        assert service["connections"][1]["currency"] == "USD"
        assert {one["name"]: one["guarantee"] for one in service["capabilities"]} == {
            one.name: one.guarantee for one in manifest.capabilities
        }
        assert service["unsupported"] == manifest.unsupported
        assert "rzp_test" not in answer.text, "nothing of the credentials"

    async def test_a_live_key_sees_both_environments_and_a_test_key_its_own(self, registered: Any) -> None:
        registry, gateway = registered
        tenant_id = await registry.tenant()
        await registry.registry.admin.connections.connect(tenant_id, "live", "razorpay", LIVE)
        live = await _key(registry, tenant_id, "live", ["*"])
        test = await _key(registry, tenant_id, "test", ["*"])
        for key, header, status, environments in (
            (live, None, 200, ["live", "test"]),
            (live, "live", 200, ["live"]),
            (live, "test", 200, ["test"]),
            (test, None, 200, ["test"]),
            (test, "live", 403, None),
        ):
            named = {} if header is None else {"X-OneRouter-Environment": header}
            answer = await gateway.http.get("/v1/services", headers={**key, **named})
            assert answer.status_code == status
            if environments is not None:
                assert [one["environment"] for one in answer.json()["data"]] == environments

    async def test_only_what_the_key_has_a_scope_for_and_asks_for(self, registered: Any) -> None:
        registry, gateway = registered
        tenant_id = await registry.tenant()
        unscoped = await _key(registry, tenant_id, "test", ["sms:write"])
        every = await _key(registry, tenant_id, "test", ["*"])
        for key, query, status, found in (
            (unscoped, "", 200, 0),
            (every, "?category=payments&provider=razorpay", 200, 1),
            (every, "?category=sms", 200, 0),
            (every, "?provider=stripe", 200, 0),
            (every, "?category=carrier-pigeon", 422, 0),
        ):
            answer = await gateway.http.get(f"/v1/services{query}", headers=key)
            assert answer.status_code == status
            assert len(answer.json().get("data", [])) == found

    async def test_not_what_an_operator_has_switched_off(self, registered: Any) -> None:
        registry, gateway = registered
        key = await _key(registry, await registry.tenant(), "test", ["*"])
        columns = "category, provider, reason, disabled_by, disabled_at"
        off = f"INSERT INTO provider_switches ({columns}) VALUES ($1, '*', 'r', 'test', now())"
        await registry.execute(off, "payments")
        try:
            answer = await gateway.http.get("/v1/services", headers=key)
            assert answer.json()["data"] == []
        finally:
            await registry.execute("DELETE FROM provider_switches WHERE category = $1", "payments")

    async def test_the_registry_away_is_503(self, world: Any, shop: Any) -> None:
        answer = await shop.ask("GET", "/v1/services")  # the stand-in does not know the question
        assert (answer.status_code, answer.json()["effect"]) == (503, "none")
