"""Whose callback it is, when the registry changes its mind meanwhile."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import CallbackTarget
from onerouter_webhooks.callback.targets import Targets

TOKEN = "t" * 43


def _target(connection_id: str) -> CallbackTarget:
    return CallbackTarget(
        connection_id=connection_id,
        tenant_id="ten_1",
        environment="test",
        category="payments",
        provider="razorpay",
        secrets={},
        credentials_public={},
        data_keys={},
    )


class _Registry:
    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.answer: CallbackTarget | None = _target("con_1")
        self.gate = asyncio.Event()

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        self.asked += 1
        answer = self.answer
        await self.gate.wait()
        if self.away:
            raise Overloaded("away")
        return answer


async def test_nobody_joins_a_question_of_before_a_change() -> None:
    registry = _Registry()
    targets = Targets(registry, ttl_s=60, size=10)
    before = asyncio.create_task(targets.find("razorpay", TOKEN))
    while registry.asked < 1:
        await asyncio.sleep(0)
    targets.clear()
    registry.answer = None  # the connection was removed
    after = asyncio.create_task(targets.find("razorpay", TOKEN))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    registry.gate.set()
    assert (await before) == _target("con_1")
    assert await after is None
    assert await targets.find("razorpay", TOKEN) is None
    assert registry.asked == 3


@pytest.mark.parametrize("token", ["", "t", "t" * 42, "t" * 44, "t" * 42 + "\n", "t" * 42 + ".", "é" * 43])
async def test_what_cannot_be_a_token_is_not_asked_for(token: str) -> None:
    registry = _Registry()
    assert await Targets(registry, ttl_s=60, size=10).find("razorpay", token) is None
    assert registry.asked == 0


async def test_made_up_tokens_keep_the_registry_from_no_real_one() -> None:
    registry = _Registry()
    registry.gate.set()
    targets = Targets(registry, ttl_s=60, size=10)
    await targets.find("razorpay", TOKEN)
    registry.gate.clear()
    asking = [asyncio.create_task(targets.find("razorpay", secrets.token_urlsafe(32))) for _ in range(200)]
    await asyncio.sleep(0.01)
    refused = [task for task in asking if task.done()]
    assert {type(task.exception()) for task in refused} == {Overloaded}
    assert (len(refused), registry.asked) == (200 - 32 - 128, 1 + 32)
    targets.clear()
    real = asyncio.create_task(targets.find("razorpay", TOKEN))
    await asyncio.sleep(0.01)
    assert registry.asked == 1 + 32 + 1
    registry.gate.set()
    assert await real == _target("con_1")
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_registry_that_is_away_is_bridged_unless_something_changed() -> None:
    registry = _Registry()
    registry.gate.set()
    targets = Targets(registry, ttl_s=0, size=10)
    await targets.find("razorpay", TOKEN)
    registry.away = True
    for _ in range(3):
        assert await targets.find("razorpay", TOKEN) == _target("con_1")
    assert registry.asked == 2
    targets.clear()
    with pytest.raises(Overloaded):
        await targets.find("razorpay", TOKEN)


@pytest.mark.parametrize(
    ("entity", "id", "tenant_id", "asked"),
    [
        ("provider", "payments/razorpay", "*", 2),
        ("tenant", "ten_1", "ten_1", 2),
        ("tenant", "ten_2", "ten_2", 1),
        ("route", "ten_1/test/payments", "ten_1", 1),
    ],
)
async def test_what_a_change_may_concern_is_asked_for_again(entity: Any, id: str, tenant_id: str, asked: int) -> None:
    registry = _Registry()
    registry.gate.set()
    targets = Targets(registry, ttl_s=60, size=10)
    await targets.find("razorpay", TOKEN)
    at = datetime(2026, 1, 31, tzinfo=UTC)
    targets.drop(RegistryChange(entity=entity, id=id, tenant_id=tenant_id, environment=None, change="updated", at=at))
    await targets.find("razorpay", TOKEN)
    assert registry.asked == asked
