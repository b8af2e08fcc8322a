"""A database that is away is not an error of ours: 503, nothing done, try again."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from onerouter_common.db.engine import tenant_engine
from onerouter_common.web import problems
from onerouter_local.testing import Database


@pytest.fixture
async def client(database: Callable[[str], Awaitable[Database]]) -> AsyncIterator[httpx.AsyncClient]:
    dsn = (await database("payments")).dsn
    async with tenant_engine(dsn, lock_timeout_s=0.2) as engine:
        app = FastAPI()
        problems.install(app)

        @app.get("/ended")
        async def ended() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        @app.get("/locked")
        async def locked() -> None:
            async with engine.begin() as other, engine.begin() as connection:
                for one in (other, connection):
                    await one.execute(text("SELECT pg_advisory_xact_lock(1)"))

        @app.get("/wrong")
        async def wrong() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1 / 0"))

        @app.get("/driver")
        async def driver() -> None:
            raise asyncpg.CannotConnectNowError("the database system is starting up")

        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.parametrize("path", ["/ended", "/driver", "/locked"])
async def test_a_lost_connection_or_a_lock_that_is_not_given_is_503(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
        503,
        "SERVICE_UNAVAILABLE",
        "2",
    )


async def test_a_refused_statement_is_a_defect_of_ours(client: httpx.AsyncClient) -> None:
    answer = await client.get("/wrong")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
