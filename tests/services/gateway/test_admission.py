"""Who is let in: the tenant must be in service, the address allowed, and both limits must have room."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.contracts.topics import REGISTRY_CHANGES
from onerouter_gateway.rate_limit.policy import PLAN, Policy, Rate

ROUTES = [
    ("GET", "/v1/payments"),
    ("POST", "/v1/payments"),
    ("GET", "/v1/operations"),
    ("GET", "/v1/webhook-endpoints"),
]


async def tell(world: Any, **fields: Any) -> None:
    """Publish a change, as the registry does."""
    base = {"id": "x", "environment": None, "change": "updated", "at": SystemClock().now()}
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    change = RegistryChange.model_validate({**base, **fields})
    await producer.send_and_wait(REGISTRY_CHANGES, change.to_bytes(), key=change.id.encode())
    await producer.stop()


class TestTenantOutOfService:
    @pytest.mark.parametrize(
        ("status", "word"), [("suspended", "suspended"), ("deleting", "being deleted"), ("deleted", "been deleted")]
    )
    async def test_is_refused_everywhere(self, gateway: Any, world: Any, status: str, word: str) -> None:
        tenant = world.tenant(tenant_status=status)
        for method, path in ROUTES:
            answer = await gateway.http.request(method, path, headers=tenant.auth)
            assert (answer.status_code, answer.json()["code"]) == (403, "TENANT_SUSPENDED")
            assert word in answer.json()["detail"]

    async def test_is_refused_once_that_is_told(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant()
        assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
        tenant.principal["tenant_status"] = "suspended"
        assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 200
        await tell(world, entity="tenant", id=tenant.id, tenant_id=tenant.id)
        async with asyncio.timeout(60):
            while (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code != 403:
                await asyncio.sleep(0.01)


class TestProviderSwitch:
    async def test_sends_nobody_asking_for_keys(self, gateway: Any, world: Any) -> None:
        """It is in no principal: the worker refuses what is switched off."""
        tenant, other = world.tenant(), world.tenant()

        async def get(one: Any) -> int:
            status: int = (await gateway.http.get("/v1/payments", headers=one.auth)).status_code
            return status

        assert (await get(tenant), await get(other)) == (200, 200)
        asked = world.services.introspections
        other.principal["tenant_status"] = "suspended"
        await tell(world, entity="provider", id="payments/razorpay", tenant_id="*")
        await tell(world, entity="tenant", id="payments/razorpay", tenant_id=other.id)
        async with asyncio.timeout(60):
            while await get(other) != 403:  # then the change before it has come, too: one key, one partition
                await asyncio.sleep(0.01)
        assert await get(tenant) == 200
        assert world.services.introspections == asked + 1


class TestAddress:
    async def test_must_be_on_the_keys_list(self, world: Any) -> None:
        tenant = world.tenant(ip_allow_list=["203.0.113.0/24", "2001:db8::/32"])
        async with world.gateway(trusted_proxies="127.0.0.1/32") as gateway:
            for address, status in (
                ("203.0.113.9", 200),
                ("2001:db8::9", 200),
                ("198.51.100.9", 403),
                ("203.0.113.9, 198.51.100.9", 403),
            ):
                headers = {**tenant.auth, "X-Forwarded-For": address}
                answer = await gateway.http.get("/v1/payments", headers=headers)
                assert answer.status_code == status, address
            assert answer.json()["code"] == "ADDRESS_NOT_ALLOWED"
            assert (await gateway.http.get("/v1/payments", headers=tenant.auth)).status_code == 403

    async def test_is_not_what_the_caller_says(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant(ip_allow_list=["203.0.113.0/24"])
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-OneRouter-Client-Address"):
            answer = await gateway.http.get("/v1/payments", headers={**tenant.auth, name: "203.0.113.9"})
            assert answer.status_code == 403

    async def test_of_a_refused_request_costs_the_key_nothing(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant(ip_allow_list=["203.0.113.0/24"])
        answer = await gateway.http.get("/v1/payments", headers=tenant.auth)
        assert "ratelimit" not in answer.headers


class TestPlanLimit:
    async def test_is_one_of_any_minute(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant(rate_limit_per_s=5, rate_burst=40, requests_per_minute=50)
        answer = await gateway.http.get("/v1/payments", headers=tenant.auth)
        assert answer.headers["ratelimit-policy"] == '"default";q=40;w=8, "plan";q=50;w=60'
        assert Policy(PLAN, "plan", Rate(50, 60.0)).sentence == (
            "All API keys of your account together may make 50 requests in any minute; try again later."
        )

    @pytest.mark.usefixtures("long_windows")
    async def test_holds_for_all_keys_of_the_tenant_together(self, gateway: Any, world: Any) -> None:
        first = world.tenant(rate_limit_per_s=1, rate_burst=40, requests_per_minute=50)
        second = world.tenant(rate_limit_per_s=1, rate_burst=40, requests_per_minute=50, tenant_id=first.id)
        answers = [await gateway.http.get("/v1/payments", headers=first.auth) for _ in range(42)]
        assert [answer.status_code for answer in answers] == [200] * 40 + [429] * 2
        assert answers[-1].json()["detail"] == "This API key may make 40 requests in any 600 seconds; try again later."
        assert answers[0].headers["ratelimit-policy"] == '"default";q=40;w=600, "plan";q=50;w=600'
        assert answers[0].headers["ratelimit"].startswith('"default";r=39;t=600, "plan";r=49;t=')
        answers = [await gateway.http.get("/v1/payments", headers=second.auth) for _ in range(12)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2, "what was refused counted nowhere"
        assert answers[-1].json()["detail"] == (
            "All API keys of your account together may make 50 requests in any 600 seconds; try again later."
        )
        assert answers[-1].headers["x-ratelimit-limit"] == "50"
        assert answers[-1].headers["ratelimit"].startswith('"default";r=30;')
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 600
        other = world.tenant(rate_limit_per_s=1, rate_burst=40, requests_per_minute=50)
        assert (await gateway.http.get("/v1/payments", headers=other.auth)).status_code == 200


class TestRegistryAway:
    @pytest.mark.usefixtures("silence_is_noticed")
    async def test_cached_keys_go_on_and_new_ones_get_a_clear_503(self, gateway: Any, world: Any) -> None:
        cached, new = world.tenant(), world.tenant()
        assert (await gateway.http.get("/v1/payments", headers=cached.auth)).status_code == 200
        world.services.away.update({"registry", "heartbeat"})
        try:
            async with asyncio.timeout(60):  # until the silence is noticed, and with it the short belief
                while True:
                    asked = world.services.introspections
                    answer = await gateway.http.get("/v1/payments", headers=cached.auth)
                    assert answer.status_code == 200
                    if world.services.introspections > asked:
                        break
                    await asyncio.sleep(0.05)
            answer = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=cached.auth)
            assert answer.status_code == 201, answer.text
            for path in ("/v1/payments", "/api/services"):
                answer = await gateway.http.get(path, headers=new.auth)
                assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
                assert answer.json()["detail"] == "The registry cannot be asked right now."
                assert answer.headers["retry-after"] == "2"
        finally:
            world.services.away.clear()
        assert (await gateway.http.get("/v1/payments", headers=new.auth)).status_code == 200

    async def test_a_stampede_asks_once(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant()
        asked = world.services.introspections
        answers = await asyncio.gather(*(gateway.http.get("/v1/payments", headers=tenant.auth) for _ in range(60)))
        assert {answer.status_code for answer in answers} == {200}
        assert world.services.introspections == asked + 1

    async def test_an_unknown_key_is_asked_about_once(self, gateway: Any, world: Any) -> None:
        tenant = world.tenant()
        world.services.principals.pop(tenant.key_hash)
        asked = world.services.introspections
        answers = await asyncio.gather(*(gateway.http.get("/v1/payments", headers=tenant.auth) for _ in range(60)))
        assert {answer.status_code for answer in answers} == {401}
        assert world.services.introspections == asked + 1
