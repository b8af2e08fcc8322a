"""Results the database does not take: they keep nobody else's from being stored, and end themselves."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.libs.common.worker.letters import Batch, LetterRig, Letters, Send, Sending, command, open_letters
from tests.libs.common.worker.rig import Rig

from onerouter_common.contracts.commands import Command
from onerouter_common.errors import ProviderDeclined
from onerouter_common.ids import new_id
from onerouter_common.json_text import strings_without_nul
from onerouter_common.worker import following, settlement
from onerouter_common.worker.execution import Finished
from onerouter_common.worker.handler import Operation, Settled
from onerouter_common.worker.runtime import Worker


@pytest.fixture
async def letters(rig: Rig) -> AsyncIterator[LetterRig]:
    async with open_letters(rig) as letters:
        yield letters


async def finished(letters: LetterRig, worker: Worker, commands: Sequence[Command]) -> list[Finished]:
    """They were carried out; nothing of that is stored."""
    async with letters.pool.acquire() as connection, connection.transaction():
        await following.store(connection, [(one, None) for one in commands], now=datetime.now(UTC))
    await worker._lease.renew()
    started = await worker._claims.claim()
    assert len(started) == len(commands)
    return [
        worker._execution.uncalled(one) if one.attempt is None else await worker._execution.run(one) for one in started
    ]


async def states(letters: LetterRig) -> dict[str, str]:
    rows = await letters.pool.fetch("SELECT id, state FROM operations")
    return {row["id"]: row["state"] for row in rows}


async def too_long(connection: Any) -> None:
    await connection.execute("SET LOCAL statement_timeout = 20")
    await connection.execute("SELECT pg_sleep(2)")


async def ended(connection: Any) -> None:
    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


class TestWhatTakesTooLong:
    @pytest.mark.parametrize("breaks", [too_long, ended])
    async def test_is_found_and_fails_and_all_others_are_stored(
        self, letters: LetterRig, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[Any], Any]
    ) -> None:
        save = Letters.save

        async def heavy(self: Letters, connection: Any, resources: Any) -> None:
            if any(one.status == "batch" for one in resources):
                await breaks(connection)
            await save(self, connection, resources)

        sends = [command("letter.send", Sending(), tenant_id=f"ten_{number % 3}") for number in range(24)]
        batch = command("letter_batch.create", Batch(letters=("let_1", "let_2")))
        worker = letters.make_worker()
        results = await finished(letters, worker, [*sends[:12], batch, *sends[12:]])
        monkeypatch.setattr(Letters, "save", heavy)
        await worker._settle(results)
        await worker._storing.finish(20)
        found = await states(letters)
        assert found.pop(batch.operation_id) == "failed"
        assert list(found.values()) == ["succeeded"] * len(sends)  # and no operation follows from the batch
        problem = (await letters.operation(batch.operation_id))["problem"]
        assert (problem["code"], problem["effect"]) == ("INTERNAL_ERROR", "none")
        assert worker._slots.in_flight == 0

    async def test_the_result_of_a_call_is_never_called_failed(
        self, letters: LetterRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save, times = Letters.save, []

        async def busy(self: Letters, connection: Any, resources: Any) -> None:
            times.append(1)
            if len(times) < 10:
                await too_long(connection)
            await save(self, connection, resources)

        worker = letters.make_worker()
        send = command("letter.send", Sending())
        results = await finished(letters, worker, [send])
        monkeypatch.setattr(Letters, "save", busy)
        monkeypatch.setattr("onerouter_common.worker.storing._MOST_WAIT_S", 0.05)
        await worker._settle(results)
        await worker._storing.finish(20)
        assert (await states(letters), len(times)) == ({send.operation_id: "succeeded"}, 10)

    async def test_what_is_known_to_be_heavy_is_not_even_tried_with_others(
        self, letters: LetterRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        conclude = settlement.Settlement._store

        async def counted(self: Any, connection: Any, conclusions: Sequence[Any], now: Any) -> Any:
            sizes.append(len(conclusions))
            return await conclude(self, connection, conclusions, now)

        monkeypatch.setattr(settlement.Settlement, "_store", counted)
        worker = letters.make_worker()
        sends = [command("letter.send", Sending()) for _ in range(20)]
        batches = [
            command("letter_batch.create", Batch(letters=tuple(new_id("let") for _ in range(600)))) for _ in range(2)
        ]
        results = await finished(letters, worker, [*batches, *sends])
        await worker._settle(results)
        await worker._storing.finish(30)
        assert sorted(sizes) == [1, 1, 20]
        assert sizes[0] == 20
        rows = await letters.pool.fetch("SELECT state, count(*) FROM operations GROUP BY 1")
        assert {row["state"]: row["count"] for row in rows} == {"succeeded": 22, "accepted": 1_200}


class Noted(Send):
    def settle(self, op: Operation, command: Sending, resource: Any, outcome: Any) -> Settled[Any]:
        settled = super().settle(op, command, resource, outcome)
        view: dict[str, Any] = {"id": op.resource_id, "said": getattr(outcome, "result", None)}
        return Settled(settled.resource, view=view, status=settled.status, events=settled.events)


class Broken(Send):
    """A defect: whatever comes of it cannot be stored."""

    def settle(self, op: Operation, command: Sending, resource: Any, outcome: Any) -> Settled[Any]:
        settled = super().settle(op, command, resource, outcome)
        is_one = op.resource_id.endswith("broken")
        return Settled(settled.resource, view={"id": "\0" if is_one else "a"}, events=settled.events)


class TestWhatTheDatabaseRefuses:
    async def test_is_stored_without_the_characters_it_refuses(
        self, letters: LetterRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = letters.make_worker()
        worker._rules.handlers["letter.send"] = Noted()  # type: ignore[index]
        monkeypatch.setattr(letters.posts[0], "take", lambda letter_id: "a\0b" if letter_id == "let_nul" else "ab")
        sends = [command("letter.send", Sending(), to=one) for one in ("let_1", "let_nul", "let_2")]
        await worker._settle(await finished(letters, worker, sends))
        await worker._storing.finish(10)
        assert set((await states(letters)).values()) == {"succeeded"}
        assert (await letters.operation(sends[1].operation_id))["result"] == {"id": "let_nul", "said": "ab"}
        assert (await letters.letter("let_nul"))["status"] == "sent"

    async def test_is_left_out_and_what_was_done_is_said_to_be_done(self, letters: LetterRig) -> None:
        worker = letters.make_worker()
        worker._rules.handlers["letter.send"] = Broken()  # type: ignore[index]
        sends = [command("letter.send", Sending(), to=one) for one in ("let_1", "let_broken", "let_2")]
        await worker._settle(await finished(letters, worker, sends))
        await worker._storing.finish(10)
        assert set((await states(letters)).values()) == {"succeeded"}
        row = await letters.operation(sends[1].operation_id)
        assert (row["result"], row["problem"]["code"], row["problem"]["effect"]) == (
            None,
            "INTERNAL_ERROR",
            "committed",
        )
        [attempt] = await letters.attempts(sends[1].operation_id)
        assert attempt["outcome"] == "succeeded"
        assert worker._slots.in_flight == 0

    async def test_of_a_no_the_no_is_kept(self, letters: LetterRig) -> None:
        worker = letters.make_worker()
        worker._rules.handlers["letter.send"] = Broken()  # type: ignore[index]
        letters.posts[0].says = [ProviderDeclined("n\0o", provider="scripted", reason="x", provider_code="\x0007")]
        send = command("letter.send", Sending(), to="let_broken")
        await worker._settle(await finished(letters, worker, [send]))
        await worker._storing.finish(10)
        row, [attempt] = await letters.operation(send.operation_id), await letters.attempts(send.operation_id)
        assert (row["state"], row["problem"]["code"], row["problem"]["detail"]) == ("failed", "PAYMENT_FAILED", "no")
        assert (attempt["outcome"], attempt["provider_code"]) == ("declined", "07")
        assert (await letters.letter("let_broken"))["status"] == "failed"


def test_strings_without_nul_keep_their_shape() -> None:
    letter = command("letter.send", Sending())
    given = {"a": ["x\0", ("\0y", 1)], "b": None, "c": letter}
    assert strings_without_nul(given) == {"a": ["x", ("y", 1)], "b": None, "c": letter}
