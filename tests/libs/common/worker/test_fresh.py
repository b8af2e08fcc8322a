"""What makes its resource and comes through the log waits for nobody and loads nothing; what is stored already does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.libs.common.worker.letters import Canceling, Letter, LetterRig, Letters, Sending, command, open_letters
from tests.libs.common.worker.rig import Rig

from onerouter_common.ids import new_id
from onerouter_common.worker import following, statements
from onerouter_common.worker.inbox import decode


@pytest.fixture
async def letters(rig: Rig) -> AsyncIterator[LetterRig]:
    async with open_letters(rig) as letters:
        yield letters


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keys that were locked or loaded, in order."""
    keys: list[Any] = []
    load, lock = Letters.load, statements.lock_keys

    async def loads(self: Letters, connection: Any, wanted: Any, *, lock: bool) -> Any:
        keys.extend(wanted)
        return await load(self, connection, wanted, lock=lock)

    async def locks(connection: Any, wanted: Any) -> None:
        keys.extend(wanted)
        await lock(connection, wanted)

    monkeypatch.setattr(Letters, "load", loads)
    monkeypatch.setattr(statements, "lock_keys", locks)
    return keys


async def test_a_single_send_asks_for_nothing_and_its_cancel_comes_after_it(
    letters: LetterRig, asked: list[Any]
) -> None:
    worker = letters.make_worker()
    send = command("letter.send", Sending())
    batch = [decode(worker._rules, send.to_bytes(), [])]
    stored = await worker._inbox.store(batch, owner=worker._lease.owner)
    assert ([one.op.id for one in stored.started], asked) == ([send.operation_id], [])
    assert (await letters.letter(send.resource_id))["status"] == "queued"
    cancel = command("letter.cancel", Canceling(), to=send.resource_id)
    later = await worker._inbox.store([decode(worker._rules, cancel.to_bytes(), [])], owner=worker._lease.owner)
    assert ([one.op.id for one in later.waiting], set(asked)) == ([cancel.operation_id], {send.resource_id})


async def test_one_that_follows_from_another_finds_what_became_of_its_resource(letters: LetterRig) -> None:
    worker = letters.make_worker()
    letter_id = new_id("let")
    async with letters.pool.acquire() as connection, connection.transaction():
        await Letters().save(connection, [Letter(letter_id, "ten_1", "test", "canceled")])
        send = command("letter.send", Sending(), to=letter_id)
        await following.store(connection, [(send, None)], now=datetime.now(UTC))
    await worker._lease.renew()
    [started] = await worker._claims.claim()
    assert (started.attempt, getattr(started.refusal, "error_code", None)) == (None, "LETTER_CANCELED")
