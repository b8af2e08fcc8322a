"""A provider that does not answer keeps few, and soon none, of those who ask it, and nobody who asks another."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from onerouter_common.errors import (
    InvalidRequest,
    NotFound,
    OneRouterError,
    Overloaded,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.worker.circuit.circuits import NEVER, Circuits
from onerouter_common.worker.circuit.rule import Rule
from onerouter_storage.reading.questions import CATEGORY, Questions

GET = "object.get"


def a_connection(id: str = "con_1", provider: str = "s3") -> Any:
    return SimpleNamespace(id=id, provider=provider, timeout_s=60.0, idempotency_of=lambda capability: "read")


class Asked:
    """Questions, their answers, and a clock that goes when it is told to."""

    def __init__(self, rule: Rule = NEVER, at_once: int = 16) -> None:
        self.seconds = 0.0
        circuits = Circuits(rule, category=CATEGORY, seconds=lambda: self.seconds)
        self.questions = Questions(circuits, timeout_s=60.0, at_once=at_once, wait_s=0.001)
        self.reached = 0

    async def ask(self, error: OneRouterError | None = None, connection: Any = None) -> None:
        async with self.questions.asking(connection or a_connection(), GET):
            self.reached += 1
            if error is not None:
                raise error

    async def hang(self, connection: Any) -> None:
        async with self.questions.asking(connection, GET):
            self.reached += 1
            await asyncio.Event().wait()

    async def fail(self, times: int) -> None:
        for _ in range(times):
            with pytest.raises(ProviderUnavailable):
                await self.ask(AWAY)


AWAY = ProviderUnavailable("Away.", provider="s3")
NO_ROOM = Overloaded("Full.")


async def test_what_hangs_has_its_places_and_no_more() -> None:
    asked = Asked()
    waiting = [asyncio.create_task(asked.hang(a_connection())) for _ in range(2)]
    while asked.reached < 2:
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await asked.ask()
    await asked.ask(connection=a_connection("con_2"))
    await asked.ask(connection=a_connection("con_3", "r2"))
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await asked.ask()


async def test_all_of_a_providers_connections_leave_the_others_theirs() -> None:
    asked = Asked(at_once=4)
    waiting = [asyncio.create_task(asked.hang(a_connection(f"con_{number}"))) for number in range(4)]
    while asked.reached < 4:
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await asked.ask(connection=a_connection("con_9"))
    await asked.ask(connection=a_connection("con_9", "r2"))
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_what_does_not_answer_is_left_alone_and_then_tried() -> None:
    asked = Asked(Rule(consecutive=3, probes=1))
    await asked.fail(3)
    with pytest.raises(ProviderUnavailable, match="not been answering") as refused:
        await asked.ask()
    assert (asked.reached, refused.value.reason, refused.value.retry_after_s) == (3, "circuit_open", 5.0)
    await asked.ask(connection=a_connection("con_2"))
    asked.seconds = 5.1
    await asked.fail(1)
    with pytest.raises(ProviderUnavailable, match="not been answering"):
        await asked.ask()
    asked.seconds = 16.0
    await asked.ask()
    await asked.ask()
    assert asked.reached == 7


@pytest.mark.parametrize("answer", [NotFound("None."), ProviderRefusedUs("No.", provider="s3"), None])
async def test_a_no_is_an_answer(answer: OneRouterError | None) -> None:
    asked = Asked(Rule(consecutive=3, probes=1))
    for _ in range(3):
        await asked.fail(2)
        try:
            await asked.ask(answer)
        except OneRouterError as error:
            assert error is answer


@pytest.mark.parametrize("own", [NO_ROOM, InvalidRequest("Not so.")])
async def test_what_we_say_ourselves_is_nobodys_answer(own: OneRouterError) -> None:
    asked = Asked(Rule(consecutive=3, probes=1))
    await asked.fail(2)
    for _ in range(5):
        with pytest.raises(type(own)):
            await asked.ask(own)
    await asked.fail(1)
    with pytest.raises(ProviderUnavailable, match="not been answering"):
        await asked.ask()


async def test_no_outcome_is_unknown_of_what_changes_nothing() -> None:
    asked = Asked(Rule(consecutive=1))
    with pytest.raises(ProviderUnavailable, match="could be read"):
        await asked.ask(ProviderOutcomeUnknown("Whatever.", provider="s3"))
    with pytest.raises(ProviderUnavailable, match="not been answering"):
        await asked.ask()
