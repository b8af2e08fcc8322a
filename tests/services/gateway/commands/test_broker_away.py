"""Without the log nothing is accepted, and nothing is half done; when it is back so is the gateway."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from onerouter_common.broker import ensure_topics
from onerouter_local.testing import new_broker, scratch_directory

PAY = {"amount": "499.00"}


@pytest.fixture
async def own_broker() -> AsyncIterator[Any]:
    """A broker that this test may stop."""
    with scratch_directory() as directory:
        broker = new_broker(directory)
        await broker.start()
        await ensure_topics(broker.bootstrap_servers)
        try:
            yield broker
        finally:
            await broker.stop()


async def test_a_gateway_that_never_met_the_log_refuses_at_once(world: Any, tenant: Any) -> None:
    from onerouter_gateway.app import create_app

    app = create_app(world.settings(kafka_bootstrap_servers="127.0.0.1:9"))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as http,
    ):
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        answer = await http.post("/v1/payments", json=PAY, headers=tenant.auth)
        assert answer.status_code == 503, answer.text
        assert answer.json()["effect"] == "none"
        assert int(answer.headers["retry-after"]) >= 1
        # Reading does not need the log.
        assert (await http.get("/v1/payments", headers=tenant.auth)).status_code == 200


async def test_the_log_goes_and_comes_back(world: Any, tenant: Any, own_broker: Any) -> None:
    worker = type(world.worker)(own_broker.bootstrap_servers)
    async with world.gateway(kafka_bootstrap_servers=own_broker.bootstrap_servers) as gateway:
        async with worker.running():
            headers = {**tenant.auth, "Idempotency-Key": "before"}
            first = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
            assert first.status_code == 201

        await own_broker.stop()
        sent = await gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth)
        assert sent.status_code == 503
        assert sent.json()["effect"] in {"unknown", "none"}
        while (await gateway.http.get("/readyz")).status_code == 200:
            await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        refused = await gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth)
        assert (refused.status_code, refused.json()["effect"]) == (503, "none")
        assert asyncio.get_running_loop().time() - started < 4, "an acknowledgement would be waited for for 5 s"

        await own_broker.start()
        async with worker.running():
            while (await gateway.http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
            again = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
            assert again.status_code == 201
            assert again.json()["id"] == first.json()["id"]
