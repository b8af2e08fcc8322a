"""Whatever process dies, whenever: the operation still ends, and its effect happens once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.libs.common.worker.rig import Rig, create_payment, create_refund, kill, until

from onerouter_common.errors import ProviderUnavailable
from onerouter_common.worker import outbox
from onerouter_common.worker.execution import Finished
from onerouter_common.worker.inbox import Inbox
from onerouter_common.worker.outbox import OutboxRecord, Relay
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
    monkeypatch.setattr(
        first, "_execute", lambda started, term: None
    )  # stored and marked, and then the process is gone
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
        await rig.pool.execute("INSERT INTO workers (id, host, expires_at) VALUES ('wrk_other', 'x', 'infinity')")
        await rig.pool.execute("UPDATE operations SET generation = generation + 1, owner = 'wrk_other'")
        rig.provider.gate.set()
        await until(lambda: not rig.provider.running[payment.resource_id])
        other = create_payment()
        assert (await rig.ask(other)).state == "succeeded"
        row = await rig.operation(payment.operation_id)
    assert (row["state"], row["owner"]) == ("executing", "wrk_other")


async def test_what_was_not_begun_in_time_is_due_again_at_once(rig: Rig) -> None:
    async with rig.worker() as worker:
        store = worker._inbox.store

        async def held_up(*args: Any, **options: Any) -> Any:
            stored = await store(*args, **options)
            worker._lease._valid_until = 0.0
            return stored

        worker._inbox.store = held_up  # type: ignore[method-assign]
        command = create_payment()
        assert (await rig.ask(command)).state == "succeeded"
    assert [a["outcome"] for a in await rig.attempts(command.operation_id)] == ["not_begun", "succeeded"]
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}


async def test_nothing_is_begun_that_others_may_have_taken_over_before_the_lease_was_renewed(rig: Rig) -> None:
    async with rig.worker() as worker:
        store = worker._inbox.store

        async def held_up(*args: Any, **options: Any) -> Any:
            stored = await store(*args, **options)
            await rig.pool.execute("DELETE FROM workers")
            await rig.pool.execute("INSERT INTO workers (id, host, expires_at) VALUES ('wrk_other', 'x', 'infinity')")
            await rig.pool.execute("UPDATE operations SET generation = generation + 1, owner = 'wrk_other'")
            await worker._lease.renew()
            return stored

        worker._inbox.store = held_up  # type: ignore[method-assign]
        command = create_payment()
        await rig.send(command)
        await rig.until_state(command.operation_id, "executing")
        await asyncio.sleep(0.3)
        assert worker._lease.is_valid
    assert rig.provider.calls == []


async def test_a_commit_of_commands_without_an_answer_delays_nothing(rig: Rig) -> None:
    async with rig.worker() as worker:
        lose_next_answer(worker._inbox)
        command = create_payment()
        assert (await rig.ask(command)).state == "succeeded"
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}


async def test_a_database_that_goes_away_between_claim_and_call_delays_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.provider.before = [ProviderUnavailable("later", provider="scripted")]
    async with rig.worker() as worker:
        routes, failures = worker._claims._router.routes, [asyncpg.ConnectionDoesNotExistError("gone")]

        async def broken(*args: Any, in_doubt: Any = (), **options: Any) -> Any:
            if args[0][0][0].attempts and failures:
                raise failures.pop()
            return await routes(*args, in_doubt=in_doubt, **options)

        monkeypatch.setattr(worker._claims._router, "routes", broken)
        command = create_payment()
        assert (await rig.ask(command)).state == "succeeded"
    assert not failures


async def test_what_another_process_marked_with_the_same_generation_is_not_begun(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a database does that forgets, in a crash, what one process marked, before another marks it."""
    rig.provider.before = [ProviderUnavailable("later", provider="scripted")]
    async with rig.worker() as worker:
        routes = worker._claims._router.routes
        taken_over: list[str] = []

        async def overtaken(*args: Any, in_doubt: Any = (), **options: Any) -> Any:
            if args[0][0][0].attempts and not taken_over:
                taken_over.append(args[0][0][0].id)
                await rig.pool.execute(
                    "UPDATE operations SET owner = 'wrk_other' WHERE id = ANY($1) AND state = 'executing'", taken_over
                )
            return await routes(*args, in_doubt=in_doubt, **options)

        monkeypatch.setattr(worker._claims._router, "routes", overtaken)
        command = create_payment()
        await rig.send(command)
        await until(lambda: bool(taken_over))
        # `wrk_other` is no living process: what it had is adopted, and begun as the next generation.
        assert (await rig.reply_to(command.operation_id)).state == "succeeded"
        row = await rig.until_state(command.operation_id, "succeeded")
    assert (row["generation"], row["attempts"]) == (3, 2)
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}


async def test_what_another_process_marked_with_the_same_generation_is_not_settled(rig: Rig) -> None:
    rig.provider.gate = asyncio.Event()
    async with rig.worker():
        command = create_payment()
        await rig.send(command)
        await until(lambda: bool(rig.provider.calls))
        await rig.pool.execute("UPDATE operations SET owner = 'wrk_other' WHERE id = $1", command.operation_id)
        rig.provider.gate.set()
        assert (await rig.reply_to(command.operation_id)).state == "succeeded"
        row = await rig.until_state(command.operation_id, "succeeded")
    assert row["generation"] > 1, "the first call's answer was not this process's to store any more"
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}


async def test_an_operation_that_cannot_be_begun_holds_up_no_other(rig: Rig) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1)
    async with rig.worker():
        bad, good = create_payment(not_before=at), create_payment(not_before=at)
        for command in (bad, good):
            await rig.send(command)
            await rig.until_state(command.operation_id, "scheduled")
        await rig.pool.execute("UPDATE operations SET payload = '{}' WHERE id = $1", bad.operation_id)
        assert (await rig.reply_to(good.operation_id)).state == "succeeded"
        row = await rig.until_state(bad.operation_id, "accepted")
    assert (row["owner"], row["finished_at"]) == (None, None)


async def test_results_of_an_old_and_a_new_claim_of_one_operation_may_come_together(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[Finished] = []
    worker = rig.make_worker()
    monkeypatch.setattr(worker._settlement, "add", results.append)
    await worker.start()
    await until(lambda: worker.is_ready)
    command = create_payment()
    await rig.send(command)
    await until(lambda: len(results) == 1)
    await rig.pool.execute("UPDATE operations SET due_at = now()")
    await until(lambda: len(results) == 2)
    committed = await worker._settlement.commit(results)
    await worker.stop()
    assert [c.finished.started.op.generation for c in committed.conclusions] == [2]


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


def lose_next_answer(inbox: Inbox) -> None:
    """The next commit arrives, its answer does not."""
    pool: Any = inbox._pool

    class Losing:
        def __getattr__(self, name: str) -> Any:
            return getattr(pool, name)

        @asynccontextmanager
        async def acquire(self) -> AsyncIterator[Any]:
            inbox._pool = pool
            async with pool.acquire() as connection:
                yield connection
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    inbox._pool = Losing()  # type: ignore[assignment]


async def rig_until(rig: Rig, *operation_ids: str) -> None:
    """Like `until_state`, while the database may be refusing connections."""
    async with asyncio.timeout(30):
        for operation_id in operation_ids:
            while True:
                try:
                    await rig.until_state(operation_id, "succeeded")
                    break
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await asyncio.sleep(0.1)


async def test_a_record_no_broker_takes_is_put_aside_and_holds_up_no_other(rig: Rig) -> None:
    records = [
        OutboxRecord("operations.v1", "ten_1", value, "ten_1", "test") for value in (b"x" * 3_000_000, b"{}", b"{}")
    ]
    async with rig.pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, records)
    relay = Relay(rig.pool, rig.producer, service="payments", sweep_after_s=0)
    assert await relay.sweep() == 3
    assert await relay.sweep() == 0
    rows = await rig.pool.fetch("SELECT length(value) AS size, isfinite(created_at) AS waiting FROM outbox")
    assert [(row["size"], row["waiting"]) for row in rows] == [(3_000_000, False)]
    assert rig.producer.is_ready
