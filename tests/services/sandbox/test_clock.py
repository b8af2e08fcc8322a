"""Accounts have a time of their own, which moves forward on demand and runs what became due."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.services.sandbox.stripe.conftest import speak_to as speak_stripe

from onerouter_sandbox.clock import Clocks, Timers
from onerouter_sandbox.journal import Journal

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

START = 1_767_225_600.0
DAY = 86_400.0


class StandingClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> float:
        return self.at


@pytest.fixture
def clocks() -> Clocks:
    return Clocks(StandingClock(), Journal(None))


class TestAdvance:
    async def test_what_became_due_runs_in_order_each_at_its_own_time(self, clocks: Clocks) -> None:
        timers, seen = Timers(clocks), list[tuple[str, float]]()
        clock = clocks.of("acct_1")

        def note(name: str) -> Callable[[], None]:
            return lambda: seen.append((name, clock.now()))

        for name, days in (("trial", 7), ("link", 1), ("later", 90)):
            timers.at(START + days * DAY, note(name), account="acct_1")
        assert timers.advance("acct_1", 30 * DAY) == 2
        assert seen == [("link", START + DAY), ("trial", START + 7 * DAY)]
        assert clock.now() == START + 30 * DAY
        timers.close()

    async def test_a_chain_runs_up_to_the_new_time(self, clocks: Clocks) -> None:
        timers, renewed = Timers(clocks), list[float]()
        clock = clocks.of("acct_1")

        def renew() -> None:
            renewed.append(clock.now())
            timers.at(clock.now() + 30 * DAY, renew, account="acct_1")

        timers.at(START + 30 * DAY, renew, account="acct_1")
        assert timers.advance("acct_1", 100 * DAY) == 3
        assert renewed == [START + n * 30 * DAY for n in (1, 2, 3)]
        assert timers.advance("acct_1", 19 * DAY) == 0
        assert timers.advance("acct_1", 1 * DAY) == 1
        timers.close()

    async def test_other_accounts_and_real_time_stand_still(self, clocks: Clocks) -> None:
        timers, ran = Timers(clocks), list[str]()
        timers.at(START + DAY, lambda: ran.append("other"), account="acct_2")
        timers.at(START + DAY, lambda: ran.append("real"))
        assert timers.advance("acct_1", 2 * DAY) == 0
        assert (ran, clocks.of("acct_2").now()) == ([], START)
        timers.close()

    async def test_what_an_action_raises_holds_up_nothing_else(self, clocks: Clocks) -> None:
        timers, ran = Timers(clocks), asyncio.Event()

        def fail() -> None:
            raise RuntimeError("a defect")

        timers.at(START + 1, fail, account="acct_1")
        timers.at(START + 2, ran.set, account="acct_1")
        with pytest.raises(RuntimeError, match="a defect"):
            timers.advance("acct_1", 10)
        async with asyncio.timeout(60):
            await ran.wait()
        assert clocks.of("acct_1").now() == START + 10


async def test_a_timer_of_an_account_also_comes_with_real_time() -> None:
    class Real:
        now = staticmethod(time.time)

    clocks = Clocks(Real(), Journal(None))
    timers, ran, due_at = Timers(clocks), asyncio.Event(), time.time() + 0.02
    seen: list[float] = []

    def note() -> None:
        seen.append(clocks.of("acct_1").now())
        ran.set()

    timers.at(due_at, note, account="acct_1")
    async with asyncio.timeout(60):
        await ran.wait()
    assert seen == [due_at]
    timers.close()


class TestRoute:
    @pytest.mark.parametrize("seconds", [0, -1, 1e12, "soon"])
    async def test_time_goes_forward_only(self, sandbox: "Sandbox", seconds: object) -> None:
        path = f"/razorpay/accounts/{sandbox.key_id}/clock/advance"
        assert (await sandbox.control.post(path, json={"seconds": seconds})).status_code == 422

    @pytest.mark.parametrize("provider", ["razorpay", "paypal", "stripe"])
    async def test_an_unknown_account_has_no_clock(self, sandbox: "Sandbox", provider: str) -> None:
        path = f"/{provider}/accounts/nobody/clock/advance"
        assert (await sandbox.control.post(path, json={"seconds": 1})).status_code == 404

    async def test_an_accounts_time_outlives_a_restart(self, running: Any, tmp_path: Path) -> None:
        settings = {"data_file": tmp_path / "sandbox.sqlite"}
        async with running(**settings) as sandbox, speak_stripe(sandbox.url) as shop:
            await shop.register()
            path = f"/stripe/accounts/{shop.account_id}/clock"
            moved = await shop.ask(f"{path}/advance", seconds=40 * DAY)
        async with running(**settings) as sandbox:
            shown = await sandbox.show(path)
        assert shown["offset_s"] == moved["offset_s"] == 40 * DAY
        assert shown["now"] - time.time() == pytest.approx(40 * DAY, abs=60)
