"""Calls that never left us: what they needed of ours was away, or they must not be made. No provider has said no."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.libs.common.worker.letters import LetterRig, Sending, command, open_letters
from tests.libs.common.worker.rig import FAST, Rig

from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_common.retry import Backoff

AWAY = Overloaded("No template can be rendered right now; nothing was sent.", retry_after_s=0.01)
PATIENT = replace(FAST, unsent=Backoff(first_s=0.01, most_s=0.02, give_up_after=12))


@pytest.fixture
async def letters(rig: Rig) -> AsyncIterator[LetterRig]:
    async with open_letters(rig) as letters:
        yield letters


async def tried(letters: LetterRig, operation_id: str) -> list[tuple[str, str]]:
    return [(one["connection_id"], one["outcome"]) for one in await letters.attempts(operation_id)]


async def test_what_we_lacked_is_waited_for_and_no_connection_is_passed_over_for_it(letters: LetterRig) -> None:
    """More often than a failing connection is tried, where there is another one."""
    times = FAST.retry.give_up_after + 3
    letters.posts[0].says = [AWAY] * times
    send = command("letter.send", Sending())
    async with letters.worker(PATIENT):
        reply = await letters.ask(send)
        row = await letters.operation(send.operation_id)
    assert (reply.state, row["failures"], row["connection_id"]) == ("succeeded", 0, "con_1")
    assert await tried(letters, send.operation_id) == [("con_1", "not_sent")] * times + [("con_1", "succeeded")]
    assert letters.posts[1].calls == []


async def test_where_nothing_else_can_take_it_nobody_is_said_to_have_refused_it(letters: LetterRig) -> None:
    letters.posts[0].says = [AWAY]
    send = command("letter.send", Sending(providers=("scripted",)))
    async with letters.worker(PATIENT):
        reply = await letters.ask(send)
    assert (reply.state, await tried(letters, send.operation_id)) == (
        "succeeded",
        [("con_1", "not_sent"), ("con_1", "succeeded")],
    )


async def test_it_is_given_up_in_the_end_and_what_was_lacking_is_said(letters: LetterRig) -> None:
    letters.posts[0].says = [AWAY] * 99
    send = command("letter.send", Sending())
    async with letters.worker(PATIENT):
        reply = await letters.ask(send)
    assert reply.problem is not None
    assert (reply.state, reply.problem.code, reply.problem.effect) == ("failed", "SERVICE_UNAVAILABLE", "none")
    assert len(await tried(letters, send.operation_id)) == PATIENT.unsent.give_up_after


async def test_what_must_not_be_sent_is_refused_by_us_and_not_by_the_provider(letters: LetterRig) -> None:
    letters.posts[0].says = [InvalidRequest.of("to", "does not want to hear from you")]
    send = command("letter.send", Sending())
    async with letters.worker():
        reply = await letters.ask(send)
    assert (reply.status, await tried(letters, send.operation_id)) == (422, [("con_1", "not_sent")])
    assert letters.posts[1].calls == []
