"""Whatever process dies, whenever: the operation still ends, and its effect happens once."""

import asyncio

import pytest
from tests.libs.common.worker.rig import Rig, create_payment, create_refund, kill, until

from onerouter_common.worker.outbox import Relay
from onerouter_local.testing import Cluster


async def test_a_crash_during_the_call_is_cleared_up_by_another_worker(rig: Rig) -> None:
    rig.connections.connections[0].timeout_s = 0.5
    rig.provider.gate = asyncio.Event()
    first = rig.make_worker()
    await first.start()
    await until(lambda: first.is_ready)
    command = create_payment()
    await rig.send(command)
    await until(lambda: bool(rig.provider.calls))
    await kill(first)
    rig.provider.gate = None
    async with rig.worker():
        row = await rig.until_state(command.operation_id, "succeeded")
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}
    assert row["generation"] >= 2


async def test_a_crash_before_the_call_is_cleared_up_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.connections.connections[0].timeout_s = 0.0
    first = rig.make_worker()
    monkeypatch.setattr(first, "_execute", lambda started: None)  # stored and marked, and then the process is gone
    await first.start()
    await until(lambda: first.is_ready)
    command = create_payment()
    await rig.send(command)
    await rig.until_state(command.operation_id, "executing")
    await kill(first)
    async with rig.worker():
        await rig.until_state(command.operation_id, "succeeded")
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}


async def test_a_result_of_a_worker_that_was_taken_over_is_not_applied(rig: Rig) -> None:
    rig.provider.gate = asyncio.Event()
    async with rig.worker():
        payment = create_payment()
        await rig.send(payment)
        await until(lambda: bool(rig.provider.calls))
        await rig.pool.execute("UPDATE operations SET generation = generation + 1, owner = 'wrk_other'")
        rig.provider.gate.set()
        await until(lambda: not rig.provider.running[payment.resource_id])
        other = create_payment()
        assert (await rig.ask(other)).state == "succeeded"
        row = await rig.operation(payment.operation_id)
    assert (row["state"], row["owner"]) == ("executing", "wrk_other")


async def test_a_stopping_worker_finishes_what_it_began(rig: Rig) -> None:
    rig.provider.gate = asyncio.Event()
    worker = rig.make_worker()
    await worker.start()
    await until(lambda: worker.is_ready)
    commands = [create_payment() for _ in range(5)]
    for command in commands:
        await rig.send(command)
    await until(lambda: len(rig.provider.calls) == 5)
    stopping = asyncio.create_task(worker.stop())
    rig.provider.gate.set()
    await stopping
    states = await rig.pool.fetch("SELECT DISTINCT state FROM operations")
    assert [row["state"] for row in states] == ["succeeded"]
    assert await rig.pool.fetchval("SELECT count(*) FROM workers") == 0


async def test_a_database_that_goes_away_loses_nothing(rig: Rig, postgres: Cluster) -> None:
    if postgres.engine is None:
        pytest.skip("the cluster is not ours to restart")
    async with rig.worker():
        payment = create_payment(amount_minor=100_000)
        await rig.ask(payment)
        rig.provider.gate = asyncio.Event()
        refund = create_refund(payment, 500)
        await rig.send(refund)
        await until(lambda: len(rig.provider.calls) == 2)
        await postgres.engine.restart()
        rig.provider.gate.set()
        later = create_payment()
        await rig.send(later)
        await rig_until(rig, refund.operation_id, later.operation_id)
    assert set(rig.provider.effects.values()) == {1}
    assert len(rig.provider.effects) == 3


async def test_the_relay_publishes_what_a_crash_left_behind(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = rig.make_worker()
    monkeypatch.setattr(worker.publisher, "put", lambda records, ids: None)  # it dies between commit and publish
    await worker.start()
    await until(lambda: worker.is_ready)
    command = create_payment()
    assert (await rig.ask(command)).state == "succeeded"
    await worker.stop()
    assert await rig.pool.fetchval("SELECT count(*) FROM outbox") > 0
    relay = Relay(rig.pool, rig.producer, service="payments", sweep_after_s=0)
    while await relay.sweep():
        continue
    types = set()
    async with asyncio.timeout(10):
        while "payment.succeeded" not in types:
            event = await rig.events.get()
            if event.resource.id == command.resource_id:
                types.add(event.type)
    assert await rig.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def rig_until(rig: Rig, *operation_ids: str) -> None:
    """Like `until_state`, while the database may be refusing connections."""
    import asyncpg

    async with asyncio.timeout(30):
        for operation_id in operation_ids:
            while True:
                try:
                    await rig.until_state(operation_id, "succeeded")
                    break
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await asyncio.sleep(0.1)
