"""What a tenant sees of its deliveries, and what it can have sent again."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from onerouter_common.ids import DELIVERY, new_id
from onerouter_webhooks.delivery.transport import Answer, Transport

from ..conftest import Receiver, Running, StartService, eventually
from .test_delivering import status_of


async def ask(service: Running, path: str, method: str = "GET", **owner: Any) -> tuple[int, dict[str, Any]]:
    answer = await service.http.request(method, f"/internal/{path}", headers=service.owner(**owner))
    body: dict[str, Any] = answer.json()
    return answer.status_code, body


async def page(service: Running, endpoint: dict[str, Any], **filters: str) -> list[str]:
    status, body = await ask(service, f"webhook-endpoints/{endpoint['id']}/deliveries?{urlencode(filters)}")
    assert status == 200, body
    return [one["id"] for one in body["data"]]


async def refuse(_: web.Request, __: int) -> web.StreamResponse:
    return web.Response(status=500, text="x" * 5_000)


def _resent() -> float:
    return REGISTRY.get_sample_value("onerouter_delivery_resent_total") or 0.0


class TestList:
    async def test_by_status_type_and_time_in_pages(self, start_service: StartService, receiver: Receiver) -> None:
        async def only_the_first(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=200 if number == 1 else 500)

        receiver.answer = only_the_first
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.publish(service.event())
            (taken,) = await status_of(service, endpoint, "succeeded")
            await service.publish(service.event("payment.failed"))
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
            newest, oldest = await page(service, endpoint)
            assert oldest == taken["id"]
            assert await page(service, endpoint, status="succeeded") == [oldest]
            assert await page(service, endpoint, status="pending") == [newest]
            assert await page(service, endpoint, status="held") == []
            assert await page(service, endpoint, type="payment.failed") == [newest]
            at = (await ask(service, f"deliveries/{newest}"))[1]["created_at"]
            assert await page(service, endpoint, until=at) == [oldest]
            assert await page(service, endpoint, since=taken["created_at"]) == [newest, oldest]
            assert await page(service, endpoint, since="2999-01-01T00:00:00Z") == []
            assert await page(service, endpoint, limit="1") == [newest]
            assert await page(service, endpoint, limit="1", cursor=newest) == [oldest]

    async def test_what_is_wrong_is_named(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        for name, value in (
            ("status", "lost"),
            ("since", "yesterday"),
            ("until", "0001-01-01T00:00:00+14:00"),
            ("type", "a\u0000b"),
            ("cursor", "%"),
            ("limit", "101"),
        ):
            query = urlencode({name: value})
            status, problem = await ask(service, f"webhook-endpoints/{endpoint['id']}/deliveries?{query}")
            assert (status, problem["errors"][0]["field"]) == (422, name)


class TestGet:
    async def test_every_attempt_with_all_that_was_answered(self, service: Running, receiver: Receiver) -> None:
        receiver.answer = refuse
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (listed,) = await status_of(service, endpoint, "exhausted")
        assert {(len(one["response_body"]), one["response_truncated"]) for one in listed["attempts"]} == {(1_024, True)}
        status, delivery = await ask(service, f"deliveries/{listed['id']}")
        assert status == 200
        assert [one["number"] for one in delivery["attempts"]] == [1, 2, 3, 4]
        assert {(one["response_body"], one["response_truncated"]) for one in delivery["attempts"]} == {
            ("x" * 5_000, False)
        }
        assert {one["remote_address"] for one in delivery["attempts"]} == {"127.0.0.1"}
        assert all(one["response_headers"]["content-type"].startswith("text/plain") for one in delivery["attempts"])
        assert {one["resent"] for one in delivery["attempts"]} == {False}

    async def test_an_attempt_says_that_its_request_went_out_twice(
        self, service: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever it is kept: with the outcome of what was taken at once, and apart."""

        async def the_first_time(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=500 if number == 1 else 200)

        async def sent_again(transport: Transport, *what: Any, **how: Any) -> Answer:
            return replace(await post(transport, *what, **how), resent=True)

        post, counted = Transport.post, _resent()
        monkeypatch.setattr(Transport, "post", sent_again)
        receiver.answer = the_first_time
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        await status_of(service, endpoint, "succeeded")
        await service.publish(service.event())
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 2 FROM deliveries"))
        shown = [[one["resent"] for one in each["attempts"]] for each in await service.deliveries(endpoint["id"])]
        assert shown == [[True], [True, True]]
        assert _resent() - counted == 3


class TestRetry:
    async def test_is_one_more_attempt_at_once_and_ends_what_was_planned(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async def the_first_time(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=500 if number == 1 else 200)

        receiver.answer = the_first_time
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            event = service.event()
            await service.publish(event)
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
            (planned,) = await page(service, endpoint)
            status, made = await ask(service, f"deliveries/{planned}/retry", "POST")
            assert (status, made["status"], made["trigger"]) == (200, "pending", "manual")
            await status_of(service, endpoint, "succeeded")
            assert [one["status"] for one in await service.deliveries(endpoint["id"])] == ["succeeded", "canceled"]
            assert [got.headers["webhook-id"] for got in receiver.got] == [event.id] * 2

    async def test_that_fails_is_not_tried_again_and_can_be_asked_for_again(
        self, service: Running, receiver: Receiver
    ) -> None:
        receiver.answer = refuse
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (first,) = await status_of(service, endpoint, "exhausted")
        for count in (2, 3):
            assert (await ask(service, f"deliveries/{first['id']}/retry", "POST"))[0] == 200
            newest = (await status_of(service, endpoint, "exhausted", count=count))[0]
            assert (newest["trigger"], newest["attempt_count"]) == ("manual", 1)
        assert len(receiver.got) == 4 + 2

    async def test_of_an_endpoint_that_is_not_enabled_is_a_conflict(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (taken,) = await status_of(service, endpoint, "succeeded")
        await service.admin.execute("UPDATE webhook_endpoints SET status = 'paused'")
        status, problem = await ask(service, f"deliveries/{taken['id']}/retry", "POST")
        assert (status, "paused" in problem["detail"]) == (409, True)
        await service.http.delete(f"/internal/webhook-endpoints/{endpoint['id']}", headers=service.owner())
        assert (await ask(service, f"deliveries/{taken['id']}/retry", "POST"))[0] == 409
        assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue") == 0


class TestIsolation:
    async def test_strangers_see_and_retry_nothing(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.publish(service.event())
        (taken,) = await status_of(service, endpoint, "succeeded")
        for stranger in ({"tenant_id": "ten_stranger"}, {"environment": "live"}):
            for method, path in (
                ("GET", f"deliveries/{taken['id']}"),
                ("POST", f"deliveries/{taken['id']}/retry"),
                ("GET", f"webhook-endpoints/{endpoint['id']}/deliveries"),
            ):
                assert (await ask(service, path, method, **stranger))[0] == 404
        assert (await ask(service, f"deliveries/{new_id(DELIVERY)}"))[0] == 404
        assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue") == 0
        assert len(receiver.got) == 1

    async def test_only_services_may_ask(self, service: Running) -> None:
        headers = {**service.owner(), "Authorization": "Bearer wrong"}
        for method, path in (("GET", "deliveries/x"), ("POST", "deliveries/x/retry")):
            assert (await service.http.request(method, f"/internal/{path}", headers=headers)).status_code == 401
