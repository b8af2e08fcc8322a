"""A provider or a category, off and on again for everyone."""

from typing import Any

import httpx
import orjson
import pytest
from tests.services.registry.acting import Person, as_owner
from tests.services.registry.conftest import Registry

from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.switch.model import WHOLE_CATEGORY, is_off


@pytest.fixture(autouse=True)
async def all_on(registry: Registry) -> None:
    await as_owner(registry, "DELETE FROM provider_switches")
    await as_owner(registry, "DELETE FROM outbox")


async def state(ops: httpx.AsyncClient, provider: str | None = "razorpay") -> dict[str, Any]:
    data = (await ops.get("/api/admin/providers")).json()["data"]
    found: dict[str, Any] = next(one for one in data if (one["category"], one["provider"]) == ("payments", provider))
    return found


class TestProvider:
    async def test_off_and_on(self, registry: Registry, ops: httpx.AsyncClient, person: Person) -> None:
        path = "/api/admin/providers/payments/razorpay"
        assert (await state(ops))["enabled"] is True
        answer = await ops.post(f"{path}/disable", json={"reason": "It double-charges."})
        assert answer.status_code == 200, answer.text
        off = await state(ops)
        assert (off["enabled"], off["disabled"]["reason"]) == (False, "It double-charges.")
        assert off["disabled"]["by"] == person.email
        assert (await ops.post(f"{path}/enable")).status_code == 200
        assert (await state(ops))["disabled"] is None
        rows = await as_owner(registry, "SELECT key, value FROM outbox ORDER BY id")
        changes = [orjson.loads(row["value"]) for row in rows]
        assert [row["key"] for row in rows] == ["payments/razorpay"] * 2
        assert [(one["entity"], one["tenant_id"], one["environment"]) for one in changes] == [
            ("provider", "*", None)
        ] * 2

    async def test_is_audited_for_the_platform(
        self, registry: Registry, ops: httpx.AsyncClient, person: Person
    ) -> None:
        path = "/api/admin/providers/payments/razorpay"
        await ops.post(f"{path}/disable", json={"reason": "one"})
        await ops.post(f"{path}/disable", json={"reason": "one"})  # no change, no entry
        await ops.post(f"{path}/disable", json={"reason": "two"})
        await ops.post(f"{path}/enable")
        await ops.post(f"{path}/enable")
        answer = await ops.get("/api/admin/audit", params={"tenant_id": PLATFORM, "action": "provider.", "limit": 3})
        entries = answer.json()["data"]
        assert [(one["action"], one["before"], one["after"]) for one in entries] == [
            ("provider.enabled", {"reason": "two"}, None),
            ("provider.disabled", {"reason": "one"}, {"reason": "two"}),
            ("provider.disabled", None, {"reason": "one"}),
        ]
        assert {one["actor"]["id"] for one in entries} == {person.id}
        assert {one["target"]["id"] for one in entries} == {"payments/razorpay"}
        assert (await registry.admin.audit_verification.verify(PLATFORM)).problem is None

    @pytest.mark.parametrize("what", ["providers/payments/nobody", "providers/nothing/razorpay", "categories/nothing"])
    @pytest.mark.parametrize("how", ["disable", "enable"])
    async def test_an_unknown_one_is_not_found(self, ops: httpx.AsyncClient, what: str, how: str) -> None:
        answer = await ops.post(f"/api/admin/{what}/{how}", json={"reason": "x"} if how == "disable" else None)
        assert answer.status_code == 404, answer.text

    @pytest.mark.parametrize("what", ["providers/payments/a%00b", "providers/payments/*", "categories/%00"])
    async def test_a_name_that_cannot_be_is_refused(self, ops: httpx.AsyncClient, what: str) -> None:
        answer = await ops.post(f"/api/admin/{what}/enable")
        assert answer.status_code == 422, answer.text

    async def test_needs_a_reason(self, ops: httpx.AsyncClient) -> None:
        for reason in ("", "  ", "a\nb", "a\x00", "x" * 501):
            answer = await ops.post("/api/admin/providers/payments/razorpay/disable", json={"reason": reason})
            assert answer.status_code == 422, reason
            assert answer.json()["errors"][0]["field"] == "reason"

    async def test_one_that_is_no_longer_installed_is_shown_and_can_be_switched_on(
        self, registry: Registry, ops: httpx.AsyncClient
    ) -> None:
        await as_owner(registry, "INSERT INTO provider_switches VALUES ('payments', 'gone', 'x', 'ops', now())")
        assert (await state(ops, "gone"))["enabled"] is False
        await registry.admin.switches.enable("payments", "gone", by=COMMAND_LINE)
        data = (await ops.get("/api/admin/providers")).json()["data"]
        assert "gone" not in {one["provider"] for one in data}


class TestCategory:
    async def test_takes_its_providers_along_and_gives_back_those_without_a_switch(
        self, registry: Registry, ops: httpx.AsyncClient
    ) -> None:
        await ops.post("/api/admin/categories/payments/disable", json={"reason": "maintenance"})
        assert (await state(ops, None))["disabled"]["reason"] == "maintenance"
        razorpay = await state(ops)
        assert (razorpay["enabled"], razorpay["disabled"]) == (False, None)
        await ops.post("/api/admin/providers/payments/razorpay/disable", json={"reason": "own"})
        await ops.post("/api/admin/categories/payments/enable")
        assert (await state(ops, None))["enabled"] is True
        assert (await state(ops))["enabled"] is False
        keys = [row["key"] for row in await as_owner(registry, "SELECT key FROM outbox ORDER BY id")]
        assert keys == ["payments/*", "payments/razorpay", "payments/*"]


def test_is_off_by_its_own_switch_or_its_categorys() -> None:
    off = {("payments", "razorpay"), ("sms", WHOLE_CATEGORY)}
    assert is_off("payments", "razorpay", off)
    assert is_off("sms", "twilio", off)
    assert not is_off("payments", "stripe", off)
    assert not is_off("email", "razorpay", off)
