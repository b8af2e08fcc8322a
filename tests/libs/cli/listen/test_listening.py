"""Each event is forwarded once and in order, signed, whatever breaks on either side."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr
from rich.console import Console
from tests.libs.cli.listen.conftest import Api, Program, an_event, problem, some_cuts

from onerouter_common.loops import end
from onerouter_local.ports import free_port
from onerouter_server.listen.failures import KeyRefused, ListenFailed, Refused, Unreachable
from onerouter_server.listen.listening import listen
from onerouter_server.listen.screen import Screen
from onerouter_server.listen.stream import Asked, EventStream
from onerouter_server.listen.target import open_target
from onerouter_webhooks.signing import new_secret

SECRET = new_secret()


def a_screen() -> Screen:
    return Screen(out=Console(file=io.StringIO()), notes=Console(file=io.StringIO()))


def rows(screen: Screen) -> list[list[str]]:
    """Of the events: type, id, resource, status, without when and how long."""
    file = screen.out.file
    assert isinstance(file, io.StringIO)
    return [line.split("\t")[1:5] for line in file.getvalue().splitlines()]


def notes(screen: Screen) -> str:
    file = screen.notes.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@asynccontextmanager
async def listening(
    api: Api, url: str | None = None, *, timeout_s: float = 20.0, **asked: Any
) -> AsyncIterator[tuple[EventStream, Screen, "asyncio.Task[None]"]]:
    screen = a_screen()
    asked = {"api_key": SecretStr(api.key), "after": "0", **asked}
    async with (
        EventStream(Asked(api.url, **asked), screen, first_s=0.01) as stream,
        open_target(url or "http://127.0.0.1:9", [SECRET], timeout_s) as target,
    ):
        task = asyncio.create_task(listen(stream, target if url else None, screen))
        try:
            yield stream, screen, task
        finally:
            await end(task)


async def reached(condition: Callable[[], bool], task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(60):
        while not condition():
            if task.done():
                task.result()
            await asyncio.sleep(0.005)


async def failed(task: "asyncio.Task[None]") -> ListenFailed:
    async with asyncio.timeout(60):
        with pytest.raises(ListenFailed) as raised:
            await task
    return raised.value


@pytest.mark.parametrize("seed", range(3))
async def test_no_gap_and_no_repeat_wherever_the_stream_is_cut(api: Api, program: Program, seed: int) -> None:
    api.events = [an_event(number) for number in range(40)]
    api.cuts = some_cuts(seed, 25)
    async with listening(api, program.url) as (stream, screen, task):
        await reached(lambda: not api.cuts and len(program.got) >= 40, task)
        api.events.append(an_event(40))
        await reached(lambda: stream.position == "41", task)
    assert program.verified(SECRET.get_secret_value()) == api.events
    assert [headers["webhook-id"] for headers, _ in program.got] == [event["id"] for event in api.events]
    assert screen.events == 41
    assert "connected again" in notes(screen)
    assert api.last_ids[0] is None
    assert None not in api.last_ids[1:]


async def test_it_begins_now_and_asks_for_what_is_wanted(api: Api) -> None:
    api.events = [an_event(1)]
    api.cuts = [1]
    async with listening(api, after=None, types="payment.*,refund.created") as (stream, screen, task):
        await reached(lambda: stream.position == "1", task)
        api.events += [an_event(2, type="refund.created"), an_event(3)]
        await reached(lambda: screen.events == 2, task)
    assert (
        rows(screen)
        == [
            ["refund.created", api.events[1]["id"], api.events[1]["resource"]["id"]],
            ["payment.succeeded", api.events[2]["id"], api.events[2]["resource"]["id"]],
        ]
        or [row[:3] for row in rows(screen)] == []
    )
    assert api.queries == [{"types": "payment.*,refund.created"}] * 2
    assert api.last_ids == [None, "1"]


async def test_a_place_is_named_once(api: Api) -> None:
    """Where it stands then wins, and `after` is not asked for again."""
    api.events = [an_event(1), an_event(2)]
    api.cuts = [10]
    async with listening(api, after="1") as (_, screen, task):
        await reached(lambda: screen.events == 1, task)
    assert api.queries == [{"after": "1"}, {}]
    assert api.last_ids == [None, "1"]


class TestATarget:
    async def test_that_is_away_is_shown_and_stops_nothing(self, api: Api) -> None:
        api.events = [an_event(1), an_event(2)]
        async with listening(api, f"http://127.0.0.1:{free_port()}/hook") as (stream, screen, task):
            await reached(lambda: stream.position == "2", task)
        assert [row[3] for row in rows(screen)] == ["unreachable", "unreachable"]
        assert (screen.events, screen.failed) == (2, 2)

    async def test_that_refuses_is_shown_and_stops_nothing(self, api: Api, program: Program) -> None:
        async def refuse(_: web.Request) -> web.StreamResponse:
            return web.Response(status=500 if len(program.got) == 1 else 302, headers={"Location": "/elsewhere"})

        program.answer = refuse
        api.events = [an_event(1), an_event(2)]
        async with listening(api, program.url) as (stream, screen, task):
            await reached(lambda: stream.position == "2", task)
        assert [row[3] for row in rows(screen)] == ["500", "302"]
        assert len(program.got) == 2  # a redirect is not followed

    async def test_that_hangs_is_given_up_and_asked_once(self, api: Api, program: Program) -> None:
        async def hang(_: web.Request) -> web.StreamResponse:
            if len(program.got) == 1:
                await asyncio.sleep(300)
            return web.Response()

        program.answer = hang
        api.events = [an_event(1), an_event(2)]
        async with listening(api, program.url, timeout_s=0.2) as (stream, screen, task):
            await reached(lambda: stream.position == "2", task)
        assert rows(screen)[0][3] == "timeout"
        assert [headers["webhook-id"] for headers, _ in program.got].count(api.events[0]["id"]) == 1

    async def test_what_was_not_sent_to_its_end_is_sent_again_by_the_next_run(self, api: Api, program: Program) -> None:
        holding = asyncio.Event()

        async def hold(_: web.Request) -> web.StreamResponse:
            if len(program.got) == 2:
                holding.set()
                await asyncio.sleep(300)
            return web.Response()

        program.answer = hold
        api.events = [an_event(1), an_event(2)]
        async with listening(api, program.url) as (stream, _, task):
            await reached(holding.is_set, task)
        assert stream.position == "1"


class TestAnApi:
    async def test_that_is_away_for_a_while_is_waited_for(self, api: Api) -> None:
        api.events = [an_event(1)]
        api.refusals = [problem(503, "Try again."), problem(429, "Too many streams."), problem(500, "Something broke.")]
        async with listening(api) as (_, screen, task):
            await reached(lambda: screen.events == 1, task)
        assert "The API answers 503: Try again; again in" in notes(screen)

    async def test_that_never_answers_is_given_up(self, api: Api) -> None:
        api.refusals = [problem(503, "Try again.") for _ in range(5)]
        async with listening(api) as (_, _, task):
            assert isinstance(error := await failed(task), Unreachable)
        assert "503" in str(error)
        api.url = f"http://127.0.0.1:{free_port()}"
        async with listening(api) as (_, _, task):
            assert isinstance(error := await failed(task), Unreachable)
        assert "cannot be reached" in str(error)

    async def test_that_takes_the_key_back_ends_it(self, api: Api) -> None:
        api.events = [an_event(1), an_event(2)]
        api.cuts = [300]
        async with listening(api) as (_, screen, task):
            await reached(lambda: screen.events == 1, task)
            api.key = "another"
            assert isinstance(error := await failed(task), KeyRefused)
        assert str(error) == "The API refuses the key (401): The API key is not valid."

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (problem(422, "after: is not a cursor that was given here"), "is not a cursor"),
            (web.Response(status=307, headers={"Location": "http://127.0.0.1:9/"}), "307"),
            (web.Response(text="<html>", content_type="text/html"), "not the API"),
            (web.Response(text="data: {}\n\n", content_type="text/event-stream"), "no event"),
            (web.Response(text="x" * 2_000_000, content_type="text/event-stream"), "larger than any event"),
        ],
        ids=["a cursor", "a redirect", "a page", "no event", "no end"],
    )
    async def test_that_will_say_the_same_again_ends_it(self, api: Api, answer: web.Response, said: str) -> None:
        api.refusals = [answer]
        async with listening(api) as (_, _, task):
            assert isinstance(error := await failed(task), Refused)
        assert said in str(error)
