"""What somebody waits for goes before bulk, each tenant gets its share, and no connection is used faster than it may be."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.libs.common.worker.rig import FAST, Rig, ScriptedProvider, create_payment, until

from onerouter_common.contracts.commands import Command
from onerouter_common.errors import ProviderOutcomeUnknown
from onerouter_common.ids import CONNECTION, new_id
from onerouter_common.worker import due, following
from onerouter_common.worker.due import Claimed
from onerouter_common.worker.duty import Duty
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.redis_shared import RedisBuckets
from onerouter_common.worker.pace.rule import Pace
from onerouter_common.worker.runtime import WorkerOptions
from onerouter_common.worker.slots import Bounds


async def stored(rig: Rig, count: int, *, tenant: str = "ten_1", **changes: Any) -> list[Command]:
    """So many operations, due at once unless they say when."""
    commands = [create_payment(tenant=tenant, **changes) for _ in range(count)]
    async with rig.pool.acquire() as connection, connection.transaction():
        await following.store(connection, [(one, None) for one in commands], now=datetime.now(UTC))
    return commands


async def taken(rig: Rig, bounds: Bounds | None = None) -> list[Claimed]:
    """What one look of a worker takes."""
    worker = rig.make_worker(WorkerOptions(bounds=bounds or Bounds()))
    await worker._lease.renew()
    return await worker._claims.due.take()


class TestClaims:
    async def test_take_what_somebody_waits_for_first_and_each_tenants_share(self, rig: Rig) -> None:
        await stored(rig, 300, tenant="ten_loud", priority=1)
        await stored(rig, 10, tenant="ten_other", priority=1)
        codes = [*await stored(rig, 3, tenant="ten_quiet"), *await stored(rig, 2, tenant="ten_loud")]
        found = await taken(rig, Bounds(worker=40))
        assert {one.op.id for one in found[:5]} == {one.operation_id for one in codes}
        assert [one.op.priority for one in found] == [0] * 5 + [1] * 30  # a quarter is kept free of bulk
        assert Counter(one.op.tenant_id for one in found[5:]) == {"ten_other": 10, "ten_loud": 20}

    async def test_look_for_no_bulk_while_it_has_no_room(self, rig: Rig) -> None:
        await stored(rig, 20, priority=1)
        worker = rig.make_worker(WorkerOptions(bounds=Bounds(worker=4)))
        await worker._lease.renew()
        for _ in range(3):
            assert worker._slots.take("ten_1", None, 0, 1)
        assert await worker._claims.due.take() == []
        code = await stored(rig, 1)
        assert [one.op.id for one in await worker._claims.due.take()] == [code[0].operation_id]

    async def test_take_their_own_part_where_processes_share_the_work(self, rig: Rig) -> None:
        """And together they take all of it, each as soon as it is due."""
        bulk, codes = await stored(rig, 3, priority=1), await stored(rig, 2)
        background = rig.make_worker(WorkerOptions(duty=Duty.BACKGROUND, bounds=Bounds(worker=3)))
        urgent = rig.make_worker(WorkerOptions(duty=Duty.URGENT))
        for worker, wanted in ((background, bulk), (urgent, codes)):
            await worker._lease.renew()
            assert {one.op.id for one in await worker._claims.due.take()} == {one.operation_id for one in wanted}
            assert not worker._claims.due.wants_room

    async def test_pass_by_nothing_that_is_due_later(self, rig: Rig) -> None:
        """However much is scheduled, with whatever priority: one range of the index for each."""
        later = datetime.now(UTC) + timedelta(days=20)
        await stored(rig, 1, not_before=later)
        await rig.pool.execute("""
            INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload,
                fingerprint, made_by, api_key_id, accepted_at, created_at, not_before, state, due_at, priority)
            SELECT id || n, tenant_id, environment, category, operation, resource_id || n, ordering_key || n, payload,
                fingerprint, made_by, api_key_id, accepted_at, created_at, not_before, state,
                CASE WHEN n % 20 < 2 THEN now() ELSE not_before END, n % 2
            FROM operations, generate_series(1, 20000) AS n
        """)
        await rig.pool.execute("ANALYZE operations")
        async with rig.pool.acquire() as connection, connection.transaction():
            # Which of two ways along an index looks cheaper depends on what autovacuum has come to by now.
            await connection.execute("SET LOCAL enable_bitmapscan = off")
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {due._DUE}", 64, [], 256, True, [], True)
        [plan] = rows[0][0] if isinstance(rows[0][0], list) else json.loads(rows[0][0])
        scans = [node for node in _nodes(plan["Plan"]) if node.get("Relation Name", "").startswith("operations_2")]
        assert scans
        for node in scans:
            assert node["Node Type"] in ("Index Scan", "Index Only Scan"), node
            assert node["Actual Rows"] * node["Actual Loops"] <= 130
            assert node.get("Rows Removed by Filter", 0) == 0
            assert node.get("Rows Removed by Index Recheck", 0) == 0


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", []) for node in _nodes(inner))]


async def test_bulk_leaves_room_for_what_somebody_waits_for(rig: Rig) -> None:
    rig.provider.gate = asyncio.Event()
    options = WorkerOptions(
        bounds=Bounds(worker=8, tenant=8), lease_ttl_s=FAST.lease_ttl_s, drain_timeout_s=FAST.drain_timeout_s
    )
    async with rig.worker(options):
        await stored(rig, 20, priority=1)
        await until(lambda: len(rig.provider.calls) == 6)
        code = create_payment()
        await rig.send(code)
        await until(lambda: f"create:{code.resource_id}" in rig.provider.calls)
        assert len(rig.provider.calls) == 7
        rig.provider.gate.set()
        await until(lambda: len(rig.provider.calls) == 21)


class TimedProvider(ScriptedProvider):
    async def _call(self, ordered_by: str, effect: str) -> None:
        times.append(asyncio.get_running_loop().time())
        await super()._call(ordered_by, effect)


times: list[float] = []


async def test_a_thousand_that_wait_come_back_once_each_and_hold_up_no_code(rig: Rig, redis_url: str) -> None:
    """Two workers, one bucket: as fast as it may be, never faster, and nobody asks over and over."""
    times.clear()
    connection = rig.connections.connections[0]
    connection.client = TimedProvider()
    connection.id, connection.pace = new_id(CONNECTION), Pace.at_most(60)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            shared = await stack.enter_async_context(RedisBuckets(redis_url, timeout_s=2))
            await stack.enter_async_context(rig.worker(pacer=Pacer(shared, category="payments")))
        bulk = await stored(rig, 1_000, priority=1)
        await until(lambda: len(times) > 60)
        for _ in range(5):
            await rig.ask(create_payment())
        called = len(times)
        states = Counter(row["state"] for row in await rig.pool.fetch("SELECT state FROM operations"))
        await until(lambda: len(times) > 150)
    assert called < 1_000, "the codes did not wait for the others"
    assert states["scheduled"] > (1_000 - called) / 2  # so that a cancellation is not held up by them
    elapsed_s = times[-1] - times[0]
    # A busy machine makes calls some time after they were let.
    assert len(times) <= connection.pace.per_s * (elapsed_s + 1) + connection.pace.burst
    assert len(times) >= 0.1 * connection.pace.per_s * elapsed_s  # on the slowest machine
    rows = await rig.pool.fetch("SELECT id, generation, turn_at FROM operations WHERE priority = 1")
    assert len(rows) == len(bulk)
    # To be told their turn, and once more when it comes. Looked at each second they would be claimed thousands of times.
    assert sum(row["generation"] for row in rows) <= 2_500


async def test_who_only_asks_takes_no_token(rig: Rig) -> None:
    rig.connections.connections[0].pace = Pace(0.001, 1.0)
    rig.provider.after = [ProviderOutcomeUnknown("No answer.", provider="scripted", reason="timeout")]
    async with rig.worker(pacer=Pacer(None, category="payments")):
        one, other = create_payment(), create_payment()
        await rig.send(one)
        await rig.until_state(one.operation_id, "succeeded")
        assert rig.provider.lookups
        await rig.send(other)
        row = await rig.until_state(other.operation_id, "accepted")
        assert row["turn_at"] is None  # a quarter of an hour is not enough: it asks again
        assert row["due_at"] > datetime.now(UTC) + timedelta(minutes=5)
    assert len(rig.provider.calls) == 1


async def test_a_command_of_before_is_read_as_one_that_somebody_waits_for(rig: Rig) -> None:
    command = create_payment()
    old = {name: value for name, value in command.model_dump(mode="json").items() if name != "priority"}
    assert Command.model_validate_json(json.dumps(old)).priority == 0
    async with rig.worker():
        urgent, bulk = create_payment(), create_payment(priority=1)
        for one in (urgent, bulk):
            await rig.ask(one)
    found = {row["id"]: row["priority"] for row in await rig.pool.fetch("SELECT id, priority FROM operations")}
    assert found == {urgent.operation_id: 0, bulk.operation_id: 1}


async def test_processes_that_share_the_work_do_all_of_it(rig: Rig) -> None:
    """Commands come in at one, what is bulk among them goes at the other."""
    async with (
        rig.worker(replace(FAST, duty=Duty.URGENT)),
        rig.worker(replace(FAST, duty=Duty.BACKGROUND)),
    ):
        commands = [create_payment(priority=number % 2) for number in range(10)]
        for command in commands:
            await rig.send(command)
        for command in commands:
            await rig.until_state(command.operation_id, "succeeded")
    assert set(rig.provider.effects.values()) == {1}
