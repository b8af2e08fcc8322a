"""New keys for everything that is sealed, while operations flow: none of them fails."""

import asyncio
from collections import Counter
from typing import Final
from uuid import uuid4

import httpx
import pytest
from tests.e2e.rotation import NEW_KEY, rotate_keys
from tests.e2e.world import World, until

pytestmark = pytest.mark.long

_A_SECOND: Final = 200
_AT_ONCE: Final = 200
"""Most that wait for their answer; a machine that does fewer a second is asked for fewer."""
_MOST_S: Final = 100.0
_BODY: Final = {"amount": "12.00", "currency": "INR"}
_WRAPPED: Final = "SELECT id, split_part(wrapped, '.', 2) AS key FROM data_keys WHERE environment = 'test'"


class Flow:
    """Payments at a steady rate, however long an answer takes; alternately at both gateways."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.answers: list[httpx.Response] = []
        self.sent = 0
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self, enough: asyncio.Event) -> float:
        """Until told so. How many a second there were."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            while not enough.is_set() and loop.time() < began + _MOST_S:
                due = began + self.sent / _A_SECOND
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._room.acquire()
                group.create_task(self._pay((self._world.api, self._world.api_2)[self.sent % 2]))
                self.sent += 1
            lasted_s = loop.time() - began
        return self.sent / lasted_s

    async def _pay(self, api: httpx.AsyncClient) -> None:
        try:
            self.answers.append(await api.post("/v1/payments", json=_BODY, headers={"Idempotency-Key": str(uuid4())}))
        finally:
            self._room.release()

    async def succeed_in_the_end(self) -> None:
        """A gateway that waited long enough answers 202: that operation must succeed, too."""
        for late in [answer for answer in self.answers if answer.status_code == 202]:
            where = late.headers["location"]

            async def is_done(where: str = where) -> bool:
                return bool((await self._world.api.get(where)).json().get("status") == "succeeded")

            await until(is_done, where)


@pytest.mark.timeout(240)
async def test_no_operation_fails_while_everything_is_sealed_anew(world: World) -> None:
    before = {row["id"]: row["key"] for row in await world.fetch("registry", _WRAPPED)}
    flow, enough = Flow(world), asyncio.Event()
    flowing = asyncio.create_task(flow.run(enough))
    await until(lambda: len(flow.answers) > _A_SECOND, "operations to flow")

    await rotate_keys(world.stack)
    rewrapped = {row["id"]: row["key"] for row in await world.fetch("registry", _WRAPPED)}
    answered_by_then = len(flow.answers)
    said = await rotate_keys(world.stack, "--reencrypt", "--batch", "3")
    resealed = {row["id"]: row["key"] for row in await world.fetch("registry", _WRAPPED)}
    answered_with_new = len(flow.answers)
    await until(
        lambda: len(flow.answers) > answered_with_new + _A_SECOND,
        "operations to flow afterwards",
        lambda: Counter(answer.status_code for answer in flow.answers),
    )
    enough.set()
    rate = await flowing
    await flow.succeed_in_the_end()

    statuses = Counter(answer.status_code for answer in flow.answers)
    print(f"{flow.sent} operations, {rate:.0f} a second, answered {dict(statuses)}\n{said}")
    assert statuses.keys() <= {201, 202}, [a.text for a in flow.answers if a.status_code not in (201, 202)][:3]
    assert answered_with_new > answered_by_then
    assert before.keys() == rewrapped.keys()
    assert set(rewrapped.values()) == set(resealed.values()) == {NEW_KEY}
    assert not before.keys() & resealed.keys(), "data keys that should be gone"


async def test_who_starts_afterwards_opens_what_was_sealed_anew(world: World) -> None:
    """Workers and webhooks without anything remembered; a callback is verified, too."""
    for name in ("payments", "messaging", "storage", "webhooks"):
        process = world.stack.services[name]
        process.kill()
        await until(lambda process=process: not process.serving.is_set(), f"{name} to end")
        await until(process.serving.is_set, f"{name} to serve again")
    await world.paid()
