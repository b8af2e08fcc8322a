"""What is away costs what it must and no more: Redis speed, the registry new keys, Kafka new commands."""

import asyncio
import secrets
import statistics
import time
from functools import partial
from typing import Final
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from tests.e2e.world import World, check_problem, until

from onerouter_local.environment import redis_url

_BODY: Final = {"amount": "77.00", "currency": "INR"}


async def test_redis_flushed_the_same_key_is_still_the_same_operation(world: World) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first = await world.api.post("/v1/payments", json=_BODY, headers=headers)
    redis: Redis = Redis.from_url(redis_url(world.stack.addresses, world.stack.secrets))
    await redis.flushall()
    await redis.aclose()
    again = await world.api.post("/v1/payments", json=_BODY, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await world.effects(first.json()["id"])) == 1


async def test_redis_away_everything_works(world: World) -> None:
    await world.stack.valkey.stop()
    try:
        payment = await world.paid()
        assert (await world.refund(payment, amount="1.00"))["payment_id"] == payment["id"]
    finally:
        await world.stack.valkey.start()
    await world.create()


async def test_registry_away_cached_keys_keep_working(world: World) -> None:
    await world.create()
    registry = world.stack.services["registry"]
    await registry.stop()
    try:
        for _ in range(3):
            await world.create()
    finally:
        registry.start()
        await asyncio.wait_for(registry.serving.wait(), 120)


async def test_the_worker_dies_in_the_middle_of_a_payment(world: World) -> None:
    await world.sandbox.post("/control/latency", json={"ms": 500})
    headers = {"Idempotency-Key": str(uuid4()), "Prefer": "respond-async"}
    accepted = await world.api.post("/v1/payments", json=_BODY, headers=headers)
    where = accepted.headers["location"]

    async def executes() -> bool:
        answer = await world.api.get(where)
        return answer.is_success and answer.json()["status"] == "executing"

    await until(executes, "the worker to have begun")
    worker = world.stack.services["payments"]
    worker.kill()
    await world.sandbox.post("/control/latency", json={"ms": 0})
    operation = await world.reached(where, "succeeded")
    assert len(await world.effects(operation["resource"]["id"])) == 1
    await asyncio.wait_for(worker.serving.wait(), 120)


async def test_kafka_away_commands_are_refused_at_once_and_recover(world: World) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    payment = await world.create()
    await world.stack.broker.stop()
    try:
        await until(lambda: _readiness(world, 503), "the gateway to notice")
        took_s = []
        for _ in range(5):
            began = time.monotonic()
            answer = await world.api.post("/v1/payments", json=_BODY, headers=headers)
            took_s.append(time.monotonic() - began)
        assert statistics.median(took_s) < 1.0, "one may meet a moment in which the machine does nothing"
        problem = check_problem(answer, 503, "SERVICE_UNAVAILABLE")
        assert problem["retryable"] is True
        assert int(answer.headers["retry-after"]) >= 1
        assert (await world.api.get(f"/v1/payments/{payment['id']}")).status_code == 200
    finally:
        await world.stack.broker.start()
    await until(lambda: _readiness(world, 200), "the gateway to recover")

    async def accepts() -> bool:
        return (await world.api.post("/v1/payments", json=_BODY, headers=headers)).status_code == 201

    await until(accepts, "the refused request to succeed")
    again = await world.api.post("/v1/payments", json=_BODY, headers=headers)
    assert len(await world.effects(again.json()["id"])) == 1


async def test_databases_away_callbacks_are_asked_for_again(world: World) -> None:
    """What is logged meanwhile must not name their addresses: `test_what_is_left` searches for both tokens."""
    payment = await world.create()
    unseen = secrets.token_urlsafe(32)  # so that the registry has to be asked
    world.secrets.append(unseen)
    async with httpx.AsyncClient(base_url=world.stack.addresses.url("webhooks"), timeout=10.0) as webhooks:

        async def call(token: str, status: int) -> None:
            answer = await webhooks.post(f"/callbacks/razorpay/{token}", content=b"{}")
            assert answer.status_code == status, answer.text

        await world.stack.postgres.stop()
        try:
            await call(unseen, 503)
            await world.pay(payment)

            async def was_refused() -> bool:
                listed = (await world.sandbox.get("/control/callbacks", params={"limit": 10_000})).json()["data"]
                return any(delivery["status"] == 503 for callback in listed for delivery in callback["tries"])

            await until(was_refused, "the provider's callback to be refused")
        finally:
            await world.stack.postgres.start()
        await call(unseen, 404)
    log = world.stack.services["registry"].log_path.read_text()
    assert '"route": "/internal/callback-tokens/look-up"' in log
    await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    # The first on a connection of before is told to come again.
    nobody = {"email": "nobody@example.com", "password": "correct horse battery"}
    for method, path, sent in (
        ("GET", "/api/services", None),
        ("GET", "/v1/webhook-endpoints", None),
        ("POST", "/api/auth/sign-in", nobody),
    ):
        await until(partial(_is_answered, world, method, path, sent), f"{path} to be answered")


async def _is_answered(world: World, method: str, path: str, sent: dict[str, str] | None) -> bool:
    return (await world.api.request(method, path, json=sent)).status_code < 500


async def _readiness(world: World, status: int) -> bool:
    try:
        return (await world.api.get("/readyz")).status_code == status
    except httpx.HTTPError:
        return False
