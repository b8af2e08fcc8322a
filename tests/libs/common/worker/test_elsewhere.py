"""A no that another connection may turn into a yes."""

from collections.abc import AsyncIterator

import pytest
from tests.libs.common.worker.letters import ELSEWHERE, LetterRig, Post, Sending, command, open_letters
from tests.libs.common.worker.rig import FAST, Rig, ScriptedConnection, kill, until

from onerouter_common.errors import (
    InvalidRequest,
    OneRouterError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
)
from onerouter_common.worker.handler import Idempotency

UNKNOWN = ProviderOutcomeUnknown("no answer", provider="scripted")
LATER = ProviderThrottled("later", provider="scripted")


def no(reason: str = ELSEWHERE, code: str = "21606") -> ProviderDeclined:
    return ProviderDeclined("no", provider="scripted", reason=reason, provider_code=code)


@pytest.fixture
async def letters(rig: Rig) -> AsyncIterator[LetterRig]:
    async with open_letters(rig) as letters:
        third = Post()
        able = {"letter.send": Idempotency.LOOKUP}
        letters.connections.connections.append(ScriptedConnection(third, "con_3", provider="third", idempotency=able))
        letters.posts.append(third)
        yield letters


async def tried(letters: LetterRig, operation_id: str) -> list[tuple[str, str]]:
    return [(one["connection_id"], one["outcome"]) for one in await letters.attempts(operation_id)]


@pytest.mark.parametrize("error", [no(), ProviderRefusedUs("bad", provider="scripted", reason=ELSEWHERE)])
async def test_goes_to_the_next_candidate_and_the_decision_says_who_said_no(
    letters: LetterRig, error: OneRouterError
) -> None:
    letters.posts[0].says = [error]
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
        row = await letters.operation(send.operation_id)
    word = "declined" if isinstance(error, ProviderDeclined) else "refused"
    assert (reply.state, await tried(letters, send.operation_id)) == (
        "succeeded",
        [("con_1", word), ("con_2", "succeeded")],
    )
    assert (row["connection_id"], row["failures"], row["routing"]["connection_id"]) == ("con_2", 0, "con_2")
    assert [(one["connection_id"], one["reason"]) for one in row["routing"]["refused"]] == [("con_1", "declined")]
    assert ELSEWHERE in row["routing"]["refused"][0]["detail"]


def unfit() -> InvalidRequest:
    error = InvalidRequest.of("text", "is longer than this one takes")
    error.is_of_connection = True
    return error


async def test_what_one_cannot_be_told_another_is_told(letters: LetterRig) -> None:
    letters.posts[0].says = [unfit()]
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
    assert (reply.state, await tried(letters, send.operation_id)) == (
        "succeeded",
        [("con_1", "unfit"), ("con_2", "succeeded")],
    )


async def test_what_nobody_can_be_told_says_which_field_it_is(letters: LetterRig) -> None:
    for post in letters.posts:
        post.says = [unfit()]
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
    assert reply.problem is not None
    assert (reply.status, [one["field"] for one in reply.problem.errors]) == (422, ["text"])
    assert [outcome for _, outcome in await tried(letters, send.operation_id)] == ["unfit"] * 3


async def test_each_candidate_is_asked_once_in_the_order_preferred_and_the_last_answer_counts(
    letters: LetterRig,
) -> None:
    for post, code in zip(letters.posts, "123", strict=True):
        post.says = [no(code=code)] * 5
    send = command("letter.send", Sending(providers=("third", "scripted", "other")))
    async with letters.worker():
        reply = await letters.ask(send)
        again = await letters.ask(command("letter.send", Sending(providers=("other", "third"))))
    assert [connection for connection, _ in await tried(letters, send.operation_id)] == ["con_3", "con_1", "con_2"]
    assert (reply.state, reply.problem and reply.problem.provider_code) == ("failed", "2")
    assert (again.state, again.problem and again.problem.provider_code) == ("failed", "3")
    assert (await letters.letter(send.resource_id))["status"] == "failed"


async def test_waits_in_between_do_not_bring_back_who_said_no_nor_count_against_the_rest(letters: LetterRig) -> None:
    letters.posts[0].says = [no()]
    letters.posts[1].says = [LATER] * 9
    letters.posts[2].says = [LATER] * 9
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
    found = await tried(letters, send.operation_id)
    assert [connection for connection, _ in found] == ["con_1", "con_2", "con_3", "con_2", "con_3"]
    assert len(found) == 1 + FAST.retry.give_up_after
    assert (reply.state, reply.problem and reply.problem.retryable) == ("failed", True)


async def test_who_asks_to_be_left_alone_is_not_waited_for_where_another_is_next(letters: LetterRig) -> None:
    letters.posts[0].says = [ProviderThrottled("later", provider="scripted", retry_after_s=600.0)]
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
    assert (reply.state, await tried(letters, send.operation_id)) == (
        "succeeded",
        [("con_1", "throttled"), ("con_2", "succeeded")],
    )


async def test_who_said_no_is_known_to_the_worker_that_takes_over(
    letters: LetterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.posts[0].says = [no()] * 3
    send = command("letter.send", Sending())
    first = letters.make_worker()
    monkeypatch.setattr(first, "_claim_loop", first._claims.due.let_go)  # it dies before it looks for what is due
    await first.start()
    await until(lambda: first.is_ready)
    await letters.send(send)
    await letters.until_state(send.operation_id, "retrying")
    await kill(first)
    async with letters.worker():
        await letters.until_state(send.operation_id, "succeeded")
    assert await tried(letters, send.operation_id) == [("con_1", "declined"), ("con_2", "succeeded")]


async def test_ends_with_what_was_said_when_the_others_are_gone_by_then(
    letters: LetterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.posts[0].says = [no()]
    send = command("letter.send", Sending())
    worker = letters.make_worker()
    commit = worker._settlement._commit

    async def alone(results: object) -> object:
        letters.connections.disabled = {"con_2", "con_3"}
        return await commit(results)  # type: ignore[arg-type]

    monkeypatch.setattr(worker._settlement, "_commit", alone)
    await worker.start()
    await until(lambda: worker.is_ready)
    reply = await letters.ask(send)
    await worker.stop()
    assert await tried(letters, send.operation_id) == [("con_1", "declined")]
    assert reply.problem is not None
    assert (reply.state, reply.problem.provider_code) == ("failed", "21606")


@pytest.mark.parametrize("case", ["another_reason", "pinned", "in_doubt"])
async def test_never(letters: LetterRig, case: str) -> None:
    """For another reason, where the resource pins the connection, or while an earlier call may have had an effect."""
    says: dict[str, list[OneRouterError | None]] = {
        "another_reason": [no("unsubscribed")],
        "pinned": [no()],
        "in_doubt": [UNKNOWN, no()],  # its key is repeated: a no to the repeat ends the doubt, and is the end
    }
    letters.posts[0].says = says[case]
    if case == "in_doubt":
        letters.connections.connections[0].idempotency = {"letter.send": Idempotency.NATIVE}
    send = command("letter.send", Sending(pinned="con_1" if case == "pinned" else None))
    async with letters.worker():
        await letters.send(send)
        await letters.until_state(send.operation_id, "failed")
    assert {connection for connection, _ in await tried(letters, send.operation_id)} == {"con_1"}
    assert [len(post.calls) for post in letters.posts] == [2 if case == "in_doubt" else 1, 0, 0]
