"""Notes of what was accepted, as many gateways of more than one release write and read them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
import pytest
from redis.asyncio import Redis

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.commands import Command
from onerouter_common.ids import OPERATION, PAYMENT, TENANT, new_id
from onerouter_gateway.commands.accepted import AcceptedCommands

TENANT_ID: Final = new_id(TENANT)


@pytest.fixture
async def accepted(redis_url: str) -> AsyncIterator[AcceptedCommands]:
    async with AcceptedCommands(redis_url, timeout_s=60.0) as opened:
        yield opened


def a_command() -> Command:
    return Command(
        command_id=new_id(OPERATION),
        operation_id=new_id(OPERATION),
        operation="payment.create",
        tenant_id=TENANT_ID,
        environment="test",
        category="payments",
        resource_id=new_id(PAYMENT),
        ordering_key="pay",
        fingerprint="f" * 64,
        payload={"metadata": {"shop": "eu"}},
        api_key_id="key_1",
        accepted_at=SystemClock().now(),
    )


async def test_none_is_lost_however_many_are_written_at_once(accepted: AcceptedCommands) -> None:
    commands = [a_command() for _ in range(300)]
    async with asyncio.TaskGroup() as together:
        for command in commands:
            together.create_task(accepted.note(command))
    for command in commands:
        for id_ in (command.operation_id, command.resource_id):
            noted = await accepted.find(TENANT_ID, "test", id_)
            assert noted is not None
            assert (noted.id, noted.metadata) == (command.operation_id, {"shop": "eu"})


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [
        ({}, True),
        ({"of_a_newer_release": {"more": 1}}, True),
        ({"accepted_at": "yesterday"}, False),
        ({"environment": "moon"}, False),
        ({"id": None}, False),
    ],
)
async def test_what_another_release_noted_is_read_as_far_as_it_is_known(
    accepted: AcceptedCommands, redis_url: str, changes: dict[str, Any], is_known: bool
) -> None:
    command = a_command()
    await accepted.note(command)
    async with Redis.from_url(redis_url) as redis:
        name = f"onerouter:accepted:{TENANT_ID}:test:{command.operation_id}"
        kept = orjson.loads(await redis.get(name) or b"")
        await redis.set(name, orjson.dumps({**kept, **changes}))
        found = await accepted.find(TENANT_ID, "test", command.operation_id)
        assert (None if found is None else found.view()["id"]) == (command.operation_id if is_known else None)
        await redis.set(name, orjson.dumps({field: value for field, value in kept.items() if field != "operation"}))
        assert await accepted.find(TENANT_ID, "test", command.operation_id) is None
        await redis.set(name, b"{")
        assert await accepted.find(TENANT_ID, "test", command.operation_id) is None
