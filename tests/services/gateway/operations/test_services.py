"""One log of operations, though two services hold it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.services.gateway.services import Services
from tests.services.gateway.world import Gateway, Tenant, World

from onerouter_common.contracts.commands import Command
from onerouter_common.ids import OPERATION, is_id, new_id
from onerouter_common.web.internal import InternalAuth
from onerouter_gateway.commands.lookup import OperationLookup
from onerouter_gateway.upstream import Upstream

NOW = datetime(2026, 3, 1, 9, 30, 0, 125_000, UTC)


@pytest.fixture(autouse=True)
def _all_back(world: World) -> Iterator[None]:
    yield
    for services in (world.services, world.messaging):
        services.away.clear()
        services.log.clear()
        services.operations.clear()


def add(services: Services, tenant: Tenant, category: str, *, after_us: int = 0, id_: str | None = None) -> str:
    id_ = id_ or new_id(OPERATION)
    found = {
        "id": id_,
        "tenant_id": tenant.id,
        "category": category,
        "created_at": NOW + timedelta(microseconds=after_us),
    }
    services.log.append(found)
    services.operations[id_] = {name: found[name] for name in ("id", "tenant_id", "category")}
    return id_


async def get(gateway: Gateway, tenant: Tenant, path: str = "", **params: str) -> tuple[int, Any]:
    answer = await gateway.http.get(f"/v1/operations{path}", params=params, headers=tenant.auth)
    return answer.status_code, answer.json()


async def listed(gateway: Gateway, tenant: Tenant, **params: str) -> list[str]:
    status, page = await get(gateway, tenant, **params)
    assert status == 200, page
    assert set(page) == {"object", "data", "has_more", "next_cursor"}
    return [one["id"] for one in page["data"]]


class TestPage:
    @pytest.mark.parametrize("limit", [1, 2, 3, 20])
    async def test_pages_go_through_both_services_once_newest_first(
        self, gateway: Gateway, world: World, tenant: Tenant, limit: int
    ) -> None:
        """All within a millisecond, which is all that is shown; two of the same microsecond."""
        ids = [new_id(OPERATION) for _ in range(8)]
        for place, (id_, at) in enumerate(zip(ids, (0, 1, 2, 2, 3, 900, 901, 902), strict=True)):
            messages = place in (1, 3, 4, 5, 6)
            add(
                world.messaging if messages else world.services,
                tenant,
                "sms" if messages else "payments",
                after_us=at,
                id_=id_,
            )
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            _, page = await get(gateway, tenant, limit=str(limit), **cursor)
            assert len(page["data"]) <= limit
            seen += [one["id"] for one in page["data"]]
            assert page["has_more"] == (page["next_cursor"] is not None) == (len(seen) < len(ids))
            if not page["has_more"]:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == ids[::-1]

    async def test_a_category_is_asked_for_where_it_is(self, gateway: Gateway, world: World, tenant: Tenant) -> None:
        payment = add(world.services, tenant, "payments")
        sms, email = add(world.messaging, tenant, "sms"), add(world.messaging, tenant, "email")
        world.messaging.away.add("operations")
        assert await listed(gateway, tenant, category="payments") == [payment]
        world.messaging.away.clear()
        world.services.away.add("operations")
        assert await listed(gateway, tenant, category="sms") == [sms]
        assert await listed(gateway, tenant, category="email") == [email]

    async def test_no_page_has_a_gap(self, gateway: Gateway, world: World, tenant: Tenant) -> None:
        add(world.services, tenant, "payments")
        world.messaging.away.add("operations")
        status, problem = await get(gateway, tenant)
        assert (status, problem["effect"]) == (503, "none")

    async def test_wrong_questions_are_named(self, gateway: Gateway, world: World, tenant: Tenant) -> None:
        status, problem = await get(gateway, tenant, category="telegrams")
        assert (status, problem["errors"][0]["field"]) == (422, "category")
        assert (await get(gateway, tenant, limit="1000"))[0] == 422


class TestFind:
    @pytest.mark.parametrize("path", ["", "/timeline"])
    async def test_whoever_knows_it_answers_even_when_the_other_is_away(
        self, gateway: Gateway, world: World, tenant: Tenant, path: str
    ) -> None:
        payment, sms = add(world.services, tenant, "payments"), add(world.messaging, tenant, "sms")
        for operation_id, other in ((payment, world.messaging), (sms, world.services)):
            assert (await get(gateway, tenant, f"/{operation_id}{path}"))[1]["id"] == operation_id
            other.away.add("operations")
            assert (await get(gateway, tenant, f"/{operation_id}{path}"))[0] == 200
            other.away.clear()

    async def test_nobody_knows_it_only_when_all_have_said_so(
        self, gateway: Gateway, world: World, tenant: Tenant
    ) -> None:
        unknown = f"/{new_id(OPERATION)}"
        assert (await get(gateway, tenant, unknown))[0] == 404
        for services in (world.services, world.messaging):
            services.away.add("operations")
            assert (await get(gateway, tenant, unknown))[0] == 503
            services.away.clear()


class TestScopes:
    async def test_a_category_is_seen_with_its_own_scope(self, gateway: Gateway, world: World) -> None:
        """What was sent stands in an operation: a key for payments is none for reading codes in messages."""
        tenant = world.tenant(scopes=["payments:read"])
        payment, sms = add(world.services, tenant, "payments"), add(world.messaging, tenant, "sms")
        assert await listed(gateway, tenant) == [payment]
        assert (await get(gateway, tenant, category="sms"))[0] == 403
        assert [(await get(gateway, tenant, f"/{id_}"))[0] for id_ in (payment, sms)] == [200, 404]

    async def test_of_one_services_categories_only_the_keys_own(self, gateway: Gateway, world: World) -> None:
        tenant = world.tenant(scopes=["email:read"])
        sms, email = add(world.messaging, tenant, "sms"), add(world.messaging, tenant, "email")
        assert await listed(gateway, tenant) == [email]
        found = [(await get(gateway, tenant, f"/{id_}{path}"))[0] for id_ in (sms, email) for path in ("", "/timeline")]
        assert found == [404, 404, 200, 200]

    async def test_operations_read_sees_all_and_others_nothing(self, gateway: Gateway, world: World) -> None:
        tenant = world.tenant(scopes=["operations:read"])
        made = {add(world.services, tenant, "payments"), add(world.messaging, tenant, "email")}
        assert set(await listed(gateway, tenant)) == made
        assert (await get(gateway, world.tenant(scopes=["payments:write"])))[0] == 403


class TestLookup:
    async def test_a_lost_reply_is_found_at_the_service_of_its_category(self, world: World, tenant: Tenant) -> None:

        auth = InternalAuth(world.settings().internal_tokens)
        command = Command(
            operation_id=new_id(OPERATION),
            command_id="cmd_1",
            fingerprint="f",
            resource_id="sms_1",
            tenant_id=tenant.id,
            environment="test",
            category="sms",
            operation="sms.send",
            ordering_key="sms_1",
            payload={},
            api_key_id="key_1",
            accepted_at=NOW,
        )
        world.messaging.operations[command.operation_id] = tenant.operation(command, state="succeeded")
        async with (
            Upstream("payments", world.services_url, auth, timeout_s=5) as payments,
            Upstream("messaging", world.messaging_url, auth, timeout_s=5) as messaging,
        ):
            lookup = OperationLookup({"payments": payments, "sms": messaging})
            found = await lookup.find(command)
            assert found is not None
            assert found.state == "succeeded"
            assert await lookup.find(command.model_copy(update={"category": "payments"})) is None


class TestFilters:
    async def test_they_reach_every_service_in_its_own_words(
        self, gateway: Gateway, world: World, tenant: Tenant
    ) -> None:
        asked = {
            "action": "create",
            "provider": "razorpay",
            "resource": "pay_1",
            "metadata[order]": "10 & 42",
            "metadata[größe]": "xl",
            "created_after": "2026-03-01T00:00:00Z",
        }
        assert await listed(gateway, tenant, **asked) == []
        told = {**asked, "resource_id": asked["resource"]}
        del told["resource"]
        for services in (world.services, world.messaging):
            assert dict(parse_qsl(services.asked[-1][-1])) == told

    async def test_a_key_is_looked_for_by_the_operation_it_stands_for(
        self, gateway: Gateway, world: World, tenant: Tenant
    ) -> None:
        """Another tenant's, or another environment's, stands for another one; what a caller says of it is not believed."""
        told = []
        for whose, key in ((tenant, "order-1042"), (tenant, "order-1043"), (world.tenant(), "order-1042")):
            assert await listed(gateway, whose, idempotency_key=key, operation_id="op_1") == []
            told.append(dict(parse_qsl(world.services.asked[-1][-1])))
        assert all(set(one) == {"operation_id"} and is_id(OPERATION, one["operation_id"]) for one in told)
        assert len({one["operation_id"] for one in told}) == 3

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"idempotency_key": "é"}, "idempotency_key"),
            ({"idempotency_key": ""}, "idempotency_key"),
            ({"resource": "pay_1", "resource_id": "pay_2"}, "resource"),
            ({"metadata": "order"}, "metadata"),
            ({"metadata[]": "order"}, "metadata"),
            ({"metadata[order]": "x" * 3000}, "metadata"),
            ({"metadata[order]": "10\x0042"}, "metadata"),
            ({"metadata[or\x00der]": "1042"}, "metadata"),
            ({"resource": "pay_\x00"}, "resource"),
            ({f"metadata[{number}]": "1" for number in range(6)}, "metadata"),
        ],
    )
    async def test_what_means_nothing_is_named(
        self, gateway: Gateway, tenant: Tenant, asked: dict[str, str], field: str
    ) -> None:
        status, problem = await get(gateway, tenant, **asked)
        assert (status, problem["errors"][0]["field"]) == (422, field)
