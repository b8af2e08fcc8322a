"""So many requests a second, whoever sends them."""

import statistics
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_webhooks.delivery.rate import room_of, used

from ..conftest import Receiver, StartService, eventually

_AT_ONCE_S = 0.25
"""What nobody took for a moment may follow at once: so much."""
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class TestRule:
    def test_nothing_used_yet_is_a_quarter_of_a_second(self) -> None:
        assert room_of(100, None, NOW) == 25
        assert room_of(0.5, None, NOW) == 1

    def test_what_was_given_out_is_not_there(self) -> None:
        until = used(100, None, NOW, 25)
        assert room_of(100, until, NOW) == 0
        assert room_of(100, until, NOW + timedelta(milliseconds=40)) == 4
        assert room_of(100, until, NOW + timedelta(hours=1)) == 25

    @given(
        rate=st.floats(0.1, 1_000),
        steps=st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 50)), min_size=1, max_size=200),
    )
    def test_never_more_than_the_rate_and_a_quarter_of_a_second(
        self, rate: float, steps: list[tuple[float, int]]
    ) -> None:
        until, now, sent = None, NOW, 0
        for passed_s, wanted in steps:
            now += timedelta(seconds=passed_s)
            count = min(wanted, room_of(rate, until, now))
            sent += count
            if count:
                until = used(rate, until, now, count)
        assert sent <= (now - NOW).total_seconds() * rate + max(1, 0.25 * rate) + 0.01


class TestThreeProcesses:
    async def test_together_send_as_much_as_is_asked_for(self, start_service: StartService, receiver: Receiver) -> None:
        """Five seconds of 40 a second, from a backlog."""
        rate, seconds = 40, 5
        settings: Mapping[str, float] = {"poll_interval_s": 0.1, "database_pool_size": 2}
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(start_service(**settings))
            endpoint = await service.create_endpoint(receiver.url, rate_per_s=rate)
            await service.admin.execute("UPDATE webhook_endpoints SET status = 'paused'")
            for _ in range(rate * (seconds + 2)):
                await service.publish(service.event())
            count = "SELECT count(*) = $1 FROM delivery_queue WHERE state = 2"
            await eventually(lambda: service.admin.fetchval(count, rate * (seconds + 2)))
            for _ in range(2):
                await stack.enter_async_context(start_service(**settings))
            await service.http.post(f"/internal/webhook-endpoints/{endpoint['id']}/enable", headers=service.owner())
            await eventually(lambda: len(receiver.got) >= rate * (seconds + 1))
        came = [one.at for one in receiver.got][rate // 2 :]
        took_s = [after - before for before, after in zip(came, came[rate:], strict=False)]
        # The median: where the machine does nothing for a moment nothing comes, and then what was on its way.
        assert statistics.median(took_s) == pytest.approx(1.0, rel=0.05)
        sent = sum(one < came[0] + seconds for one in came)
        assert sent <= rate * seconds * 1.05 + _AT_ONCE_S * rate
        assert len({one.headers["webhook-id"] for one in receiver.got}) == len(receiver.got)
