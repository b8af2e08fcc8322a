"""Reads through the internal API, as the gateway makes them, on a real PostgreSQL under row-level security."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_payments.payment.aggregate import PaymentAggregate, add_refund, observe_refund
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.query import endpoints
from onerouter_payments.query.repository import Reads
from onerouter_providers.capability import RefundSnapshot

from ..examples import NOW, VIEWS, a_refund, captured

AUTH = InternalAuth(SecretStr("t" * 32))


@pytest.fixture
async def gateway(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def nothing(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=nothing)
    problems.install(app)
    app.include_router(endpoints.router(AUTH))

    @app.middleware("http")
    async def with_reads(request: Request, call_next: Any) -> Any:
        request.state.reads = Reads(engine, VIEWS)
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://payments/internal") as client:
        yield client


def headers(tenant: str = "ten_1", environment: str = "test") -> dict[str, str]:
    return AUTH.tenant_headers(tenant, environment)


async def save(pool: Pool, *aggregates: PaymentAggregate) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await PaymentStore().save(connection, aggregates)


def several() -> list[PaymentAggregate]:
    """Five payments, two of them made in the same microsecond."""
    return [
        captured(
            created_at=NOW + timedelta(hours=min(number, 3)),
            customer={"id": "cus_odd"} if number % 2 else None,
            provider="stripe" if number == 0 else "razorpay",
        )
        for number in range(5)
    ]


async def test_a_payment_is_found_by_each_of_its_ids(gateway: httpx.AsyncClient, pool: Pool) -> None:
    aggregate = captured()
    await save(pool, aggregate)
    for name in (aggregate.payment.id, "order_1", "pay_1"):
        answer = await gateway.get(f"/payments/{name}", headers=headers())
        assert answer.json() == VIEWS.of(aggregate.payment)


@pytest.mark.parametrize("whose", [("ten_2", "test"), ("ten_1", "live")])
async def test_others_find_nothing(gateway: httpx.AsyncClient, pool: Pool, whose: tuple[str, str]) -> None:
    aggregate = captured()
    await save(pool, aggregate)
    for name in (aggregate.payment.id, "order_1", "pay_1"):
        answer = await gateway.get(f"/payments/{name}", headers=headers(*whose))
        assert answer.status_code == 404
        assert answer.json()["code"] == "PAYMENT_NOT_FOUND"
    assert (await gateway.get("/payments", headers=headers(*whose))).json()["data"] == []


async def test_pages_go_through_everything_once_newest_first(gateway: httpx.AsyncClient, pool: Pool) -> None:
    made = several()
    await save(pool, *made)
    seen: list[dict[str, Any]] = []
    cursor = None
    for _ in range(3):
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await gateway.get("/payments", params=params, headers=headers())).json()
        seen += page["data"]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
    assert cursor is None
    expected = sorted(made, key=lambda a: (a.payment.created_at, a.payment.id), reverse=True)
    assert [item["id"] for item in seen] == [a.payment.id for a in expected]


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"status": "succeeded"}, 5),
        ({"status": "failed"}, 0),
        ({"provider": "stripe"}, 1),
        ({"customer_id": "cus_odd"}, 2),
        ({"created_after": "2026-03-01T09:30:00Z"}, 4),
        ({"created_before": "2026-03-01T10:30:00Z"}, 1),
        ({"customer_id": "cus_odd", "created_after": "2026-03-01T11:00:00Z"}, 1),
    ],
)
async def test_filters(gateway: httpx.AsyncClient, pool: Pool, params: dict[str, str], count: int) -> None:
    await save(pool, *several())
    answer = await gateway.get("/payments", params=params, headers=headers())
    assert len(answer.json()["data"]) == count


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"cursor": "made-up"}, "cursor"),
        ({"limit": "101"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_after": "1769851800"}, "created_after"),
        ({"status": "paid"}, "status"),
        ({"customer_id": "a\0b"}, "customer_id"),
    ],
)
async def test_wrong_questions_are_named(gateway: httpx.AsyncClient, params: dict[str, str], field: str) -> None:
    answer = await gateway.get("/payments", params=params, headers=headers())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_refunds_are_read_by_id_and_by_payment(gateway: httpx.AsyncClient, pool: Pool) -> None:
    aggregate = captured()
    refund = a_refund(aggregate.payment)
    aggregate = add_refund(aggregate, refund)
    aggregate = observe_refund(aggregate, refund.id, RefundSnapshot("succeeded", "rfnd_1"), NOW).aggregate
    await save(pool, aggregate, captured())
    expected = VIEWS.of(aggregate.refunds[0])
    for name in (refund.id, "rfnd_1"):
        assert (await gateway.get(f"/refunds/{name}", headers=headers())).json() == expected
    listed = await gateway.get("/refunds", params={"payment_id": aggregate.payment.id}, headers=headers())
    assert listed.json() == {"object": "list", "data": [expected], "has_more": False, "next_cursor": None}
    assert (await gateway.get(f"/refunds/{refund.id}", headers=headers("ten_2"))).status_code == 404


async def test_strangers_are_turned_away(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/payments/pay_1", headers={**headers(), "Authorization": "Bearer " + "x" * 32})
    assert answer.status_code == 401
