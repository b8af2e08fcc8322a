"""Callbacks in: verified, stored once, acknowledged, handed on."""

import asyncio
import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from onerouter_common import telemetry
from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.registry import RegistryChange

from ..conftest import (
    PREVIOUS_SECRET,
    Running,
    StartService,
    bodies_of,
    eventually,
    is_published,
    razorpay_body,
    rows_of,
)
from .conftest import ReadCallbacks


class TestGenuine:
    async def test_it_is_stored_and_handed_to_the_worker(self, service: Running, read_callbacks: ReadCallbacks) -> None:
        body = razorpay_body(order_id="order_ABCDEF01234567")
        answer = await service.send_callback(body, event_id="evt_first")
        assert answer.status_code == 200
        ((key, callback),) = await read_callbacks(service.connection.tenant_id, 1)
        assert key == "order_ABCDEF01234567"
        assert callback.provider_event_id == "evt_first"
        assert callback.connection_id == service.connection.connection_id
        assert callback.object.kind == "payment"
        assert callback.object.status == "succeeded"
        assert callback.object.amount_minor == 49_900
        await eventually(lambda: is_published(service))
        (row,) = await rows_of(service)
        assert row["state"] == "read"
        assert body not in row["sealed"]
        assert await bodies_of(service) == [body]
        (record,) = await service.admin.fetch("SELECT * FROM callback_records")
        assert (record["id"], record["inbound_id"]) == (callback.callback_id, row["id"])

    async def test_a_hundred_twins_at_once_are_one_row_and_all_are_accepted(
        self, service: Running, read_callbacks: ReadCallbacks
    ) -> None:
        body = razorpay_body()
        answers = await asyncio.gather(*(service.send_callback(body, event_id="evt_twin") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        (row,) = await rows_of(service)
        assert row["seen"] == 100
        assert service.connection.asked == 1
        await service.send_callback(razorpay_body(), event_id="evt_other")
        records = await read_callbacks(service.connection.tenant_id, 2)
        assert [one.provider_event_id for _, one in records].count("evt_twin") == 1

    async def test_the_previous_secret_still_fits(self, service: Running) -> None:
        answer = await service.send_callback(razorpay_body(), secret=PREVIOUS_SECRET)
        assert answer.status_code == 200

    async def test_a_kind_we_do_not_follow_is_kept(self, service: Running) -> None:
        assert (await service.send_callback(razorpay_body("invoice.expired"))).status_code == 200
        assert [(row["kind"], row["state"]) for row in await rows_of(service)] == [("invoice.expired", "unhandled")]

    async def test_what_cannot_be_read_is_kept_and_accepted(self, service: Running) -> None:
        bodies = [
            b"not json",
            b"[]",
            b'{"event":"payment.captured"}',
            b'{"event":"payment.captured\\u0000"}',
            b"\xff\xfe",
            b"",
        ]
        for number, body in enumerate(bodies):
            assert (await service.send_callback(body, event_id=f"evt_odd_{number}")).status_code == 200
        rows = await rows_of(service)
        assert await bodies_of(service) == bodies
        assert {row["state"] for row in rows} <= {"unparsed", "unhandled"}

    async def test_the_providers_own_vector(self, service: Running) -> None:
        """Razorpay's documented form: body with non-ASCII characters, one line, as sent."""
        body = (
            '{"entity":"event","account_id":"acc_ORTEST00000001","event":"payment.captured","contains":["payment"],'
            '"payload":{"payment":{"entity":{"id":"pay_ORTEST00000001","amount":129900,"currency":"INR",'
            '"status":"captured","notes":{"name":"Zoë ₹"}}}},"created_at":1767225600}'
        ).encode()
        assert (await service.send_callback(body)).status_code == 200
        reserialized = json.dumps(json.loads(body)).encode()
        answer = await service.http.post(
            f"/callbacks/razorpay/{service.connection.token}",
            content=reserialized,
            headers={"X-Razorpay-Signature": "643660734f4e382d0f0a9aae67d40277b4431d17c67586c7ea049a4d8eaaccef"},
        )
        assert answer.status_code == 401


class TestRefused:
    async def test_a_bad_signature_is_401_and_stores_nothing(self, service: Running) -> None:
        answer = await service.send_callback(razorpay_body(), secret="somebody else's")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        unsigned = await service.http.post(f"/callbacks/razorpay/{service.connection.token}", content=razorpay_body())
        assert unsigned.status_code == 401
        assert await rows_of(service) == []
        assert b'result="bad_signature"' in generate_latest()

    async def test_an_unknown_address_is_404_without_detail(self, service: Running) -> None:
        token = service.connection.token
        for path in (
            "razorpay/unknown-token",
            f"razorpay/{'u' * 43}",
            f"paypal/{token}",
            f"razorpay/{token}x",
            "razorpay/..%2F..%2Finternal",
        ):
            answer = await service.http.post(f"/callbacks/{path}", content=razorpay_body())
            assert answer.status_code == 404
            assert token not in answer.json()["detail"]
        assert await rows_of(service) == []

    async def test_the_body_of_an_unknown_sender_is_not_read(self, service: Running) -> None:
        async def never_read() -> Any:
            yield b"x"
            await asyncio.sleep(60)

        async with asyncio.timeout(20):
            answer = await service.http.post(f"/callbacks/razorpay/{'u' * 43}", content=never_read())
        assert answer.status_code == 404

    async def test_more_at_once_than_the_bound_are_asked_to_come_again(self, start_service: StartService) -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def slow() -> Any:
            begun.set()
            await release.wait()
            yield b"{}"

        async with start_service(max_callbacks=1) as service:
            url = f"/callbacks/razorpay/{service.connection.token}"
            first = asyncio.create_task(service.http.post(url, content=slow()))
            await begun.wait()
            second = await service.http.post(url, content=b"{}")
            assert (second.status_code, second.headers["retry-after"]) == (503, "5")
            assert (await service.http.post(f"/callbacks/razorpay/{'u' * 43}", content=b"{}")).status_code == 404
            release.set()
            assert (await first).status_code == 401

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
    async def test_what_else_there_is_is_not_told(self, service: Running, path: str) -> None:
        assert (await service.http.get(path)).status_code == 404

    async def test_more_than_a_mebibyte_is_413_however_it_is_sent(self, service: Running) -> None:
        async def chunks() -> Any:
            for _ in range(17):
                yield b"x" * 65_536

        url = f"/callbacks/razorpay/{service.connection.token}"
        assert (await service.http.post(url, content=b"x" * (1024 * 1024 + 1))).status_code == 413
        assert (await service.http.post(url, content=chunks())).status_code == 413

    async def test_a_dropped_token_is_asked_for_again(self, service: Running) -> None:
        await service.send_callback(razorpay_body())
        change = RegistryChange(
            entity="connection",
            id=service.connection.connection_id,
            tenant_id=service.connection.tenant_id,
            environment="test",
            change="updated",
            at=SystemClock().now(),
        )
        asked = service.connection.asked

        async def asked_again() -> bool:
            await service.producer.publish(topics.REGISTRY_CHANGES, change.to_bytes(), key=change.id)
            await service.send_callback(razorpay_body())
            return service.connection.asked > asked

        await eventually(asked_again)


class TestSpan:
    async def test_it_names_providers_we_know_and_nothing_else_of_the_path(
        self, service: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
        await service.http.post(f"/callbacks/4111111111111111/{service.connection.token}")
        assert (await service.send_callback(razorpay_body())).status_code == 200
        spans = [span for span in exporter.get_finished_spans() if span.name == "callback.receive"]
        assert [dict(span.attributes or {}) for span in spans] == [{"provider": "unknown"}, {"provider": "razorpay"}]


class TestTrouble:
    async def test_without_the_database_it_is_503_and_nothing_is_claimed(self, start_service: StartService) -> None:
        async with start_service(callback_deadline_s=1.0) as service:
            await service.send_callback(razorpay_body())
            async with service.admin.acquire() as holder, holder.transaction():
                await holder.execute("LOCK TABLE inbound_events IN ACCESS EXCLUSIVE MODE")
                answer = await service.send_callback(razorpay_body(), event_id="evt_late")
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.elapsed.total_seconds() < 15

            async def accepted() -> bool:
                answer = await service.send_callback(razorpay_body(), event_id="evt_late")
                return bool(answer.status_code == 200)

            await eventually(accepted)

    async def test_a_lost_connection_is_503_then_works_again(self, service: Running) -> None:
        await service.send_callback(razorpay_body())
        await service.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'onerouter-webhooks'"
        )

        async def accepted() -> bool:
            answer = await service.send_callback(razorpay_body())
            assert answer.status_code in {200, 503}
            return answer.status_code == 200

        await eventually(accepted)

    async def test_without_the_log_callbacks_are_taken_and_published_later(
        self, start_service: StartService, read_callbacks: ReadCallbacks
    ) -> None:
        """The same as a crash between commit and publish: only the database knows."""
        async with start_service(kafka_bootstrap_servers="127.0.0.1:1", callback_relay_after_s=0.2) as service:
            answer = await service.send_callback(razorpay_body(), event_id="evt_stranded")
            assert answer.status_code == 200
            assert not await is_published(service)
        async with start_service(callback_relay_after_s=0.2) as service:
            ((_, callback),) = await read_callbacks(service.connection.tenant_id, 1)
            assert callback.provider_event_id == "evt_stranded"
            await eventually(lambda: is_published(service))
