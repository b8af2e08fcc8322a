"""What an endpoint asks for is obeyed, whatever it says besides."""

from datetime import UTC, datetime

from aiohttp import web

from onerouter_webhooks.delivery.decide import after_answer
from onerouter_webhooks.delivery.queue import TryAgain, Work
from onerouter_webhooks.delivery.schedule import RetrySchedule

from ..conftest import Receiver
from .test_transport import post

_WORK = Work("dlv_1", 1, 0, "ten_1", "test", "we_1", "evt_1", "event", "https://example.com", "enabled", 1, b"{}")


async def test_behind_more_headers_than_are_kept(receiver: Receiver) -> None:
    async def wordy(_: web.Request, __: int) -> web.StreamResponse:
        large = {f"X-Large-{number}": "x" * 3_000 for number in range(3)}
        return web.Response(status=503, headers={"X-First": "1", **large, "Retry-After": "3000", "X-Last": "1"})

    receiver.answer = wordy
    answer = await post(receiver.url)
    assert answer.retry_after == "3000"
    assert {"x-first", "x-large-0", "x-last"} <= answer.headers.keys()
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= 4 * 1024
    decision = after_answer(_WORK, answer, RetrySchedule((5.0,)), datetime.now(UTC))
    assert isinstance(decision, TryAgain) and decision.wait_s >= 3_000
