"""A batch whose connections are not open yet, with a key service that is slow or away: pure, no engine."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.libs.common.worker.rig import ScriptedConnection, ScriptedProvider, until
from tests.libs.common.worker.test_late_and_away import COMMAND, HANDLER, an_operation

from onerouter_common.errors import CredentialsUnreadable, Overloaded
from onerouter_common.routing.route import Candidate, Route
from onerouter_common.worker.handler import CategoryRules, ConnectionUnusable, Operation
from onerouter_common.worker.opening import AT_ONCE, Openings
from onerouter_common.worker.routing import Router
from onerouter_payments.payment.repository import PaymentStore


async def at_once(tenant_id: str, environment: str) -> None:
    """Opening takes no time."""


@dataclass
class Cold:
    """One connection a tenant, each opened when `opens` lets it."""

    opens: Callable[[str, str], Awaitable[None]] = at_once
    open: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        able = frozenset({"payment.create"})
        one = Candidate(f"con_{tenant_id}", "scripted", enabled=True, switched_off=False, capabilities=able)
        return Route((one,), None, False)

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
        return ScriptedConnection(self.provider, id=connection_id) if connection_id in self.open else None

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
        self.asked.append(connection_id)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await self.opens(tenant_id, environment)
        finally:
            self.running -= 1
        return ScriptedConnection(self.provider, id=connection_id)


async def route(connections: Cold, ops: list[Operation]) -> list[str | None]:
    """Where each goes, in the order they were given; None: it waits, or is refused with the error's code."""
    rules: CategoryRules[Any] = CategoryRules("payments", "payments", PaymentStore(), {})
    nothing: Any = None  # fresh operations need no database
    async with asyncio.timeout(60):
        found = await Router(nothing, rules, connections).routes([(op, HANDLER, COMMAND) for op in ops])
    assert list(found) == [op.id for op in ops]
    said: list[str | None] = []
    for routed in found.values():
        if routed is None:
            said.append(None)
        elif routed.connection is not None:
            said.append(routed.connection.id)
        else:
            said.append(None if routed.refusal is None else routed.refusal.error_code)
    return said


def tenants(count: int) -> list[Operation]:
    return [an_operation(f"ten_{number}") for number in range(count)]


def expected(ops: list[Operation]) -> list[str | None]:
    return [f"con_{op.tenant_id}" for op in ops]


class TestOpening:
    async def test_goes_on_side_by_side(self) -> None:
        all_here = asyncio.Barrier(30)

        async def together(*_: str) -> None:
            await all_here.wait()  # one after the other, the first would wait for ever

        ops = tenants(30)
        assert await route(Cold(together), ops) == expected(ops)

    async def test_is_bounded(self) -> None:
        async def slowly(*_: str) -> None:
            for _turn in range(3):
                await asyncio.sleep(0)

        ops = tenants(AT_ONCE * 3)
        connections = Cold(slowly)
        assert await route(connections, ops) == expected(ops)
        assert connections.most_at_once == AT_ONCE

    async def test_is_done_once_for_all_who_need_it(self) -> None:
        ops = [an_operation("ten_1") for _ in range(50)]
        connections = Cold()
        assert await route(connections, ops) == expected(ops)
        assert connections.asked == ["con_ten_1"]

    async def test_leaves_the_order_as_it_was(self) -> None:
        ops = tenants(6)
        connections = Cold(open={"con_ten_1", "con_ten_4"})
        assert await route(connections, ops) == expected(ops)
        assert connections.asked == ["con_ten_0", "con_ten_2", "con_ten_3", "con_ten_5"]

    async def test_ends_with_who_waits_for_it(self) -> None:
        async def never(*_: str) -> None:
            await asyncio.Event().wait()

        connections = Cold(never)
        routing = asyncio.create_task(route(connections, tenants(3)))
        await until(lambda: connections.running == 3, timeout_s=5)
        routing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await routing
        assert connections.running == 0


class TestAKeyServiceThatIsAway:
    async def test_costs_a_batch_one_time_out(self) -> None:
        async def hangs(*_: str) -> None:
            await asyncio.sleep(0.05)
            raise Overloaded("The key service cannot be asked right now.")

        ops = tenants(256)
        connections = Cold(hangs)
        assert await route(connections, ops) == [None] * 256
        assert len(connections.asked) == AT_ONCE

    async def test_keeps_nothing_from_the_other_environment(self) -> None:
        async def live_hangs(_: str, environment: str) -> None:
            await asyncio.sleep(0.01)
            if environment == "live":
                raise Overloaded("The key service cannot be asked right now.")

        live = [replace(op, environment="live") for op in tenants(AT_ONCE * 2)]
        test = [an_operation(f"ten_t{number}") for number in range(AT_ONCE)]
        assert await route(Cold(live_hangs), live + test) == [None] * len(live) + expected(test)

    async def test_leaves_those_that_are_open_already_alone(self) -> None:
        async def hangs(*_: str) -> None:
            raise Overloaded("The key service cannot be asked right now.")

        ops = tenants(40)
        assert (await route(Cold(hangs, open={"con_ten_39"}), ops))[-1] == "con_ten_39"

    @pytest.mark.parametrize(
        ("error", "said"),
        [(ConnectionUnusable("not here"), None), (CredentialsUnreadable.of("con_ten_0"), "CREDENTIALS_UNREADABLE")],
    )
    async def test_is_not_what_one_that_cannot_be_opened_means(self, error: Exception, said: str | None) -> None:
        async def first_is_broken(tenant_id: str, _: str) -> None:
            if tenant_id == "ten_0":
                raise error

        ops = tenants(AT_ONCE * 2)
        assert await route(Cold(first_is_broken), ops) == [said, *expected(ops)[1:]]


async def test_what_could_only_be_begun_too_late_waits() -> None:
    connections = Cold()
    with pytest.raises(Overloaded):
        await Openings(connections, begun_within_s=0).get(an_operation(), "con_ten_1")
    assert connections.asked == []


async def test_where_all_is_open_there_is_no_task_for_an_operation() -> None:
    made, mine = 0, asyncio.current_task()

    def counting(loop: asyncio.AbstractEventLoop, coroutine: Any, **how: Any) -> Any:
        nonlocal made
        made += asyncio.current_task() is mine  # the loop is shared with whatever else the suite keeps running
        return asyncio.Task(coroutine, loop=loop, **how)

    loop, ops = asyncio.get_running_loop(), [an_operation("ten_1") for _ in range(256)]
    connections = Cold(open={"con_ten_1"})
    loop.set_task_factory(counting)
    try:
        assert await route(connections, ops) == expected(ops)
    finally:
        loop.set_task_factory(None)
    assert connections.asked == []
    assert made == 1  # the tenant's route
