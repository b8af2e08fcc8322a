"""What counts against a monthly quota, with the real registry: operations that began, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.services.gateway.real_registry import Holder, RealRegistry, real_registry
from tests.services.gateway.world import Gateway, World

from onerouter_registry.api_key.model import KeyChanges

pytestmark = pytest.mark.long

PAY = {"amount": "499.00"}


@dataclass
class Rig:
    registry: RealRegistry
    gateway: Gateway

    async def pay(self, holder: Holder, body: Any = PAY, **headers: str) -> httpx.Response:
        return await self.gateway.http.post(
            "/v1/payments", json=body, headers={**holder.auth, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )

    async def statuses(self, holder: Holder, times: int) -> list[int]:
        return [(await self.pay(holder)).status_code for _ in range(times)]


@pytest.fixture(scope="module")
async def rig(postgres: Any, world: World) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(real_registry(postgres, world))
        gateway = await stack.enter_async_context(world.gateway(**registry.gateway_settings))
        yield Rig(registry, gateway)


@pytest.fixture(scope="module")
async def tenant_id(rig: Rig) -> str:
    return await rig.registry.tenant()


async def test_the_quota_is_exact_and_the_refusal_clear(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 3})
    assert await rig.statuses(holder, 4) == [201, 201, 201, 429]
    answer = await rig.pay(holder)
    problem = answer.json()
    assert (problem["code"], problem["effect"]) == ("QUOTA_EXCEEDED", "none")
    assert problem["detail"].startswith("The monthly quota of this API key is used up: 3 payments operations in 20")
    assert 0 < int(answer.headers["retry-after"]) <= 31 * 86_400
    assert (await rig.gateway.http.get("/v1/payments", headers=holder.auth)).status_code == 200, "reading is free"
    assert await rig.registry.granted(holder) == 3


async def test_other_keys_are_not_concerned(rig: Rig, tenant_id: str) -> None:
    spent = await rig.registry.key(tenant_id, quotas={"payments": 1})
    others = [await rig.registry.key(tenant_id), await rig.registry.key(tenant_id, quotas={"sms": 1})]
    assert await rig.statuses(spent, 2) == [201, 429]
    for other in others:
        assert await rig.statuses(other, 2) == [201, 201]
        assert await rig.registry.granted(other) == 0


async def test_a_rotated_key_has_its_quota_once(rig: Rig, tenant_id: str) -> None:
    """However often it is rotated, and while all of them work."""
    first = await rig.registry.key(tenant_id, quotas={"payments": 5})
    assert await rig.statuses(first, 2) == [201, 201]
    second = await rig.registry.rotated(first)
    third = await rig.registry.rotated(second)
    keys = [third, first, second, first, third]
    assert [(await rig.pay(key)).status_code for key in keys] == [201, 201, 201, 429, 429]
    assert await rig.registry.granted(third) == 5


@pytest.mark.usefixtures("long_windows")
async def test_a_rotated_key_has_its_rate_once(rig: Rig, tenant_id: str) -> None:
    first = await rig.registry.key(tenant_id, rate_limit_per_s=1, rate_burst=60)
    keys = [first, await rig.registry.rotated(first)]
    answers = [await rig.gateway.http.get("/v1/payments", headers=keys[n % 2].auth) for n in range(64)]
    assert [answer.status_code for answer in answers].count(200) == 60
    assert answers[-1].status_code == 429


async def test_a_repeat_costs_nothing_and_needs_nothing(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 2})
    key = str(uuid4())
    first = [await rig.pay(holder, Idempotency_Key=key) for _ in range(4)]
    assert [answer.status_code for answer in first] == [201] * 4
    assert {answer.json()["id"] for answer in first} == {first[0].json()["id"]}
    assert await rig.statuses(holder, 2) == [201, 429], "three repeats were free"
    command = next(c for c in rig.registry.world.worker.commands if c.resource_id == first[0].json()["id"])
    operation = {
        "tenant_id": tenant_id,
        "operation_id": command.operation_id,
        "made_by": command.command_id,
        "fingerprint": command.fingerprint,
        "state": "succeeded",
        "resource_id": command.resource_id,
        "status": 201,
        "result": {"id": command.resource_id},
    }
    rig.registry.world.services.operations[command.operation_id] = operation
    again = await rig.pay(holder, Idempotency_Key=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true"), "also when nothing is left"
    assert (await rig.pay(holder, Idempotency_Key=str(uuid4()))).status_code == 429
    mismatch = await rig.pay(holder, {"amount": "1.00"}, Idempotency_Key=key)
    assert mismatch.status_code == 422


async def test_what_began_nothing_costs_nothing(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 1})
    key = str(uuid4())
    refused = [
        await rig.pay(holder, {"amount": "nothing"}),
        await rig.pay(holder, {"amount": 1, "provider": "stripe"}),
        await rig.pay(holder, {"amount": 1}, Idempotency_Key="k" * 300),
        await rig.gateway.http.post("/v1/payments/pay_x/capture", json={}, headers=holder.auth),
        await rig.gateway.http.post("/v1/refunds", json={"payment_id": "pay_x"}, headers=holder.auth),
    ]
    assert all(400 <= answer.status_code < 500 for answer in refused)
    assert (await rig.pay(holder, Idempotency_Key=key)).status_code == 201
    assert (await rig.pay(holder)).status_code == 429


async def test_a_request_that_was_shed_costs_nothing(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 1})
    async with rig.registry.world.gateway(**rig.registry.gateway_settings) as gateway:
        producer = gateway.app.state.producer
        gateway.app.state.gateway.commands._publisher._producer = _Absent()
        for _ in range(3):
            answer = await gateway.http.post("/v1/payments", json=PAY, headers=holder.auth)
            assert (answer.status_code, answer.json()["effect"]) == (503, "none")
        gateway.app.state.gateway.commands._publisher._producer = producer
        assert (await gateway.http.post("/v1/payments", json=PAY, headers=holder.auth)).status_code == 201


class _Absent:
    is_ready = False


async def test_a_raised_quota_counts_at_once(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 1})
    assert await rig.statuses(holder, 2) == [201, 429]
    keys = rig.registry.registry.admin.api_keys
    await keys.update(tenant_id, "test", holder.created.api_key.id, KeyChanges(quotas={"payments": 3}))
    async with asyncio.timeout(60):
        while (await rig.pay(holder)).status_code != 201:
            await asyncio.sleep(0.05)
    assert await rig.statuses(holder, 2) == [201, 429]


async def test_a_stopping_gateway_returns_what_it_holds(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 6_400})
    async with rig.registry.world.gateway(**rig.registry.gateway_settings) as gateway:
        answer = await gateway.http.post("/v1/payments", json=PAY, headers=holder.auth)
        assert answer.status_code == 201
        assert await rig.registry.granted(holder) == 100
    assert await rig.registry.granted(holder) == 1


async def test_the_month_is_shown_through_the_gateway(rig: Rig, tenant_id: str) -> None:
    holder = await rig.registry.key(tenant_id, quotas={"payments": 5})
    await rig.statuses(holder, 2)
    path = f"/api/api-keys/{holder.created.api_key.id}/usage"
    answer = await rig.gateway.http.get(path, headers=holder.auth)
    assert answer.status_code == 200, answer.text
    assert answer.json()["categories"] == [{"category": "payments", "used": 2, "quota": 5, "remaining": 3}]
    assert (await rig.gateway.http.get(path)).status_code == 401


async def test_while_the_registry_is_away_operations_begin_and_are_charged_later(postgres: Any, world: World) -> None:
    async with AsyncExitStack() as outer:
        inner = await outer.enter_async_context(AsyncExitStack())
        registry = await inner.enter_async_context(real_registry(postgres, world))
        holder = await registry.key(await registry.tenant(), quotas={"payments": 20})
        front = await outer.enter_async_context(_Switch(registry.url))
        settings = {**registry.gateway_settings, "registry_url": front.url}
        gateway = await inner.enter_async_context(world.gateway(**settings))
        rig = Rig(registry, gateway)
        assert await rig.statuses(holder, 2) == [201, 201]
        await front.off()
        assert await rig.statuses(holder, 4) == [201] * 4
        assert await registry.granted(holder) == 2
        await front.on()
        async with asyncio.timeout(60):
            while await registry.granted(holder) != 6:
                await asyncio.sleep(0.05)
        assert sorted(await rig.statuses(holder, 16)) == [201] * 14 + [429] * 2


async def test_answers_that_get_lost_charge_nothing_twice(postgres: Any, world: World) -> None:
    async with AsyncExitStack() as outer:
        inner = await outer.enter_async_context(AsyncExitStack())
        registry = await inner.enter_async_context(real_registry(postgres, world))
        holder = await registry.key(await registry.tenant(), quotas={"payments": 6_400})
        front = await outer.enter_async_context(_Switch(registry.url))
        settings = {**registry.gateway_settings, "registry_url": front.url}
        gateway = await inner.enter_async_context(world.gateway(**settings))
        rig = Rig(registry, gateway)
        usage = f"/api/api-keys/{holder.created.api_key.id}/usage"
        assert (await gateway.http.get(usage, headers=holder.auth)).status_code == 200, "the key is known"
        front.loses_answers = True
        assert await rig.statuses(holder, 5) == [201] * 5
        async with asyncio.timeout(60):
            while front.lost < 4:
                await asyncio.sleep(0.05)
        assert await rig.statuses(holder, 3) == [201] * 3
        assert await registry.granted(holder) == 100, "one loan, however often it was asked for"
        front.loses_answers = False
        async with asyncio.timeout(60):
            while await registry.granted(holder) != 8:
                await asyncio.sleep(0.05)


class _Switch:
    """A plain TCP door to the registry, which can be shut, or let requests in and no answers out."""

    def __init__(self, target: str) -> None:
        self._host, _, self._port = target.removeprefix("http://").partition(":")
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._at = 0
        self.loses_answers = False
        self.lost = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._at}"

    async def __aenter__(self) -> "_Switch":
        await self.on()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.off()

    async def on(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._at)
        self._at = self._server.sockets[0].getsockname()[1]

    async def off(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, int(self._port))
        self._open.update({writer, back})
        for source, sink in ((reader, back), (there, writer)):
            pump = asyncio.create_task(self._pump(source, sink, is_answers=source is there))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answers: bool) -> None:
        try:
            while data := await source.read(65_536):
                if is_answers and self.loses_answers:
                    self.lost += 1
                    return
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            sink.close()
