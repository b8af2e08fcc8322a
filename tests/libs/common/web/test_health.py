import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from onerouter_common import metric_names
from onerouter_common.web import health
from onerouter_common.web.server import metrics_served
from onerouter_local.ports import free_port

Check = Callable[[], Awaitable[bool]]


async def good() -> bool:
    return True


async def bad() -> bool:
    return False


async def raising() -> bool:
    raise ConnectionError("postgresql://user:password@db is away")


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


def app_with(**checks: Check) -> FastAPI:
    app = FastAPI()
    health.install(app, checks)
    return app


async def get(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get(path)


async def test_ready_when_every_check_holds() -> None:
    answer = await get(app_with(database=good, broker=good), "/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "checks": {"database": True, "broker": True}},
    )


@pytest.mark.parametrize("failing", [bad, raising])
async def test_not_ready_names_the_check_that_fails(failing: Check) -> None:
    answer = await get(app_with(database=good, broker=failing), "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "checks": {"database": True, "broker": False}}
    assert "password" not in answer.text


async def test_a_check_that_hangs_counts_as_failed_and_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CHECK_TIMEOUT_S", 0.05)
    async with asyncio.timeout(60):
        answer = await get(app_with(one=hanging, other=hanging, third=good), "/readyz")
    assert answer.json()["checks"] == {"one": False, "other": False, "third": True}


async def test_a_draining_process_is_not_ready_but_alive() -> None:
    app = app_with(database=good)
    app.state.draining = True
    ready, alive = await get(app, "/readyz"), await get(app, "/livez")
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert alive.status_code == 200


async def test_alive_asks_nobody() -> None:
    assert (await get(app_with(database=hanging), "/livez")).status_code == 200


async def test_no_route_is_in_the_schema_and_none_shows_metrics() -> None:
    app = app_with()
    assert (await get(app, "/metrics")).status_code == 404
    assert app.openapi()["paths"] == {}


class TestMetrics:
    def test_are_on_a_port_of_their_own(self) -> None:
        metric_names.RATE_LIMITED.inc()
        port = free_port()
        with metrics_served("127.0.0.1", port):
            answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
            with metrics_served("127.0.0.1", port):
                pass  # taken: the service runs all the same
        assert "onerouter_rate_limited_total" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/metrics")
