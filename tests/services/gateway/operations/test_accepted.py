"""What was answered with 202 is there at once, whether its service has stored it yet or not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from tests.services.gateway.world import Gateway, Tenant, World

from onerouter_common.contracts.commands import Command
from onerouter_common.ids import OPERATION, PAYMENT, new_id
from onerouter_gateway.edge import arriving
from onerouter_gateway.operations.schemas import Operation, OperationTimeline

BODY = {"amount": "499.00", "currency": "INR", "method": "upi", "metadata": {"order": "1042"}}

MAKING: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "payment": ("/v1/payments", BODY),
    "subscription": ("/v1/subscriptions", {"plan_id": "plan_MadeThere", "provider": "razorpay"}),
    "sms": ("/v1/sms", {"to": "+919812345678", "body": "Hi"}),
}
CHANGES: Final = [
    ("payment", "/v1/refunds", {"payment_id": "{id}"}),
    ("payment", "/v1/payments/{id}/capture", {}),
    ("payment", "/v1/payments/{id}/cancel", {}),
    ("payment", "/api/v1/payments/{id}/refund", {}),
    ("subscription", "/v1/subscriptions/{id}/cancel", {}),
    ("sms", "/v1/sms/{id}/cancel", {}),
]


async def _silent(_: Command) -> None:
    return None


@pytest.fixture
async def silent(world: World, tenant: Tenant) -> AsyncIterator[Tenant]:
    """A tenant whose commands nobody carries out."""
    world.worker.outcomes[tenant.id] = _silent
    yield tenant
    for services in (world.services, world.messaging):
        services.operations.clear()
        services.payments.clear()
        services.resources.clear()
    world.desk.messages.clear()


async def accept(gateway: Gateway, tenant: Tenant, kind: str = "payment") -> dict[str, Any]:
    path, body = MAKING[kind]
    answer = await gateway.http.post(path, json=body, headers={**tenant.auth, "Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted


async def get(gateway: Gateway, path: str, tenant: Tenant, **headers: str) -> httpx.Response:
    return await gateway.http.get(path, headers={**tenant.auth, **headers})


class TestOperation:
    async def test_is_accepted_while_no_service_knows_it(self, gateway: Gateway, silent: Tenant) -> None:
        accepted = await accept(gateway, silent)
        path = f"/v1/operations/{accepted['id']}"
        told = (await get(gateway, path, silent)).json()
        Operation.model_validate(told)
        assert set(told) == set(Operation.model_fields)
        assert told["resource"] == {"kind": "payment", "id": accepted["resource_id"]}
        assert (told["status"], told["effect"], told["metadata"]) == ("accepted", "none", BODY["metadata"])
        assert (told["created"], told["environment"]) == (accepted["created"], "test")
        timeline = (await get(gateway, f"{path}/timeline", silent)).json()
        OperationTimeline.model_validate(timeline)
        assert [one["kind"] for one in timeline["data"]] == ["accepted"]

    async def test_is_what_its_service_says_once_that_knows_it(
        self, gateway: Gateway, world: World, silent: Tenant
    ) -> None:
        accepted = await accept(gateway, silent)
        known = {"tenant_id": silent.id, "id": accepted["id"], "category": "payments", "status": "executing"}
        world.services.operations[accepted["id"]] = known
        assert (await get(gateway, f"/v1/operations/{accepted['id']}", silent)).json()["status"] == "executing"

    async def test_is_nobody_elses(self, gateway: Gateway, world: World, silent: Tenant) -> None:
        path = f"/v1/operations/{(await accept(gateway, silent))['id']}"
        assert (await get(gateway, path, world.tenant())).status_code == 404
        of_sms = world.tenant(tenant_id=silent.id, scopes=["sms:read"])
        assert (await get(gateway, path, of_sms)).status_code == 404
        live = world.tenant(tenant_id=silent.id, environment="live")
        assert (await get(gateway, path, live)).status_code == 404
        assert (await get(gateway, path, live, **{"X-OneRouter-Environment": "test"})).status_code == 200

    async def test_is_not_there_without_redis(self, world: World, silent: Tenant) -> None:
        async with world.gateway(redis_url="redis://127.0.0.1:1/0") as gateway:
            accepted = await accept(gateway, silent)
            assert (await get(gateway, f"/v1/operations/{accepted['id']}", silent)).status_code == 404


class TestResource:
    async def test_is_waited_for(self, gateway: Gateway, world: World, silent: Tenant) -> None:
        payment_id = (await accept(gateway, silent))["resource_id"]
        world.services.asked.clear()
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(get(gateway, f"/v1/payments/{payment_id}", silent))
            while len(world.services.asked) < 2:
                await asyncio.sleep(0.01)
            world.services.payments[payment_id] = silent.payment(payment_id)
        assert (await reading).json()["id"] == payment_id

    async def test_is_told_to_be_on_its_way(
        self, gateway: Gateway, silent: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arriving, "_WAIT_S", 0.0)
        accepted = await accept(gateway, silent)
        answer = await get(gateway, f"/v1/payments/{accepted['resource_id']}", silent)
        assert (answer.status_code, answer.json()["retryable"], answer.headers["retry-after"]) == (503, True, "1")
        assert accepted["id"] in answer.json()["detail"]

    async def test_of_what_failed_there_is_none(self, gateway: Gateway, world: World, silent: Tenant) -> None:
        accepted = await accept(gateway, silent)
        known = {"tenant_id": silent.id, "id": accepted["id"], "category": "payments", "status": "failed"}
        world.services.operations[accepted["id"]] = known
        assert (await get(gateway, f"/v1/payments/{accepted['resource_id']}", silent)).status_code == 404


class Change:
    """What is asked of a resource: refund, capture, cancel."""

    def __init__(self, world: World, gateway: Gateway, tenant: Tenant, case: tuple[str, str, dict[str, str]]) -> None:
        self._world, self._gateway, self._tenant = world, gateway, tenant
        self.kind, self._path, self._body = case
        self.service = world.messaging if self.kind == "sms" else world.services

    async def of(self, id_: str) -> httpx.Response:
        body = {name: value.format(id=id_) for name, value in self._body.items()}
        how = {**self._tenant.auth, "Prefer": "respond-async"}
        return await self._gateway.http.post(self._path.format(id=id_), json=body, headers=how)

    def known(self, operation_id: str, resource_id: str, status: str) -> None:
        """The service has stored the operation that makes it."""
        self.service.operations[operation_id] = {
            "tenant_id": self._tenant.id,
            "id": operation_id,
            "category": "sms" if self.kind == "sms" else "payments",
            "status": status,
            "resource": {"kind": self.kind, "id": resource_id},
        }

    def there(self, id_: str) -> None:
        """It is made."""
        whose = {"tenant_id": self._tenant.id, "environment": "test", "id": id_}
        if self.kind == "payment":
            self._world.services.payments[id_] = self._tenant.payment(id_)
        elif self.kind == "sms":
            self._world.desk.messages[id_] = {**whose, "channel": "sms"}
        else:
            self._world.services.resources[id_] = {**whose, "kind": self.kind}

    def asked(self) -> int:
        return len(self.service.asked) + len(self._world.desk.told)


@pytest.fixture(params=CHANGES, ids=lambda case: case[1])
def change(request: pytest.FixtureRequest, world: World, gateway: Gateway, silent: Tenant) -> Change:
    return Change(world, gateway, silent, request.param)


class TestChange:
    async def test_waits_for_what_it_needs(self, gateway: Gateway, silent: Tenant, change: Change) -> None:
        id_ = (await accept(gateway, silent, change.kind))["resource_id"]
        before = change.asked()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(change.of(id_))
            while change.asked() < before + 2:
                await asyncio.sleep(0.01)
            change.there(id_)
        assert (await asking).status_code == 202, (await asking).text

    async def test_of_what_is_still_being_made_is_told_so(
        self, gateway: Gateway, silent: Tenant, change: Change, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arriving, "_WAIT_S", 0.0)
        accepted = await accept(gateway, silent, change.kind)
        answer = await change.of(accepted["resource_id"])
        problem = answer.json()
        assert (answer.status_code, problem["retryable"], problem["effect"]) == (503, True, "none")
        assert (answer.headers["retry-after"], accepted["id"] in problem["detail"]) == ("1", True)

    async def test_of_what_waits_for_its_turn_is_told_so(
        self, change: Change, silent: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its service has stored the operation, and begun nothing: nobody has noted it, or not for so long."""
        monkeypatch.setattr(arriving, "_WAIT_S", 0.0)
        operation_id, id_ = new_id(OPERATION), new_id(PAYMENT)
        change.known(operation_id, id_, "accepted")
        answer = await change.of(id_)
        assert (answer.status_code, operation_id in answer.json()["detail"]) == (503, True)

    async def test_of_what_failed_there_is_none(self, gateway: Gateway, silent: Tenant, change: Change) -> None:
        accepted = await accept(gateway, silent, change.kind)
        change.known(accepted["id"], accepted["resource_id"], "failed")
        assert (await change.of(accepted["resource_id"])).status_code == 404
        never = new_id(PAYMENT)
        change.known(new_id(OPERATION), never, "failed")
        assert (await change.of(never)).status_code == 404


async def test_what_is_no_id_of_ours_is_not_looked_for(gateway: Gateway, world: World, silent: Tenant) -> None:
    world.services.asked.clear()
    assert (await get(gateway, "/v1/payments/order_9A33XWu170gUtm", silent)).status_code == 404
    assert [one[0] for one in world.services.asked] == ["/internal/payments/order_9A33XWu170gUtm"]
