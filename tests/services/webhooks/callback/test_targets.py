"""Whose callback it is, when the registry changes its mind meanwhile."""

import asyncio

from onerouter_common.registry_client import CallbackTarget
from onerouter_webhooks.callback.targets import Targets


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
        self.answer: CallbackTarget | None = _target("con_1")
        self.gate = asyncio.Event()

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        self.asked += 1
        answer = self.answer
        await self.gate.wait()
        return answer


async def test_nobody_joins_a_question_of_before_a_change() -> None:
    registry = _Registry()
    targets = Targets(registry, ttl_s=60, size=10)
    before = asyncio.create_task(targets.find("razorpay", "t"))
    while registry.asked < 1:
        await asyncio.sleep(0)
    targets.clear()
    registry.answer = None  # the connection was removed
    after = asyncio.create_task(targets.find("razorpay", "t"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    registry.gate.set()
    assert (await before) == _target("con_1")
    assert await after is None
    assert await targets.find("razorpay", "t") is None
    assert registry.asked == 3
