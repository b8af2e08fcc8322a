"""Clients in the field that repeat without a key: a vanished one joins its first call, a deliberate second call goes out."""

import asyncio
from typing import Any

import httpx
import pytest

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Reply
from onerouter_gateway.commands.unkeyed import UnkeyedRepeats

PAY = {"amount": "499.00"}


def _operations(world: Any, tenant: Any) -> set[str]:
    return {command.operation_id for command in world.worker.commands if command.tenant_id == tenant.id}


async def _until_asked(world: Any, tenant: Any, times: int) -> None:
    async with asyncio.timeout(60):
        while len([command for command in world.worker.commands if command.tenant_id == tenant.id]) < times:
            await asyncio.sleep(0.01)


async def _leaving(gateway: Any, world: Any, tenant: Any, headers: dict[str, str]) -> None:
    """A client that is gone when the worker has its command."""
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as impatient:
        posting = asyncio.create_task(impatient.post("/v1/payments", json=PAY, headers=headers))
        await _until_asked(world, tenant, 1)
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting


@pytest.mark.parametrize("client", ["onerouter-python/1.0.0", "OneRouter-SDK/0.1.0 Node.js/20"])
async def test_a_delivered_answer_ends_it(gateway: Any, world: Any, tenant: Any, client: str) -> None:
    headers = {**tenant.auth, "User-Agent": client}
    first = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    second = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.json()["id"] != second.json()["id"]


async def test_a_client_that_vanished_joins_its_first_call(gateway: Any, world: Any, tenant: Any) -> None:
    release = asyncio.Event()

    async def when_released(command: Command) -> Reply:
        await release.wait()
        return Reply(
            operation_id=command.operation_id,
            made_by=command.command_id,
            fingerprint=command.fingerprint,
            state="succeeded",
            status=201,
            resource_id=command.resource_id,
            result={"id": command.resource_id},
        )

    world.worker.outcomes[tenant.id] = when_released
    headers = {**tenant.auth, "User-Agent": "onerouter-python/1.0.0"}
    await _leaving(gateway, world, tenant, headers)
    again = asyncio.create_task(gateway.http.post("/v1/payments", json=PAY, headers=headers))
    await _until_asked(world, tenant, 2)
    release.set()
    assert (await again).status_code == 201
    assert len(_operations(world, tenant)) == 1
    other = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=headers)
    assert other.status_code == 201
    assert len(_operations(world, tenant)) == 2


async def test_an_answer_nobody_was_there_for_is_kept_for_the_repeat(gateway: Any, world: Any, tenant: Any) -> None:
    replied = asyncio.Event()
    release = asyncio.Event()

    async def after_the_client_left(command: Command) -> Reply:
        await release.wait()
        replied.set()
        return Reply(
            operation_id=command.operation_id,
            made_by=command.command_id,
            state="succeeded",
            status=201,
            resource_id=command.resource_id,
            result={"id": command.resource_id},
        )

    world.worker.outcomes[tenant.id] = after_the_client_left
    headers = {**tenant.auth, "User-Agent": "onerouter-python/1.0.0"}
    await _leaving(gateway, world, tenant, headers)
    release.set()
    await replied.wait()
    again = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    assert again.status_code == 201
    assert len(_operations(world, tenant)) == 1


async def test_other_clients_are_taken_at_their_word(gateway: Any, world: Any, tenant: Any) -> None:
    await asyncio.gather(*(gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth) for _ in range(3)))
    assert len(_operations(world, tenant)) == 3


async def test_without_redis_there_is_no_joining_and_no_failure(world: Any) -> None:
    tenant = world.tenant()
    headers = {**tenant.auth, "User-Agent": "onerouter-python/1.0.0"}
    async with world.gateway(redis_url="redis://127.0.0.1:9") as gateway:
        assert (await gateway.http.post("/v1/payments", json=PAY, headers=headers)).status_code == 201


async def test_of_many_at_once_each_is_known(redis_url: str) -> None:
    async with UnkeyedRepeats(redis_url, timeout_s=60) as repeats:
        keys = await asyncio.gather(*(repeats.join("ten_many", "test", "f" * 64) for _ in range(200)))
    assert len(set(keys)) == 1
    assert None not in keys
