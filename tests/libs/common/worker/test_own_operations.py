"""Operations that no provider carries out, those that follow from others, and what callbacks bring into being."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.libs.common.worker.letters import (
    Batch,
    Canceling,
    Letter,
    LetterCallbacks,
    LetterRig,
    Letters,
    Scheduling,
    Sending,
    command,
    new_answer_id,
    open_letters,
    told,
)
from tests.libs.common.worker.rig import Rig, kill, until

from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.errors import Conflict
from onerouter_common.ids import COMMAND, new_id
from onerouter_common.worker import following
from onerouter_common.worker.callback_inbox import CallbackInbox
from onerouter_common.worker.outbox import OURSELVES
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.rule import Pace


@pytest.fixture
async def letters(rig: Rig) -> AsyncIterator[LetterRig]:
    async with open_letters(rig) as letters:
        yield letters


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


class TestLocal:
    async def test_needs_no_registry_and_no_connection_and_answers_a_repeat_alike(
        self, letters: LetterRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: Any) -> Any:
            raise RuntimeError("nobody may be asked")

        monkeypatch.setattr(letters.connections, "route", away)
        schedule = command("letter.schedule", Scheduling(send_at=later(3_600)))
        async with letters.worker():
            reply = await letters.ask(schedule)
            repeat = await letters.ask(schedule.model_copy(update={"command_id": new_id(COMMAND)}))
            row = await letters.operation(schedule.operation_id)
        assert (reply.state, reply.status, reply.result) == ("succeeded", 201, {"id": schedule.resource_id})
        assert (repeat.status, repeat.result) == (reply.status, reply.result)
        assert (row["connection_id"], row["attempts"], row["routing"]) == (None, 0, None)
        [send] = await letters.sends()
        assert (send["state"], send["due_at"], send["api_key_id"]) == ("scheduled", send["not_before"], "key_1")
        assert (send["resource_id"], send["category"], send["priority"]) == (schedule.resource_id, "sms", 1)

    async def test_without_an_end_it_fails_and_says_that_nothing_was_sent(self, letters: LetterRig) -> None:
        async with letters.worker():
            reply = await letters.ask(command("letter.broken", Canceling()))
        assert (reply.state, reply.status) == ("failed", 500)
        assert reply.problem is not None
        assert reply.problem.effect == "none"


class TestConcluded:
    async def test_outweighs_a_route_that_refuses_and_one_that_cannot_be_told(self, letters: LetterRig) -> None:
        schedule, sent = command("letter.schedule", Scheduling(send_at=later(3_600))), command("letter.send", Sending())
        async with letters.worker():
            await letters.ask(schedule)
            await letters.ask(sent)
            canceled = await letters.ask(command("letter.cancel", Canceling(), to=schedule.resource_id))
            lacking = await letters.ask(command("letter.cancel", Canceling(), to=sent.resource_id))
            nobody = await letters.ask(command("letter.cancel", Canceling()))
        assert (canceled.state, (await letters.letter(schedule.resource_id))["status"]) == ("succeeded", "canceled")
        assert (lacking.problem and lacking.problem.code, nobody.status) == ("CAPABILITY_UNSUPPORTED", 404)

    async def test_what_was_canceled_is_refused_when_its_time_comes(self, letters: LetterRig) -> None:
        schedule = command("letter.schedule", Scheduling(send_at=later(3_600)))
        async with letters.worker():
            await letters.ask(schedule)
            await letters.ask(command("letter.cancel", Canceling(), to=schedule.resource_id))
            await letters.pool.execute("UPDATE operations SET due_at = now() WHERE state = 'scheduled'")
            [send] = await letters.sends()
            row = await letters.until_state(send["id"], "failed")
        assert (row["problem"]["code"], row["attempts"], letters.posts[0].calls) == ("LETTER_CANCELED", 0, [])

    async def test_a_cancel_at_the_very_time_of_the_send_wins_or_loses_but_never_both(self, letters: LetterRig) -> None:
        schedules = [command("letter.schedule", Scheduling(send_at=later(1.0))) for _ in range(24)]
        async with letters.worker():
            for schedule in schedules:
                await letters.send(schedule)
            for schedule in schedules:
                await letters.until_state(schedule.operation_id, "succeeded")
            await letters.pool.execute("UPDATE operations SET due_at = now() + random() * interval '0.3 s'"
                                       " WHERE state = 'scheduled'")  # fmt: skip
            cancels = {one.resource_id: command("letter.cancel", Canceling(), to=one.resource_id) for one in schedules}
            for number, cancel in enumerate(cancels.values()):
                await letters.send(cancel)
                if number % 4 == 0:
                    await asyncio.sleep(0.03)
            for letter_id, cancel in cancels.items():
                row = await letters.until_state(cancel.operation_id, "succeeded", "failed")
                [send] = [one for one in await letters.sends() if one["resource_id"] == letter_id]
                sent = await letters.until_state(send["id"], "succeeded", "failed")
                calls = letters.posts[0].calls.count(letter_id)
                status = (await letters.letter(letter_id))["status"]
                assert (row["state"], sent["state"], calls, status) in [
                    ("succeeded", "failed", 0, "canceled"),
                    ("failed", "succeeded", 1, "sent"),
                ]

    @pytest.mark.parametrize("is_cancel_first", [True, False])
    async def test_a_cancel_and_the_send_that_are_due_in_one_page_are_not_both_begun(
        self, letters: LetterRig, is_cancel_first: bool
    ) -> None:
        """Bulk that has waited for its turn, as a batch that is canceled has: the cancel goes, whoever came first."""
        worker = letters.make_worker()
        schedule = command("letter.schedule", Scheduling(send_at=later(3_600)))
        send = command("letter.send", Sending(), to=schedule.resource_id, priority=1)
        cancel = command("letter.cancel", Canceling(), to=schedule.resource_id)
        async with letters.pool.acquire() as connection, connection.transaction():
            await Letters().save(connection, [Letter(schedule.resource_id, "ten_1", "test", "scheduled")])
            both = [(cancel, None), (send, None)] if is_cancel_first else [(send, None), (cancel, None)]
            await following.store(connection, both, now=datetime.now(UTC))
        await letters.pool.execute(
            "UPDATE operations SET state = 'scheduled', turn_at = now() WHERE operation = 'letter.send'"
        )
        await worker._lease.renew()
        started = await worker._claims.claim()
        assert [one.op.operation for one in started] == ["letter.cancel"]
        await worker._settle([worker._execution.uncalled(one) for one in started])
        await letters.pool.execute("UPDATE operations SET due_at = now() WHERE state = 'scheduled'")
        [refused] = await worker._claims.claim()
        assert (refused.op.operation, refused.attempt) == ("letter.send", None)
        assert isinstance(refused.refusal, Conflict)

    async def test_two_processes_at_one_time_do_not_begin_both(self, letters: LetterRig) -> None:
        workers = [letters.make_worker() for _ in range(3)]
        ids = [new_id("let") for _ in range(30)]
        async with letters.pool.acquire() as connection, connection.transaction():
            await Letters().save(connection, [Letter(one, "ten_1", "test", "scheduled") for one in ids])
            sends = [command("letter.send", Sending(), to=one, priority=1) for one in ids]
            cancels = [command("letter.cancel", Canceling(), to=one) for one in ids]
            await following.store(connection, [(one, None) for one in [*sends, *cancels]], now=datetime.now(UTC))
        await letters.pool.execute("UPDATE operations SET state = 'scheduled' WHERE operation = 'letter.send'")
        for worker in workers:
            await worker._lease.renew()
        begun = [one for page in await asyncio.gather(*(each._claims.claim() for each in workers)) for one in page]
        assert len(begun) == len({one.op.ordering_key for one in begun}) > 0


class TestOperationsThatFollow:
    async def test_a_batch_and_all_its_letters_are_one_commit_and_each_goes_once(self, letters: LetterRig) -> None:
        ids = [new_id("let") for _ in range(1_100)]
        batch = command("letter_batch.create", Batch(letters=tuple(ids)), category="email")
        async with letters.worker():
            reply = await letters.ask(batch)
            sends = await letters.sends()  # with the answer all of them are there
            await until(lambda: len(letters.posts[0].taken) == len(ids), 60)
            await letters.ask(batch.model_copy(update={"command_id": new_id(COMMAND)}))
        assert (reply.status, len(sends)) == (202, len(ids))
        assert {(one["api_key_id"], one["category"]) for one in sends} == {(OURSELVES, "email")}
        assert [one["resource_id"] for one in sends] == ids
        assert len(await letters.sends()) == len(ids)
        assert sorted(letters.posts[0].calls) == sorted(ids)

    @pytest.mark.parametrize("committed", [False, True])
    async def test_a_crash_at_the_commit_leaves_all_of_them_or_none(
        self, letters: LetterRig, committed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [new_id("let") for _ in range(40)]
        batch = command("letter_batch.create", Batch(letters=tuple(ids)))
        first = letters.make_worker()
        commit, reached = first._settlement._commit, asyncio.Event()

        async def dies(results: Any) -> Any:
            if committed:
                await commit(results)
            reached.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(first._settlement, "_commit", dies)
        await first.start()
        await until(lambda: first.is_ready)
        await letters.send(batch)
        await reached.wait()
        await kill(first)
        assert len(await letters.sends()) == (len(ids) if committed else 0)
        async with letters.worker():
            row = await letters.until_state(batch.operation_id, "succeeded")
            await until(lambda: len(letters.posts[0].taken) == len(ids))
            await letters.ask(batch.model_copy(update={"command_id": new_id(COMMAND)}))
        assert row["generation"] == (1 if committed else 2)
        assert (len(await letters.sends()), sorted(letters.posts[0].calls)) == (len(ids), sorted(ids))


class TestCallbacksThatMake:
    @staticmethod
    def inbox(letters: LetterRig, due: list[float] | None = None) -> CallbackInbox:
        worker = letters.make_worker()
        heard = [] if due is None else due
        return CallbackInbox(
            letters.pool,
            worker._rules,
            LetterCallbacks(),
            letters.producer,
            worker.publisher,
            SystemClock(),
            own_due=heard.append,
        )

    async def test_twins_in_two_processes_make_one(self, letters: LetterRig) -> None:
        due: list[float] = []
        batches = [
            [told("cb_1", "in_1"), told("cb_2", "in_1"), told("cb_3", "in_2")],
            [told("cb_4", "in_2"), told("cb_5", "in_1"), told("cb_6", "in_3", tenant="ten_2")],
        ]
        records: list[list[Any]] = [[SimpleNamespace(value=one.to_bytes()) for one in batch] for batch in batches]
        await asyncio.gather(*(self.inbox(letters, due).handle(each) for each in records * 3))
        rows = await letters.pool.fetch("SELECT * FROM letters ORDER BY tenant_id")
        assert [(row["tenant_id"], row["status"], row["version"]) for row in rows] == [
            ("ten_1", "arrived", 1),
            ("ten_1", "arrived", 1),
            ("ten_2", "arrived", 1),
        ]
        events = await letters.pool.fetch("SELECT ordering_key FROM history WHERE kind = 'event'")
        assert sorted(row["ordering_key"] for row in events) == sorted(row["id"] for row in rows)
        sends = await letters.sends()
        assert {row["resource_id"] for row in sends} == {new_answer_id(row["id"]) for row in rows}
        assert (len(sends), {row["api_key_id"] for row in sends}, set(due)) == (3, {OURSELVES}, {0.0})

    async def test_what_follows_is_done_at_once_and_what_makes_nothing_waits(self, letters: LetterRig) -> None:
        async with letters.worker():
            for one in (told("cb_1", "in_1"), told("cb_2", "out_1", status="delivered")):
                await letters.producer.publish(topics.callbacks("sms"), one.to_bytes(), key="let")
            await until(lambda: len(letters.posts[0].taken) == 1)
            async with asyncio.timeout(60):
                while not await letters.pool.fetchval("SELECT count(*) FROM pending_callbacks"):
                    await asyncio.sleep(0.02)
        assert await letters.pool.fetchval("SELECT callback_id FROM pending_callbacks") == "cb_2"


async def test_one_worker_reads_every_category_and_parks_with_each_what_it_cannot_read(
    letters: LetterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked: list[tuple[str, bytes]] = []
    publish = letters.producer.publish

    async def watched(topic: str, value: bytes, **more: Any) -> Any:
        if "dead" in topic:
            parked.append((topic, value))
        return await publish(topic, value, **more)

    monkeypatch.setattr(letters.producer, "publish", watched)
    async with letters.worker():
        replies = [await letters.ask(command("letter.send", Sending(), category=one)) for one in ("sms", "email")]
        await publish(topics.commands("email"), b"no command", key="x")
        await publish(topics.callbacks("sms"), b"no callback", key="x")
        await until(lambda: len(parked) == 2)
    assert [reply.state for reply in replies] == ["succeeded", "succeeded"]
    assert sorted(parked) == [("callbacks.sms.dead.v1", b"no callback"), ("commands.email.dead.v1", b"no command")]


class TestPace:
    async def test_is_not_used_up_by_what_no_provider_is_asked_about(self, letters: LetterRig) -> None:
        """A batch of hundreds is canceled; then somebody waits for a code."""
        for connected in letters.connections.connections:
            connected.pace = Pace.at_most(1)
        ids = [new_id("let") for _ in range(300)]
        async with letters.pool.acquire() as connection, connection.transaction():
            await Letters().save(connection, [Letter(one, "ten_1", "test", "scheduled") for one in ids])
            cancels = [command("letter.cancel", Canceling(), to=one) for one in ids[:200]]
            await following.store(connection, [(one, None) for one in cancels], now=datetime.now(UTC))
        async with letters.worker(pacer=Pacer(None, category="letters")):
            for one in ids[200:]:  # through the log, too
                await letters.send(command("letter.cancel", Canceling(), to=one))
            async with asyncio.timeout(40):
                while await letters.pool.fetchval("SELECT count(*) FROM letters WHERE status = 'canceled'") < len(ids):
                    await asyncio.sleep(0.02)
            code = await letters.ask(command("letter.send", Sending(providers=("scripted",))), timeout_s=15)
        assert code.state == "succeeded"
        rows = await letters.pool.fetch("SELECT routing, attempts FROM operations WHERE operation = 'letter.cancel'")
        assert {(row["routing"], row["attempts"]) for row in rows} == {(None, 0)}
