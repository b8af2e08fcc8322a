import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from onerouter_sandbox.callbacks import Callback, RetryPolicy, Try

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox


async def callbacks(sandbox: "Sandbox", state: str, count: int, **filters: Any) -> list[dict[str, Any]]:
    """Waits until so many callbacks are in that state."""
    async with asyncio.timeout(30):
        while True:
            found = (await sandbox.callbacks(state=state, **filters))["data"]
            if len(found) >= count:
                return list(found)
            await asyncio.sleep(0.01)


@pytest.fixture
async def called(sandbox: "Sandbox", receiver: "Receiver") -> "Sandbox":
    """A sandbox whose account has the receiver as its endpoint and captures by hand: one event a payment."""
    await sandbox.register(webhook_url=receiver.url, auto_capture=False)
    return sandbox


async def test_a_payment_is_told_once_per_event(sandbox: "Sandbox", receiver: "Receiver") -> None:
    await sandbox.register(webhook_url=receiver.url)
    await sandbox.paid()
    delivered = await callbacks(sandbox, "delivered", 3)
    assert sorted(receiver.events) == ["order.paid", "payment.authorized", "payment.captured"]
    assert {len(each["tries"]) for each in delivered} == {1}
    assert len({delivery.headers["x-razorpay-event-id"] for delivery in receiver.deliveries}) == 3


async def test_retries_until_2xx_with_the_same_id_and_bytes(called: "Sandbox", receiver: "Receiver") -> None:
    receiver.answers = [500, 404, 302]
    await called.paid()
    delivered = await callbacks(called, "delivered", 1)
    assert [each["status"] for each in delivered[0]["tries"]] == [500, 404, 302, 200]
    assert len({delivery.headers["x-razorpay-event-id"] for delivery in receiver.deliveries}) == 1
    assert len({(d.body, d.headers["X-Razorpay-Signature"]) for d in receiver.deliveries}) == 1


async def test_an_endpoint_that_is_away_is_tried_until_it_is_back(sandbox: "Sandbox", receiver: "Receiver") -> None:
    await sandbox.register(webhook_url="http://127.0.0.1:9/", auto_capture=False)
    await sandbox.paid()
    async with asyncio.timeout(30):
        while len((await sandbox.callbacks())["data"][0]["tries"]) < 2:
            await asyncio.sleep(0.01)
    await sandbox.register(webhook_url=receiver.url, auto_capture=False)
    delivered = await callbacks(sandbox, "delivered", 1)
    assert delivered[0]["tries"][0]["error"] == "ClientConnectorError"


async def test_gives_up_in_the_end(running: Any, receiver: "Receiver") -> None:
    receiver.answers = [500] * 1_000
    async with running(callback_give_up_h=0.1 / 3_600) as sandbox:
        await sandbox.register(webhook_url=receiver.url, auto_capture=False)
        await sandbox.paid()
        given_up = await callbacks(sandbox, "given_up", 1)
        assert given_up[0]["tries"]


async def test_a_slow_endpoint_is_a_failed_one(running: Any) -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    async with silent, running(callback_timeout_s=0.05) as sandbox:
        port = silent.sockets[0].getsockname()[1]
        await sandbox.register(webhook_url=f"http://127.0.0.1:{port}/", auto_capture=False)
        await sandbox.paid()
        async with asyncio.timeout(30):
            while not (tries := (await sandbox.callbacks())["data"][0]["tries"]):
                await asyncio.sleep(0.01)
        assert tries[0]["status"] is None
        assert "Timeout" in tries[0]["error"]


async def test_no_endpoint_no_callback(sandbox: "Sandbox") -> None:
    await sandbox.paid()
    assert (await sandbox.callbacks()) == {"data": [], "counts": {}}


async def test_resend(called: "Sandbox", receiver: "Receiver") -> None:
    await called.paid()
    done = (await callbacks(called, "delivered", 1))[0]
    await called.ask(f"/callbacks/{done['id']}/resend")
    first, second = await receiver.wait(2)
    assert first.headers["x-razorpay-event-id"] == second.headers["x-razorpay-event-id"]
    assert (await called.control.post("/callbacks/cbk_x/resend")).status_code == 404


class TestFaults:
    async def test_duplicate(self, called: "Sandbox", receiver: "Receiver") -> None:
        await called.fault("duplicate_callback", "payment.authorized", copies=2, times=1)
        await called.paid()
        deliveries = await receiver.wait(3)
        assert len({(d.body, d.headers["x-razorpay-event-id"]) for d in deliveries}) == 1
        copies = [each["copy_of"] for each in await callbacks(called, "delivered", 3)]
        assert copies.count(None) == 1

    async def test_late(self, sandbox: "Sandbox", receiver: "Receiver") -> None:
        await sandbox.register(webhook_url=receiver.url)
        await sandbox.fault("late_callback", "payment.authorized", delay_s=0.3, times=1)
        await sandbox.paid()
        await receiver.wait(3)
        late = (await callbacks(sandbox, "delivered", 1, event="payment.authorized"))[0]
        assert late["tries"][0]["at"] - late["created_at"] >= 0.3

    async def test_reordered(self, sandbox: "Sandbox", receiver: "Receiver") -> None:
        await sandbox.register(webhook_url=receiver.url)
        await sandbox.fault("reordered_callbacks", "payment.authorized", delay_s=60, times=1)
        await sandbox.paid()
        await receiver.wait(3)
        assert receiver.events.index("payment.captured") < receiver.events.index("payment.authorized")
        authorized = next(d for d in receiver.deliveries if d.event == "payment.authorized")
        assert authorized.payload["payment"]["entity"]["status"] == "authorized"  # a snapshot stays what it was

    async def test_reordered_with_nothing_to_follow_comes_in_the_end(
        self, called: "Sandbox", receiver: "Receiver"
    ) -> None:
        await called.fault("reordered_callbacks", delay_s=0.1, times=1)
        await called.paid()
        await receiver.wait(1)


async def test_nothing_is_lost_among_many(sandbox: "Sandbox", receiver: "Receiver") -> None:
    await sandbox.register(webhook_url=receiver.url)
    receiver.answers = [503] * 100
    await sandbox.fault("duplicate_callback", probability=0.2, seed=1)
    await sandbox.fault("reordered_callbacks", probability=0.2, seed=2, delay_s=0.1)
    await asyncio.gather(*(sandbox.paid() for _ in range(50)))
    async with asyncio.timeout(60):
        while "pending" in (counts := (await sandbox.callbacks(limit=1))["counts"]):
            await asyncio.sleep(0.05)
    assert counts["delivered"] >= 150
    assert len({delivery.headers["x-razorpay-event-id"] for delivery in receiver.deliveries}) == 150


class TestTries:
    @staticmethod
    def saved(tries: int) -> dict[str, Any]:
        """As it was written down before tries were counted."""
        one = {"at": 1.0, "status": 500, "error": None, "duration_ms": 2.0}
        named = dict.fromkeys(("id", "provider", "account", "event", "event_id", "group", "body"), "x")
        return {**named, "headers": {}, "created_at": 1.0, "due_at": 2.0, "tries": [one] * tries}

    def test_all_are_counted_and_the_last_are_kept(self) -> None:
        callback = Callback.restored(self.saved(0))
        for status in [*[503] * 30, 404, 200]:
            callback.add(Try(1.0, status, None, 2.0))
        assert callback.tried == 32
        assert [each.status for each in callback.tries] == [*[503] * 18, 404, 200]
        assert Callback.restored(callback.record()) == callback

    def test_what_was_saved_before_they_were_counted_is_read(self) -> None:
        restored = Callback.restored(self.saved(25))
        assert (restored.tried, len(restored.tries)) == (25, 20)


def test_retry_waits_double_up_to_the_most() -> None:
    policy = RetryPolicy(first_s=1, most_s=60, give_up_s=86_400)
    assert [policy.wait_s(tries) for tries in (1, 2, 3, 6, 7, 10_000)] == [1, 2, 4, 32, 60, 60]
