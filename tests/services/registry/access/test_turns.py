"""Few changes of one tenant and of one person at once; whoever would have to wait too long is told so."""

import asyncio
from collections.abc import Callable

import pytest

from onerouter_common.errors import OneRouterError, Overloaded, RateLimited
from onerouter_registry.access.turns import Turns


class _Changes:
    """Those that have their turn, until told that it is over."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.inside = 0
        self.over = asyncio.Event()

    async def _change(self, tenant_id: str | None, user_id: str | None) -> None:
        async with self.turns.of(tenant_id=tenant_id, user_id=user_id):
            self.inside += 1
            await self.over.wait()
            self.inside -= 1

    def start(self, count: int, tenant_id: str | None, user_id: str | None) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self._change(tenant_id, user_id)) for _ in range(count)]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class TestOf:
    @pytest.mark.parametrize(("tenant_id", "user_id", "at_once"), [("ten_1", None, 4), (None, "usr_1", 2)])
    async def test_is_given_to_few_and_leaves_the_others_theirs(
        self, tenant_id: str | None, user_id: str | None, at_once: int
    ) -> None:
        changes = _Changes(Turns(8, waiting=10))
        flood = changes.start(100, tenant_id, user_id)
        await _until(lambda: sum(task.done() for task in flood) == 100 - at_once - 10)
        refused = [task.exception() for task in flood if task.done()]
        assert {type(error) for error in refused} == {RateLimited}
        assert {error.retry_after_s for error in refused if isinstance(error, OneRouterError)} == {1}
        assert changes.inside == at_once
        others = changes.start(1, "ten_2", "usr_2")
        await _until(lambda: changes.inside == at_once + 1)
        changes.over.set()
        await asyncio.gather(*flood, *others, return_exceptions=True)
        assert sum(task.exception() is None for task in flood) == at_once + 10, "who waited had a turn"
        assert changes.turns._lines == {}, "nothing is kept of who is gone"

    async def test_is_a_persons_on_all_their_tenants(self) -> None:
        changes = _Changes(Turns(8))
        tasks = [task for number in range(5) for task in changes.start(1, f"ten_{number}", "usr_1")]
        await _until(lambda: changes.inside == 2)
        await _settle()
        assert changes.inside == 2
        changes.over.set()
        await asyncio.gather(*tasks)

    async def test_is_not_waited_for_longer_than_promised(self) -> None:
        changes = _Changes(Turns(2, wait_s=0.05))
        first = changes.start(1, "ten_1", None)
        await _until(lambda: changes.inside == 1)
        with pytest.raises(Overloaded) as refused:
            async with changes.turns.of(tenant_id="ten_1", user_id="usr_1"):
                pass
        assert refused.value.retry_after_s == 2
        changes.over.set()
        await asyncio.gather(*first)
        async with changes.turns.of(tenant_id="ten_1", user_id="usr_1"):
            pass
        assert changes.turns._lines == {}

    async def test_is_given_back_by_who_leaves(self) -> None:
        changes = _Changes(Turns(2))
        first, second = changes.start(2, "ten_1", "usr_1")
        await _until(lambda: changes.inside == 1)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        async with changes.turns.of(tenant_id="ten_1", user_id="usr_1"):
            pass
        assert changes.turns._lines == {}
