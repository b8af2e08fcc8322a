"""`make bench` times the end of a key, and what it found is what is written down."""

import asyncio
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from tests.bench import revocation

WORKSPACE = Path(__file__).parents[2]


def test_it_is_a_part_of_make_bench() -> None:
    planned = subprocess.run(["make", "-n", "bench"], cwd=WORKSPACE, capture_output=True, text=True, check=True).stdout
    assert "tests.bench.revocation --report-only" in planned


@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--report-only"], 0)])
def test_a_broken_promise_fails_unless_only_a_report_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    async def broken(_: Namespace, __: Console, ___: Path) -> bool:
        return False

    monkeypatch.setattr(revocation, "bench", broken)
    monkeypatch.setattr(sys, "argv", ["revocation", *arguments])
    with pytest.raises(SystemExit) as left:
        revocation.main()
    assert left.value.code == code


def test_one_that_took_longer_breaks_it() -> None:
    kept = {"a": [1.0] * 99, "b": [revocation.BAR_MS]}
    assert revocation.is_kept(kept)
    assert not revocation.is_kept({**kept, "a": [*kept["a"], revocation.BAR_MS + 1]})


def test_what_was_found_stands_in_the_document() -> None:
    page = f"before\n{revocation.BEGIN}\nNot measured yet.\n{revocation.END}\nafter\n"
    found = {"an API key is revoked": [10.0] * 99 + [70.0]}
    written = revocation.page_with(revocation.page_with(page, found, ""), found, "On a busy machine.")
    assert "| an API key is revoked | 100 | 10 | 10 | 11 | 70 |" in written
    assert written.count(revocation.BEGIN) == written.count("On a busy machine.") == 1
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert revocation.BEGIN in (WORKSPACE / "docs" / "performance.md").read_text()


class TestOneRound:
    async def test_counts_until_the_slower_gateway_refuses(self) -> None:
        ended: dict[str, float] = {}

        def gateway(name: str, hears_after: int) -> httpx.AsyncClient:
            asked_since = 0

            def answer(request: httpx.Request) -> httpx.Response:
                nonlocal asked_since
                asked_since += bool(ended)
                if asked_since <= hears_after:
                    return httpx.Response(200)
                ended.setdefault(name, time.perf_counter())
                return httpx.Response(401)

            return httpx.AsyncClient(base_url="http://here", transport=httpx.MockTransport(answer))

        async def revoke() -> None:
            ended["revoked"] = time.perf_counter()

        quick, slow = gateway("quick", 1), gateway("slow", 20)
        async with quick, slow:
            taken = await revocation.one_round([quick, slow], "unf_test_x", 401, revoke)
        assert taken >= (ended["slow"] - ended["revoked"]) * 1_000 > (ended["quick"] - ended["revoked"]) * 1_000

    async def test_a_key_that_is_accepted_again_is_told(self) -> None:
        answers = iter([200, 401, 200])

        def answer(_: Any) -> httpx.Response:
            return httpx.Response(next(answers))

        async def revoke() -> None:
            await asyncio.sleep(0)

        async with httpx.AsyncClient(base_url="http://here", transport=httpx.MockTransport(answer)) as gateway:
            with pytest.raises(RuntimeError, match="answered 200 afterwards"):
                await revocation.one_round([gateway], "unf_test_x", 401, revoke)
