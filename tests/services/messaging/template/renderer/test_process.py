"""Whatever a template does, it ends soon, and nobody else waits for it."""

import asyncio
import contextlib
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_messaging.template.characters import is_sendable
from onerouter_messaging.template.renderer import process as process_module
from onerouter_messaging.template.renderer.process import Renderers

AT = "2026-03-01T09:30:00+00:00"

BOMBS = {
    "nested loops": "{% for a in (1..9999) %}" * 3 + "x" + "{% endfor %}" * 3,
    "nested loops over nothing": "{% for a in (1..15000) %}" + "{% if a == 0 %}{% endif %}" * 4_000 + "{% endfor %}",
    "a long range turned around": "{% for a in (1..999999999) reversed %}{% endfor %}",
    "a long range skipped": "{% for a in (1..99999999999) offset: 99999999990 %}{% endfor %}",
    "a long range joined": "{{ (1..999999999) | join: 'x' }}",
    "a long range summed": "{{ (1..999999999) | sum }}",
    "appends": "{% assign a = 'xxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
    "replacements": "{% assign a = 'x' %}" + "{% assign a = a | replace: 'x', 'xxxxxxxxxxxxxxxx' %}" * 20 + "{{ a }}",
    "one chain of replacements": "{{ 'x' " + "| replace: 'x', 'xxxxxxxxxxxxxxxx' " * 20 + "}}",
    "splits and joins": "{{ 'ab' " + "| split: '' | join: 'abababababababab' " * 20 + "}}",
    "factors": "{% assign a = 99999999 %}" + "{% assign a = a | times: a %}" * 60 + "{{ a }}",
    "captures": "{% capture a %}xxxxxxxx{% endcapture %}"
    + "{% capture a %}{{ a }}{{ a }}{% endcapture %}" * 60
    + "{{ a }}",
    "a row of a table": "{% tablerow a in (1..99999999) cols: 3 %}{{ a }}{% endtablerow %}",
    "output": "{% for a in (1..20000) %}" + "x" * 200 + "{% endfor %}",
    "blocks within blocks": "{% if a %}" * 9_000 + "{% endif %}" * 9_000,
    "brackets within brackets": "{{ " + "a[" * 60_000 + "]" * 60_000 + " }}",
    "a source that is hard to read": "{{" * 120_000,
    "a source of quotes": "{{ '" * 60_000,
}


def render(**parts: str) -> dict[str, Any]:
    return {"do": "render", "parts": parts, "variables": {}, "at": AT}


def with_variables(source: str, variables: Mapping[str, Any], part: str = "body") -> dict[str, Any]:
    return {"do": "render", "parts": {part: source}, "variables": variables, "at": AT}


class TestBombs:
    @pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
    async def test_each_is_refused_soon(self, renderers: Renderers, source: str) -> None:
        began = time.monotonic()
        with pytest.raises(InvalidRequest) as refused:
            await renderers.ask("ten_1", render(body=source))
        assert time.monotonic() - began < 60
        assert len(refused.value.detail) < 400  # it does not quote what it was given
        assert await renderers.ask("ten_1", render(body="fine")) == {"body": "fine"}

    async def test_html_that_is_hard_to_read_has_no_text(self, renderers: Renderers) -> None:
        for html in ("<!" * 100_000, "<a " * 100_000, "</" * 100_000, "<div>" * 100_000, "&" * 100_000):
            began = time.monotonic()
            with contextlib.suppress(InvalidRequest):
                await renderers.ask("ten_1", {"do": "text", "html": html})
            assert time.monotonic() - began < 60

    async def test_variables_can_be_one_too(self, renderers: Renderers) -> None:
        with pytest.raises(InvalidRequest):
            await renderers.ask(
                "ten_1", with_variables("{% for a in l %}{{ a }}{% endfor %}", {"l": ["x" * 1_000] * 900})
            )

    async def test_another_tenant_does_not_wait_for_it(self) -> None:
        async with Renderers(processes=2) as renderers:
            await renderers.ask("ten_2", render(body="warm"))
            bombs = [asyncio.create_task(renderers.ask("ten_1", render(body="{{" * 120_000))) for _ in range(3)]
            await asyncio.sleep(0.05)
            for _ in range(20):
                assert await renderers.ask("ten_2", render(body="fine")) == {"body": "fine"}
            over = sum(bomb.done() for bomb in bombs)
            for bomb in bombs:
                bomb.cancel()
            await asyncio.gather(*bombs, return_exceptions=True)
        assert over <= 1  # in the order of asking all three would have been waited for

    async def test_who_waits_too_long_is_told_to_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onerouter_messaging.template.renderer.process._WAIT_S", 0.05)
        async with Renderers(processes=1, cpu_s=0.25) as renderers:
            await renderers.ask("ten_1", render(body="warm"))
            bomb = asyncio.create_task(renderers.ask("ten_1", render(body="{{" * 120_000)))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await renderers.ask("ten_2", render(body="fine"))
            with pytest.raises(InvalidRequest):
                await bomb

    async def test_one_that_does_nothing_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onerouter_messaging.template.renderer.process._ANSWER_S", 0.2)
        async with Renderers(processes=1, cpu_s=1_000) as renderers:
            with pytest.raises(Overloaded):
                await renderers.ask("ten_1", render(body="{{" * 120_000))
            monkeypatch.setattr("onerouter_messaging.template.renderer.process._ANSWER_S", 5.0)
            assert await renderers.ask("ten_1", render(body="fine")) == {"body": "fine"}


class TestDepth:
    """Python and JSON end somewhere; the process does not."""

    @pytest.mark.parametrize("levels", [40, 250, 3_000])
    async def test_a_path_without_end_is_refused(self, renderers: Renderers, levels: int) -> None:
        source = "{{ a" + ".b" * levels + " }}"
        processes = list(renderers._idle)
        with pytest.raises(InvalidRequest, match="too deeply") as refused:
            await renderers.ask("ten_1", {"do": "analyze", "parts": {"html": source}, "defaults": {}})
        assert refused.value.errors[0].field in ("html", "template")
        assert set(processes) <= set(renderers._idle)

    async def test_values_without_end_are_refused(self, renderers: Renderers) -> None:
        deep: Any = "x"
        for _ in range(251):
            deep = {"a": deep}
        with pytest.raises(InvalidRequest, match="too deeply"):
            await renderers.ask("ten_1", {"do": "analyze", "parts": {"body": "x"}, "defaults": {"deep": deep}})
        with pytest.raises(InvalidRequest, match="too deeply"):
            await renderers.ask("ten_1", with_variables("x", {"deep": {"a": {"a": deep}}}))


class TestProcesses:
    async def test_none_outlives_the_service(self) -> None:
        async with Renderers() as renderers:
            await asyncio.gather(*(renderers.ask(f"ten_{number}", render(body="x")) for number in range(4)))
            processes = list(renderers._idle)
            assert 1 <= len(processes) <= 2
        for process in processes:
            with pytest.raises(ProcessLookupError):
                os.kill(process.pid, 0)

    async def test_one_that_died_is_replaced(self) -> None:
        async with Renderers(processes=1) as renderers:
            await renderers.ask("ten_1", render(body="x"))
            renderers._idle[0].kill()
            with pytest.raises(Overloaded):
                await renderers.ask("ten_1", render(body="x"))
            assert await renderers.ask("ten_1", render(body="x")) == {"body": "x"}

    async def test_who_gives_up_leaves_no_half_answer_to_the_next(self, renderers: Renderers) -> None:
        late = asyncio.create_task(renderers.ask("ten_1", with_variables("{{ a }}", {"a": "x" * 400_000})))
        await asyncio.sleep(0.001)
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)
        assert await renderers.ask("ten_1", render(body="mine")) == {"body": "mine"}

    async def test_who_gives_up_within_a_long_answer_leaves_its_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun = asyncio.Event()
        exchange = process_module._exchange

        async def never_read(process: Process, question: bytes) -> bytes:
            assert process.stdin is not None
            process.stdin.write(len(question).to_bytes(4, "big") + question)
            while len(process.stdout._buffer) < 150_000:  # type: ignore[union-attr]
                await asyncio.sleep(0.01)
            begun.set()
            await asyncio.get_running_loop().create_future()
            return b""

        async with Renderers(processes=1) as renderers:
            monkeypatch.setattr(process_module, "_exchange", never_read)
            late = asyncio.create_task(renderers.ask("ten_1", with_variables("{{ a }}", {"a": "x" * 400_000})))
            await begun.wait()
            late.cancel()
            monkeypatch.setattr(process_module, "_exchange", exchange)
            assert await renderers.ask("ten_1", render(body="mine")) == {"body": "mine"}
            await asyncio.gather(late, return_exceptions=True)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    async def test_it_has_none_of_our_environment(self, renderers: Renderers, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ONEROUTER_SECRET", "s3cret")
        async with Renderers() as fresh:
            await fresh.ask("ten_1", render(body="x"))
            with open(f"/proc/{fresh._idle[0].pid}/environ", "rb") as environment:  # noqa: PTH123
                assert environment.read() == b""


class TestRendering:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(alphabet="{}%|'\"abfori n.:=[]()12,-\n<>&", max_size=60))
    async def test_any_source_is_rendered_or_refused(self, renderers: Renderers, source: str) -> None:
        try:
            made = await renderers.ask("ten_1", render(body=source))
        except InvalidRequest as error:
            assert error.errors
        else:
            assert isinstance(made["body"], str)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(max_size=40).filter(is_sendable))
    async def test_what_a_variable_says_is_text_in_html_and_itself_elsewhere(
        self, renderers: Renderers, value: str
    ) -> None:
        variables = {"name": value}
        made = await renderers.ask("ten_1", with_variables("{{ name }}", variables, "html"))
        assert not {"<", ">"} & set(made["html"])
        # The template language writes every line break as a line feed.
        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        assert await renderers.ask("ten_1", with_variables("{{ name }}", variables)) == {"body": lines}

    async def test_a_missing_variable_is_named(self, renderers: Renderers) -> None:
        loops = "{% for a in name %}{% endfor %}"
        missing = {"{{ user.name }}": "user.name", "{{ name }}": "name", loops: "name", "{{ name | upcase }}": "name"}
        for source, name in missing.items():
            with pytest.raises(InvalidRequest) as refused:
                await renderers.ask("ten_1", with_variables(source, {"user": {}}))
            assert [one.field for one in refused.value.errors] == [f"variables.{name}"]

    async def test_one_that_is_only_asked_about_need_not_be_there(self, renderers: Renderers) -> None:
        source = "{% if coupon %}{{ coupon }}{% endif %}{{ name | default: 'friend' }}"
        assert await renderers.ask("ten_1", render(body=source)) == {"body": "friend"}

    @pytest.mark.parametrize("part", ["html", "text", "subject", "body"])
    @pytest.mark.parametrize("source", ["{{ '%00' | url_decode }}", "{{ 'AA==' | base64_decode }}", "{{ odd }}"])
    async def test_what_cannot_be_stored_does_not_come_out(self, renderers: Renderers, part: str, source: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await renderers.ask("ten_1", with_variables(source, {"odd": "a\x00"}, part))
        assert [one.field for one in refused.value.errors] == [part]

    async def test_no_text_is_made_of_html_that_cannot_be_stored(self, renderers: Renderers) -> None:
        assert await renderers.ask("ten_1", {"do": "text", "html": "&#0;&#xd800;"}) == "\ufffd\ufffd"
        with pytest.raises(InvalidRequest):
            await renderers.ask("ten_1", {"do": "text", "html": "a\x00"})

    async def test_now_is_the_moment_of_the_message(self, renderers: Renderers) -> None:
        source = "{{ 'now' | date: '%H:%M' }} {{ now | date: '%H:%M' }} {{ 'today' | date: '%d.%m.' }}"
        assert await renderers.ask("ten_1", render(body=source)) == {"body": "09:30 09:30 01.03."}

    @pytest.mark.parametrize("tag", ["{% include 'a' %}", "{% render 'a' %}", "{% extends 'a' %}"])
    async def test_no_file_is_read(self, renderers: Renderers, tag: str) -> None:
        with pytest.raises(InvalidRequest):
            await renderers.ask("ten_1", render(body=tag))
