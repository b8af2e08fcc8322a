"""Payments by offset and with a total, on a real PostgreSQL under row-level security."""

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
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.query import by_offset
from onerouter_payments.query.by_offset import PaymentsByOffset

from ..examples import NOW, VIEWS, captured

AUTH = InternalAuth(SecretStr("t" * 32))
PATH = "/payments-by-offset"


@pytest.fixture
async def gateway(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(by_offset.router(AUTH))

    @app.middleware("http")
    async def give(request: Request, call_next: Any) -> Any:
        request.state.by_offset = PaymentsByOffset(TenantRows(engine), VIEWS)
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://payments/internal") as client:
        yield client


async def made(pool: Pool) -> list[str]:
    """Ids of five payments, newest first, two of them made in the same microsecond."""
    aggregates = [captured(created_at=NOW + timedelta(hours=min(number, 3))) for number in range(5)]
    async with pool.acquire() as connection, connection.transaction():
        await PaymentStore().save(connection, aggregates)
    newest = sorted(aggregates, key=lambda one: (one.payment.created_at, one.payment.id), reverse=True)
    return [one.payment.id for one in newest]


async def test_offsets_go_through_everything_once(gateway: httpx.AsyncClient, pool: Pool) -> None:
    expected = await made(pool)
    seen: list[str] = []
    for offset, more in ((0, True), (2, True), (4, False), (6, False)):
        params = {"limit": 2, "offset": offset}
        page = (await gateway.get(PATH, params=params, headers=AUTH.tenant_headers("ten_1", "test"))).json()
        seen += [one["id"] for one in page["data"]]
        assert (page["has_more"], page["total"]) == (more, 5)
    assert seen == expected


@pytest.mark.parametrize("whose", [("ten_2", "test"), ("ten_1", "live")])
async def test_others_see_and_count_nothing(gateway: httpx.AsyncClient, pool: Pool, whose: tuple[str, str]) -> None:
    await made(pool)
    page = (await gateway.get(PATH, headers=AUTH.tenant_headers(*whose))).json()
    assert page == {"data": [], "has_more": False, "total": 0}


async def test_counting_ends_somewhere(gateway: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await made(pool)
    monkeypatch.setattr(by_offset, "COUNTED", 3)
    page = (await gateway.get(PATH, headers=AUTH.tenant_headers("ten_1", "test"))).json()
    assert (page["total"], len(page["data"])) == (3, 5)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "9" * 30}, "offset"),
    ],
)
async def test_wrong_questions_are_named(gateway: httpx.AsyncClient, params: dict[str, str], field: str) -> None:
    answer = await gateway.get(PATH, params=params, headers=AUTH.tenant_headers("ten_1", "test"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
