"""From the queue to the endpoint: retried, fair, bounded, and never lost."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiokafka import AIOKafkaConsumer

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event
from onerouter_webhooks.delivery.transport import Answer
from onerouter_webhooks.settings import Settings

from ..conftest import INTERNAL_TOKEN, Receiver, Running, StartService, an_event, eventually, receiving


async def status_of(service: Running, endpoint: dict[str, Any], status: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many of the endpoint's deliveries have the status."""

    async def there() -> list[dict[str, Any]]:
        found = [one for one in await service.deliveries(endpoint["id"]) if one["status"] == status]
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(there, what=f"{count} {status}")
    return found


class TestRetries:
    async def test_tried_again_with_the_same_id_and_a_new_timestamp_until_taken(
        self, service: Running, receiver: Receiver
    ) -> None:
        async def third_time(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=200 if number == 3 else 500, text=f"answer {number}")

        receiver.answer = third_time
        endpoint = await service.create_endpoint(receiver.url)
        event = service.event()
        await service.publish(event)
        (delivery,) = await status_of(service, endpoint, "succeeded")
        assert [one["status"] for one in delivery["attempts"]] == [500, 500, 200]
        assert [one["number"] for one in delivery["attempts"]] == [1, 2, 3]
        assert [one["response_body"] for one in delivery["attempts"]] == ["answer 1", "answer 2", "answer 3"]
        assert {got.headers["webhook-id"] for got in receiver.got} == {event.id}
        assert len({got.body for got in receiver.got}) == 1
        is_well = "SELECT consecutive_failures = 0 AND first_failed_at IS NULL FROM webhook_endpoints"
        await eventually(lambda: service.admin.fetchval(is_well))

    async def test_the_schedules_end_is_the_deliverys_end(self, service: Running, receiver: Receiver) -> None:
        async def never(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=503)

        receiver.answer = never
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (delivery,) = await status_of(service, endpoint, "exhausted")
        assert delivery["attempt_count"] == len(service.settings.retry_schedule_s) + 1 == len(receiver.got)
        assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue") == 0

    async def test_what_nobody_expected_is_an_attempt_and_follows_the_schedule(
        self, service: Running, receiver: Receiver
    ) -> None:
        async def broken(*_: object) -> Answer:
            raise RuntimeError("a defect")

        worker = service.app.state.services.worker
        worker._requests = replace(worker._requests, transport=SimpleNamespace(post=broken))
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (delivery,) = await status_of(service, endpoint, "exhausted")
        assert {one["failure"] for one in delivery["attempts"]} == {"internal"}
        assert len(delivery["attempts"]) == len(service.settings.retry_schedule_s) + 1

    async def test_retry_after_is_honoured(self, service: Running, receiver: Receiver) -> None:
        async def later(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=200) if number > 1 else web.Response(status=429, headers={"Retry-After": "1"})

        receiver.answer = later
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())
        await status_of(service, endpoint, "succeeded")
        assert receiver.got[1].at - receiver.got[0].at >= 1.0

    async def test_gone_disables_the_endpoint_and_keeps_what_it_is_owed(
        self, service: Running, receiver: Receiver
    ) -> None:
        async def gone(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=410)

        receiver.answer = gone
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())
        await status_of(service, endpoint, "held")
        shown = await service.http.get(f"/internal/webhook-endpoints/{endpoint['id']}", headers=service.owner())
        assert shown.json()["status"] == "disabled"
        assert "410" in shown.json()["disabled_reason"]
        await service.publish(service.event())
        await status_of(service, endpoint, "held", count=2)
        assert len(receiver.got) == 1

    async def test_an_endpoint_deleted_meanwhile_cancels_what_it_is_owed(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async def never(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=500)

        receiver.answer = never
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url)
            await service.publish(service.event())
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
            answer = await service.http.delete(f"/internal/webhook-endpoints/{endpoint['id']}", headers=service.owner())
            assert answer.json() == {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
            assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue") == 0
            assert await service.admin.fetchval("SELECT outcome FROM deliveries") == "canceled"
            assert await service.admin.fetchval("SELECT count(*) FROM endpoint_secrets") == 0


class TestFairness:
    async def test_a_black_hole_does_not_delay_the_others(self, start_service: StartService) -> None:
        """60 events for an endpoint that never answers, then one for a healthy one of the same tenant."""
        release = asyncio.Event()

        async def hang(_: web.Request, __: int) -> web.StreamResponse:
            await release.wait()
            return web.Response()

        async with AsyncExitStack() as stack:
            hole, healthy = [await stack.enter_async_context(receiving()) for _ in range(2)]
            stack.callback(release.set)
            hole.answer = hang
            service = await stack.enter_async_context(
                start_service(delivery_timeout_s=30.0, max_in_flight=120, max_in_flight_per_tenant=12)
            )
            await service.create_endpoint(hole.url, event_types=["payment.failed"])
            await service.create_endpoint(healthy.url, event_types=["payment.succeeded"])
            await asyncio.gather(*(service.publish(service.event("payment.failed")) for _ in range(60)))
            await eventually(lambda: len(hole.got) == 10)
            for number in range(1, 21):
                await service.publish(service.event("payment.succeeded"))
                await eventually(lambda number=number: len(healthy.got) == number)
            assert len(hole.got) == 10, "no more than its share is in flight"
            release.set()
            await eventually(lambda: len(hole.got) == 60, what="the rest, now that it answers")


class TestCrash:
    async def test_what_a_killed_process_had_leased_is_delivered_by_another(
        self, start_service: StartService, receiver: Receiver, kafka_bootstrap: str
    ) -> None:
        """A process of its own takes events, is killed while its requests hang, and a second one delivers them all."""
        hanging = asyncio.Event()

        async def first_ones_hang(_: web.Request, number: int) -> web.StreamResponse:
            if number <= 5:
                await hanging.wait()
            return web.Response()

        receiver.answer = first_ones_hang
        async with start_service() as service:
            endpoint = await service.create_endpoint(receiver.url)
            settings, tenant_id = service.settings, service.connection.tenant_id
        victim = subprocess.Popen(
            [sys.executable, "-c", "from onerouter_server.services import run; run('webhooks')"],
            env=environment_of(settings),
        )
        events = [an_event(tenant_id) for _ in range(5)]
        try:
            await publish_to(kafka_bootstrap, events)
            await eventually(lambda: len(receiver.got) >= 5, timeout_s=120, what="the victim's requests")
        finally:
            victim.kill()
            victim.wait()
            hanging.set()
        async with start_service() as service:
            await status_of(service, endpoint, "succeeded", count=5)
        assert {got.headers["webhook-id"] for got in receiver.got[5:]} == {event.id for event in events}

    async def test_a_stopping_process_finishes_what_it_has_begun(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async def slow(_: web.Request, __: int) -> web.StreamResponse:
            await asyncio.sleep(0.3)
            return web.Response()

        receiver.answer = slow
        async with start_service(drain_timeout_s=60.0) as service:
            endpoint = await service.create_endpoint(receiver.url)
            await service.publish(service.event())
            await eventually(lambda: receiver.got)
        async with start_service() as service:
            (delivery,) = await status_of(service, endpoint, "succeeded")
            assert delivery["attempt_count"] == 1
        assert len(receiver.got) == 1

    async def test_a_result_that_comes_after_the_lease_was_lost_is_noted_as_late(
        self, service: Running, receiver: Receiver
    ) -> None:
        release = asyncio.Event()

        async def held_back(_: web.Request, number: int) -> web.StreamResponse:
            if number == 1:
                await release.wait()
            return web.Response()

        receiver.answer = held_back
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())
        await eventually(lambda: receiver.got)
        # As if this process had slept through its lease: another takes the delivery over.
        await service.admin.execute("UPDATE delivery_queue SET lease_until = now() - interval '1 second'")
        await status_of(service, endpoint, "succeeded")
        release.set()
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_attempts WHERE late"))
        assert await service.admin.fetchval("SELECT count(*) FROM deliveries") == 1


class TestTrouble:
    async def test_a_restarted_database_loses_nothing(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url)
        events = [service.event() for _ in range(20)]
        for number, event in enumerate(events):
            await service.publish(event)
            if number % 5 == 2:
                await service.admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'onerouter-webhooks'"
                )
        await status_of(service, endpoint, "succeeded", count=20)
        assert {got.headers["webhook-id"] for got in receiver.got} == {event.id for event in events}

    async def test_what_cannot_be_decoded_is_parked_and_the_rest_goes_on(
        self, service: Running, receiver: Receiver, kafka_bootstrap: str
    ) -> None:
        await service.create_endpoint(receiver.url)
        marker = service.connection.tenant_id
        await service.producer.publish("events.payments.v1", f"not an event {marker}".encode(), key=marker)
        await service.publish(service.event())
        await eventually(lambda: receiver.got)
        assert await read_dead(kafka_bootstrap, marker) == f"not an event {marker}".encode()


def environment_of(settings: Settings) -> dict[str, str]:
    """What a process of its own needs to run with these settings."""
    return {
        **os.environ,
        "ONEROUTER_MODE": "local",
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "ONEROUTER_INTERNAL_TOKENS": INTERNAL_TOKEN,
        "ONEROUTER_CALLBACK_KEYS_TEST": settings.callback_keys_test.get_secret_value(),
        "ONEROUTER_CALLBACK_KEYS_LIVE": settings.callback_keys_live.get_secret_value(),
        "ONEROUTER_WEBHOOKS_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "ONEROUTER_WEBHOOKS_DATABASE_URL": str(settings.database_url),
        "ONEROUTER_WEBHOOKS_ALLOW_PRIVATE_TARGETS": "127.0.0.0/8",
        "ONEROUTER_WEBHOOKS_DELIVERY_TIMEOUT_S": "2",
        "ONEROUTER_WEBHOOKS_DELIVERY_LEASE_MARGIN_S": "1",
        "ONEROUTER_WEBHOOKS_HOST": "127.0.0.1",
        "ONEROUTER_WEBHOOKS_PORT": "0",
        "ONEROUTER_LOG_LEVEL": "WARNING",
    }


async def publish_to(kafka_bootstrap: str, events: Sequence[Event]) -> None:
    async with Producer(kafka_bootstrap, client_id="tests") as producer:
        await producer.wait_ready(60)
        for event in events:
            await producer.publish(topics.events("payments"), event.to_bytes(), key=event.resource.id)


async def read_dead(kafka_bootstrap: str, marker: str) -> bytes:

    from onerouter_common.contracts import topics

    consumer = AIOKafkaConsumer(
        topics.dead_events("payments"), bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        async with asyncio.timeout(60):
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        if record.key == marker.encode():
                            value: bytes = record.value
                            return value
    finally:
        await consumer.stop()
