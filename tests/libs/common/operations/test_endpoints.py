"""Operations through the internal API, as the gateway reads them, on a real PostgreSQL under row-level security."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.contracts.replies import Reply
from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_common.ids import new_id
from onerouter_common.operations import endpoints
from onerouter_common.operations.repository import OperationReads, View
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_local.testing import Database

AUTH = InternalAuth(SecretStr("t" * 32))
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
COST: View = {"amount": 0.0079, "currency": "USD", "estimated": True}


async def one_cent_for_sms(_: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, View]:
    return {row["id"]: COST for row in rows if row["operation"] == "sms.send"}


@pytest.fixture
async def place(database: Callable[[str], Awaitable[Database]]) -> Database:
    return await database("payments")  # any service with a worker has these tables


@pytest.fixture
async def pool(place: Database) -> AsyncIterator[Pool]:
    async with worker_pool(place.dsn, "payments", size=2) as opened:
        yield opened


@pytest.fixture
async def gateway(place: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(endpoints.router(AUTH))
    async with tenant_engine(place.dsn, size=2) as engine:

        @app.middleware("http")
        async def with_reads(request: Request, call_next: Any) -> Any:
            request.state.operations = OperationReads(engine, one_cent_for_sms)
            return await call_next(request)

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service/internal") as client:
            yield client


def headers(tenant: str = "ten_1", environment: str = "test") -> dict[str, str]:
    return AUTH.tenant_headers(tenant, environment)


async def stored(pool: Pool, *, category: str = "payments", operation: str = "payment.create", hours: int = 0) -> str:
    """An operation of unknown outcome."""
    operation_id = new_id("op")
    await pool.execute(
        "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
        "fingerprint, made_by, api_key_id, accepted_at, created_at, state, due_at, routing) VALUES ($1, 'ten_1', 'test', "
        "$4, $5, 'pay_1', 'pay_1', '{}', 'f', 'cmd_1', 'key_1', $2, $2, 'unknown', $2, $3)",
        operation_id,
        NOW + timedelta(hours=hours),
        {"by": "priority", "connection_id": "con_1"},
        category,
        operation,
    )
    return operation_id


async def attempted(pool: Pool, operation_id: str) -> None:
    for number, (kind, outcome) in enumerate((("call", "unknown"), ("lookup", None)), start=1):
        await pool.execute(
            "INSERT INTO attempts (id, operation_id, tenant_id, environment, number, kind, connection_id, provider, "
            "capability, provider_key, created_at, outcome) VALUES ($1, $2, 'ten_1', 'test', $3, $4, 'con_1', "
            "'razorpay', 'payment.create', 'k', $5, $6)",
            new_id("att"),
            operation_id,
            number,
            kind,
            NOW + timedelta(seconds=number),
            outcome,
        )


async def listed(gateway: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = (await gateway.get("/operations", params=params, headers=headers())).json()["data"]
    return data


async def test_an_operation_shows_its_attempts(gateway: httpx.AsyncClient, pool: Pool) -> None:
    operation_id = await stored(pool)
    await attempted(pool, operation_id)
    view = (await gateway.get(f"/operations/{operation_id}", headers=headers())).json()
    assert (view["status"], view["effect"], view["cost"]) == ("unknown", "unknown", None)
    assert view["resource"] == {"kind": "payment", "id": "pay_1"}
    assert [(a["number"], a["kind"], a["outcome"]) for a in view["attempts"]] == [
        (1, "call", "unknown"),
        (2, "lookup", None),
    ]
    assert view["routing"] == {"by": "priority", "connection_id": "con_1"}
    assert [item["id"] for item in await listed(gateway, status="unknown")] == [operation_id]


async def test_each_filter_counts_and_the_newest_is_first(gateway: httpx.AsyncClient, pool: Pool) -> None:
    sms = await stored(pool, category="sms", operation="sms.send", hours=1)
    email = await stored(pool, category="email", operation="email.send", hours=2)
    assert [one["id"] for one in await listed(gateway)] == [email, sms]
    for params, found in (
        ({"category": "sms"}, [sms]),
        ({"operation": "email.send"}, [email]),
        ({"category": "email", "operation": "sms.send"}, []),
        ({"status": "succeeded"}, []),
        ({"resource_id": "pay_2"}, []),
    ):
        assert [one["id"] for one in await listed(gateway, **params)] == found


async def test_of_other_categories_nothing_is_known(gateway: httpx.AsyncClient, pool: Pool) -> None:
    sms = await stored(pool, category="sms", operation="sms.send")
    email = await stored(pool, category="email", operation="email.send", hours=1)
    for of, found in ((["sms"], [sms]), (["sms", "email"], [email, sms]), (["payments"], [])):
        params = {"category": of}
        page = (await gateway.get("/operations", params=params, headers=headers())).json()
        assert [one["id"] for one in page["data"]] == found
        for path in ("", "/timeline"):
            answers = {
                id_: (await gateway.get(f"/operations/{id_}{path}", params=params, headers=headers())).status_code
                for id_ in (sms, email)
            }
            assert answers == {id_: 200 if id_ in found else 404 for id_ in (sms, email)}
    wrong = await gateway.get("/operations", params={"category": "s\0s"}, headers=headers())
    assert wrong.status_code == 422


async def test_costs_are_the_categorys_own(gateway: httpx.AsyncClient, pool: Pool) -> None:
    sms = await stored(pool, category="sms", operation="sms.send")
    await stored(pool)
    assert {one["operation"]: one["cost"] for one in await listed(gateway)} == {
        "sms.send": COST,
        "payment.create": None,
    }
    for path in (f"/operations/{sms}", f"/operations/{sms}/timeline"):
        assert (await gateway.get(path, headers=headers())).json()["cost"] == COST


async def test_the_reply_is_what_a_waiting_gateway_would_be_told(gateway: httpx.AsyncClient, pool: Pool) -> None:
    operation_id = await stored(pool)
    told = Reply.model_validate_json(
        (await gateway.get(f"/operations/{operation_id}/reply", headers=headers())).content
    )
    assert (told.operation_id, told.state, told.status) == (operation_id, "unknown", 202)


@pytest.mark.parametrize("whose", [("ten_2", "test"), ("ten_1", "live")])
async def test_others_find_nothing(gateway: httpx.AsyncClient, pool: Pool, whose: tuple[str, str]) -> None:
    operation_id = await stored(pool)
    for path in ("", "/reply", "/timeline"):
        answer = await gateway.get(f"/operations/{operation_id}{path}", headers=headers(*whose))
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert (await gateway.get("/operations", headers=headers(*whose))).json()["data"] == []


async def test_strangers_are_turned_away(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/operations", headers={**headers(), "Authorization": "Bearer " + "x" * 32})
    assert answer.status_code == 401
