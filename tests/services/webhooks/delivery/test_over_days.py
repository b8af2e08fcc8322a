"""Three days of retries, and what follows from an endpoint that fails: on the real database, with moved clocks."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web

from onerouter_common.contracts.event_examples import EXAMPLES
from onerouter_webhooks.settings import Settings

from ..conftest import Receiver, Running, StartService, eventually, receiving
from .test_delivering import status_of
from .timing import Timed, starting

DEFAULT: tuple[float, ...] = Settings.model_fields["retry_schedule_s"].default
ABOUT_WEBHOOKS = ["endpoint.*", "delivery.*"]


def answering(status: int, **headers: str) -> Callable[[web.Request, int], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


async def row_of(service: Running, endpoint: dict[str, Any]) -> dict[str, Any]:
    row = await service.admin.fetchrow("SELECT * FROM webhook_endpoints WHERE id = $1", endpoint["id"])
    assert row is not None
    return dict(row)


async def rests(service: Running) -> None:
    """Nothing is under way."""
    await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM delivery_queue WHERE state = 1"))


async def told(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    await eventually(lambda: len(receiver.got) >= count, what=f"{count} events about webhooks")
    return [orjson.loads(one.body) for one in receiver.got]


class TestSchedule:
    async def test_ten_attempts_within_a_fifth_of_the_planned_times_over_75_hours(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        receiver.answer = answering(500)
        async with starting(start_service, retry_schedule_s=DEFAULT) as timed:
            service = timed.service
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            event = service.event()
            await service.publish(event)
            for number, planned in enumerate(DEFAULT, start=1):
                await eventually(lambda number=number: len(receiver.got) == number, what=f"attempt {number}")
                await rests(service)
                wait = await timed.wait_of()
                assert planned * 0.8 - 2 <= wait <= planned * 1.2
                if wait > 60:
                    await timed.move(timedelta(seconds=wait - 30))
                    await timed_out_of_turn(timed, receiver, number)
                    wait = await timed.wait_of()
                await timed.move(timedelta(seconds=wait + 0.1))
            (delivery,) = await status_of(service, endpoint, "exhausted")
            assert delivery["attempt_count"] == 10
            assert len(receiver.got) == 10
            assert {got.headers["webhook-id"] for got in receiver.got} == {event.id}
            stamps = [int(got.headers["webhook-timestamp"]) for got in receiver.got]
            assert stamps[-1] - stamps[0] == pytest.approx(sum(DEFAULT), rel=0.2)

    async def test_retry_after_is_a_floor_within_bounds(self, start_service: StartService, receiver: Receiver) -> None:
        async with starting(start_service, retry_schedule_s=(5, 300), retry_overload_floor_s=60) as timed:
            receiver.answer = answering(429, **{"Retry-After": "1800"})
            endpoint = await timed.service.create_endpoint(receiver.url, event_types=["payment.*"])
            await timed.service.publish(timed.service.event())
            await eventually(lambda: len(receiver.got) == 1)
            await rests(timed.service)
            assert 1_795 <= await timed.wait_of() <= 1_800 * 1.2
            receiver.answer = answering(503, **{"Retry-After": "999999999"})
            await timed.move(timedelta(seconds=1_800 * 1.2))
            await eventually(lambda: len(receiver.got) == 2)
            await rests(timed.service)
            most = 2 * 300 + 7_200
            assert most - 5 <= await timed.wait_of() <= most * 1.2
            assert (await row_of(timed.service, endpoint))["consecutive_failures"] == 2


async def timed_out_of_turn(timed: Timed, receiver: Receiver, number: int) -> None:
    """Shortly before its time nothing is sent, whoever looks into the queue."""
    due = await timed.service.app.state.services.worker._queue.due()
    assert all(one.wait_s > 0 for one in due)
    assert len(receiver.got) == number


class TestBreaker:
    async def test_costs_no_attempts_tries_one_and_then_goes_on(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        receiver.answer = answering(500)
        async with starting(start_service, retry_schedule_s=(3_600,), retry_jitter=0) as timed:
            service = timed.service
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            for _ in range(10):
                await service.publish(service.event())
            await eventually(lambda: len(receiver.got) == 10)
            await rests(service)
            assert (await row_of(service, endpoint))["breaker_opens"] == 1
            for _ in range(15):
                await service.publish(service.event())
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 25 FROM delivery_queue"))
            assert (await service.app.state.services.worker._queue.due())[0].wait_s > 20
            for opens, wait in ((2, 60), (3, 120)):
                await timed.move(timedelta(seconds=wait))
                await eventually(lambda opens=opens: len(receiver.got) == 9 + opens, what="one probe")
                await rests(service)
                row = await row_of(service, endpoint)
                assert row["breaker_opens"] == opens
                assert (row["breaker_until"] - timed.clock.now()).total_seconds() == pytest.approx(wait, abs=3)
            assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue WHERE attempts = 0") == 13
            receiver.answer = answering(200)
            await timed.move(timedelta(seconds=121))
            await status_of(service, endpoint, "succeeded", count=13)
            assert (await row_of(service, endpoint))["breaker_opens"] == 0
            await timed.move(timedelta(hours=1))
            taken = await status_of(service, endpoint, "succeeded", count=25)
            assert sorted(one["attempt_count"] for one in taken) == [1] * 13 + [2] * 12

    async def test_a_restart_forgets_nothing_of_it(self, start_service: StartService, receiver: Receiver) -> None:
        receiver.answer = answering(500)
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            for _ in range(10):
                await service.publish(service.event())
            opened = "SELECT breaker_opens = 1 FROM webhook_endpoints"
            await eventually(lambda: service.admin.fetchval(opened))
            before = await row_of(service, endpoint)
        receiver.got.clear()
        receiver.answer = answering(200)
        async with start_service(retry_schedule_s=(3_600,)) as service:
            for _ in range(5):
                await service.publish(service.event())
            waiting = "SELECT count(*) = 5 FROM delivery_queue WHERE attempts = 0 AND state = 0"
            await eventually(lambda: service.admin.fetchval(waiting))
            (due,) = await service.app.state.services.worker._queue.due()
            assert due.wait_s > 0
            assert await row_of(service, endpoint) == before
            assert receiver.got == []
            await service.admin.execute("UPDATE webhook_endpoints SET breaker_until = now()")
            await status_of(service, endpoint, "succeeded", count=5)

    async def test_two_processes_send_one_probe(self, start_service: StartService, receiver: Receiver) -> None:
        async with starting(start_service, retry_schedule_s=(3_600,)) as timed:
            service = timed.service
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            worker = service.app.state.services.worker
            await service.admin.execute(
                "UPDATE webhook_endpoints SET breaker_opens = 1, breaker_until = now() + interval '1 hour'"
            )
            for _ in range(20):
                await service.publish(service.event())
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 20 FROM delivery_queue"))
            worker._draining = True  # the test claims itself
            worker.wake()
            async with worker._claiming:
                pass  # what was being claimed in that moment
            await service.admin.execute("UPDATE webhook_endpoints SET breaker_until = now() - interval '1 second'")
            lane = (await worker._queue.due())[0].lane
            first = await worker._queue.claim({lane: 10}, worker.lease)
            second = await worker._queue.claim({lane: 10}, worker.lease)
            assert [(one.is_probe, one.event_type) for one in first] == [(True, "payment.succeeded")]
            assert second == []
            assert (await row_of(service, endpoint))["breaker_opens"] == 1


class TestTold:
    async def test_the_tenant_of_a_day_of_three_days_of_the_end_and_of_the_recovery(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        receiver.answer = answering(500)
        async with (
            receiving() as watcher,
            starting(start_service, retry_schedule_s=DEFAULT, retry_jitter=0) as timed,
        ):
            service = timed.service
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.create_endpoint(watcher.url, event_types=ABOUT_WEBHOOKS)
            await service.publish(service.event())
            for number, wait in enumerate(DEFAULT, start=1):
                await eventually(lambda number=number: len(receiver.got) == number)
                await rests(service)
                await timed.move(timedelta(seconds=wait))
            await status_of(service, endpoint, "exhausted")
            # Of two resources: which comes first is open.
            day, days, end = sorted(await told(watcher, 3), key=lambda one: one["type"] == "delivery.exhausted")
            assert [one["type"] for one in (day, days)] == ["endpoint.failing"] * 2
            assert [one["sequence"] for one in (day, days)] == [1, 2]
            assert set(day["data"]) == set(EXAMPLES["webhook_endpoint"])
            assert set(end["data"]) == set(EXAMPLES["delivery"])
            assert day["resource"] == {"kind": "webhook_endpoint", "id": endpoint["id"]}
            assert (day["data"]["url"], day["data"]["failed_attempts"]) == (receiver.url, 8)
            assert (end["type"], end["data"]["attempt_count"], end["data"]["last_status"]) == (
                "delivery.exhausted",
                10,
                500,
            )
            receiver.answer = answering(200)
            await timed.move(timedelta(minutes=11))  # its breaker was open
            await service.publish(service.event())
            recovered = (await told(watcher, 4))[-1]
            assert (recovered["type"], recovered["sequence"]) == ("endpoint.recovered", 3)
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM event_outbox"))

    async def test_what_fails_to_be_told_is_not_told_about(self, service: Running, receiver: Receiver) -> None:
        """The only endpoint takes everything and fails always: its failed delivery is told, and that one's is not."""
        receiver.answer = answering(500)
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())

        # The breaker opens on the way: each probe is let through at once.
        async def both() -> bool:
            await service.admin.execute("UPDATE webhook_endpoints SET breaker_until = now() WHERE breaker_opens > 0")
            found = [one for one in await service.deliveries(endpoint["id"]) if one["status"] == "exhausted"]
            return len(found) == 2

        await eventually(both, what="both exhausted")
        exhausted = await service.deliveries(endpoint["id"])
        assert [one["event_type"] for one in exhausted] == ["delivery.exhausted", "payment.succeeded"]
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM event_outbox"))
        mine = service.connection.tenant_id
        assert await service.admin.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", mine) == 2


class TestDisabled:
    async def test_after_five_days_without_a_success_and_twenty_attempts(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        receiver.answer = answering(500)
        async with (
            receiving() as watcher,
            starting(start_service, retry_schedule_s=(60,) * 30, retry_jitter=0) as timed,
        ):
            service = timed.service
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.create_endpoint(watcher.url, event_types=ABOUT_WEBHOOKS)
            await service.publish(service.event())
            for number in range(1, 20):
                await eventually(lambda number=number: len(receiver.got) == number)
                await rests(service)
                await timed.move(timedelta(minutes=11))
            await eventually(lambda: len(receiver.got) == 20)
            await rests(service)
            assert (await row_of(service, endpoint))["status"] == "enabled"
            await timed.move(timedelta(days=5))
            (event,) = await told(watcher, 1)
            assert event["type"] == "endpoint.disabled"
            assert (event["data"]["status"], "5 days" in event["data"]["disabled_reason"]) == ("disabled", True)
            row = await row_of(service, endpoint)
            assert (row["status"], "5 days" in row["disabled_reason"]) == ("disabled", True)
            await status_of(service, endpoint, "held")
            assert len(receiver.got) == 21
            receiver.answer = answering(200)
            await service.http.post(f"/internal/webhook-endpoints/{endpoint['id']}/enable", headers=service.owner())
            await status_of(service, endpoint, "succeeded")
            assert [one["type"] for one in await told(watcher, 2)] == ["endpoint.disabled", "endpoint.recovered"]

    async def test_by_410_the_tenant_is_told_at_once(self, service: Running, receiver: Receiver) -> None:
        receiver.answer = answering(410)
        async with receiving() as watcher:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.create_endpoint(watcher.url, event_types=ABOUT_WEBHOOKS)
            await service.publish(service.event())
            (event,) = await told(watcher, 1)
            assert (event["type"], event["resource"]["id"]) == ("endpoint.disabled", endpoint["id"])
            assert "410" in event["data"]["disabled_reason"]
