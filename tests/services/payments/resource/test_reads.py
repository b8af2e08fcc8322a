"""Reads of resources through the internal API, as the gateway makes them, on a real PostgreSQL under row-level security."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_payments.resource import endpoints
from onerouter_payments.resource.kinds.customer import CUSTOMER_KIND
from onerouter_payments.resource.kinds.plan import PLAN_KIND
from onerouter_payments.resource.kinds.subscription import SUBSCRIPTION_KIND
from onerouter_payments.resource.kinds.vendor import VENDOR_KIND
from onerouter_payments.resource.reads import ResourceReads
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import Resource

from ..examples import NOW, a_resource

AUTH = InternalAuth(SecretStr("t" * 32))
OTHERS = [("ten_2", "test"), ("ten_1", "live")]


@pytest.fixture
async def gateway(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(endpoints.router(AUTH))

    @app.middleware("http")
    async def give(request: Request, call_next: Any) -> Any:
        request.state.resources = ResourceReads(TenantRows(engine))
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://payments/internal/resources") as client:
        yield client


def headers(tenant: str = "ten_1", environment: str = "test") -> dict[str, str]:
    return AUTH.tenant_headers(tenant, environment)


async def save(pool: Pool, *made: Resource) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, made)


def a_plan(**changes: Any) -> Resource:
    data = {"name": "Pro", "amount_minor": 49_900, "currency": "INR", "interval": "month", "interval_count": 1}
    return a_resource(PLAN_KIND, **{"data": data, "status": "active", "provider_id": "plan_There", **changes})


def subscriptions() -> list[Resource]:
    """Five, two of them made in the same microsecond."""
    return [
        a_resource(
            SUBSCRIPTION_KIND,
            created_at=NOW + timedelta(hours=min(number, 3)),
            status="active" if number % 2 else "paused",
            provider="stripe" if number == 0 else "razorpay",
            parent_id="plan_a" if number < 3 else "plan_b",
            customer_id="cus_a" if number in (1, 4) else None,
        )
        for number in range(5)
    ]


class TestOne:
    async def test_it_is_found_by_our_id_and_the_providers(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        plan = a_plan()
        await save(pool, plan)
        for id_ in (plan.id, "plan_There"):
            found = (await gateway.get(f"/plan/{id_}", headers=headers())).json()
            assert (found["id"], found["object"], found["amount"]) == (plan.id, "plan", 499.0)
            assert not {"connection_id", "asked"} & set(found), "never shown"
        placed = (await gateway.get(f"/plan/{plan.id}/placed", headers=headers())).json()
        assert (placed["connection_id"], placed["asked"]) == ("con_1", dict(plan.data))

    @pytest.mark.parametrize("whose", OTHERS)
    async def test_others_find_nothing(self, gateway: httpx.AsyncClient, pool: Pool, whose: tuple[str, str]) -> None:
        plan = a_plan()
        await save(pool, plan)
        for path in (f"/plan/{plan.id}", "/plan/plan_There", f"/plan/{plan.id}/placed"):
            assert (await gateway.get(path, headers=headers(*whose))).status_code == 404
        assert (await gateway.get("/plan", headers=headers(*whose))).json()["data"] == []

    async def test_another_kind_is_not_found(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        plan = a_plan()
        await save(pool, plan)
        for path in (f"/customer/{plan.id}", "/customer/plan_There/placed", f"/unheard-of/{plan.id}", "/unheard-of"):
            assert (await gateway.get(path, headers=headers())).status_code == 404
        assert (await gateway.get("/customer", headers=headers())).json()["data"] == []

    async def test_a_vendor_is_found_by_the_tenants_own_id(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        data = {"name": "Asha", "vendor_id": "seller-7"}
        older = a_resource(VENDOR_KIND, data=data, status="active", created_at=NOW - timedelta(hours=1))
        newer = a_resource(VENDOR_KIND, data=data, status="active")
        theirs = a_resource(VENDOR_KIND, data=data, tenant_id="ten_2", created_at=NOW + timedelta(hours=1))
        await save(pool, older, newer, theirs)
        for path in ("/vendor/seller-7", "/vendor/seller-7/placed"):
            assert (await gateway.get(path, headers=headers())).json()["id"] == older.id
        assert (await gateway.get("/vendor/seller-8", headers=headers())).status_code == 404
        assert (await gateway.get("/plan/seller-7", headers=headers())).status_code == 404

    async def test_an_id_of_ours_is_no_providers(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        """Else somebody's own words for a thing could stand before the thing itself."""
        first = a_plan(provider_id=None)
        await save(pool, first, a_plan(provider_id=first.id, created_at=NOW + timedelta(hours=1)))
        assert (await gateway.get(f"/plan/{first.id}", headers=headers())).json()["id"] == first.id


class TestMany:
    async def test_pages_go_through_everything_once_newest_first(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        made = subscriptions()
        await save(pool, *made, a_plan())
        seen: list[str] = []
        cursor = None
        for _ in range(3):
            params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await gateway.get("/subscription", params=params, headers=headers())).json()
            seen += [one["id"] for one in page["data"]]
            cursor = page["next_cursor"]
            assert page["has_more"] == (cursor is not None)
        expected = sorted(made, key=lambda one: (one.created_at, one.id), reverse=True)
        assert (seen, cursor) == ([one.id for one in expected], None)

    @pytest.mark.parametrize(
        ("params", "count"),
        [
            ({"status": "active"}, 2),
            ({"status": "expired"}, 0),
            ({"provider": "stripe"}, 1),
            ({"plan_id": "plan_a"}, 3),
            ({"customer_id": "cus_a"}, 2),
            ({"plan_id": "plan_a", "customer_id": "cus_a", "status": "active"}, 1),
            ({"created_after": "2026-03-01T09:30:00Z"}, 4),
            ({"created_before": "2026-03-01T10:30:00Z"}, 1),
        ],
    )
    async def test_filters(self, gateway: httpx.AsyncClient, pool: Pool, params: dict[str, str], count: int) -> None:
        await save(pool, *subscriptions())
        answer = await gateway.get("/subscription", params=params, headers=headers())
        assert len(answer.json()["data"]) == count, answer.text

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"status": "lively"}, "status"),
            ({"status": ""}, "status"),
            ({"colour": "red"}, "colour"),
            ({"id": "sub_1"}, "id"),
            ({"provider": "a\0b"}, "provider"),
            ({"plan_id": "x" * 201}, "plan_id"),
            ({"cursor": "made-up"}, "cursor"),
            ({"limit": "0"}, "limit"),
            ({"limit": "101"}, "limit"),
            ({"created_after": "yesterday"}, "created_after"),
            ({"created_after": "2026-03-01T09:30:00"}, "created_after"),
            ({"created_after": "0001-01-01T00:00:00+14:00"}, "created_after"),
            ({"created_before": "9999-12-31T23:59:59-14:00"}, "created_before"),
        ],
    )
    async def test_wrong_questions_are_named(
        self, gateway: httpx.AsyncClient, params: dict[str, str], field: str
    ) -> None:
        answer = await gateway.get("/subscription", params=params, headers=headers())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text

    async def test_a_filter_is_its_kinds_own(self, gateway: httpx.AsyncClient, pool: Pool) -> None:
        await save(pool, a_resource(CUSTOMER_KIND, status="active"))
        assert (await gateway.get("/customer", params={"plan_id": "x"}, headers=headers())).status_code == 422
        assert (await gateway.get("/customer", params={"status": "paused"}, headers=headers())).status_code == 422


async def test_strangers_are_turned_away(gateway: httpx.AsyncClient) -> None:
    for path in ("/plan", "/plan/plan_1", "/plan/plan_1/placed"):
        answer = await gateway.get(path, headers={**headers(), "Authorization": "Bearer " + "x" * 32})
        assert answer.status_code == 401


async def test_a_name_of_the_tenants_own_is_the_oldest_vendors_that_has_not_failed(
    gateway: httpx.AsyncClient, pool: Pool
) -> None:
    failed, first, second = [
        a_resource(VENDOR_KIND, data={"vendor_id": "seller-9"}, status=status, created_at=NOW + timedelta(hours=number))
        for number, status in enumerate(("failed", "pending", "active"))
    ]
    at_provider = a_resource(VENDOR_KIND, provider_id="seller-9", status="active", created_at=NOW - timedelta(hours=1))
    thief = a_resource(VENDOR_KIND, data={"vendor_id": second.id}, status="active")
    await save(pool, failed, first, second, at_provider, thief)
    for asked, found in (("seller-9", first), (second.id, second), (thief.id, thief)):
        assert (await gateway.get(f"/vendor/{asked}", headers=headers())).json()["id"] == found.id
    gone = await gateway.get(f"/vendor/{a_resource(VENDOR_KIND, data={}).id}", headers=headers())
    assert gone.status_code == 404
