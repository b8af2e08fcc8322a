"""What somebody asks for by hand: now, whatever waits, and whatever the endpoint failed at before."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from ..conftest import Receiver, Running, StartService, eventually
from .test_access import ask
from .test_delivering import status_of
from .test_dispatch import _LATER, _THEIR_ENDPOINTS
from .test_over_days import answering, row_of

_LEAVE_ALONE = """
UPDATE webhook_endpoints SET breaker_opens = 3, consecutive_failures = 12, breaker_until = now() + interval '1 hour'
"""
# The topics are everybody's, and `ten_1` is who other tests tell of.
_NOBODYS = "UPDATE delivery_queue SET tenant_id = 'nobody_' || tenant_id"


async def send_test(service: Running, endpoint: dict[str, Any]) -> str:
    path = f"/internal/webhook-endpoints/{endpoint['id']}/test"
    answer = await service.http.post(path, json={"type": "payment.succeeded"}, headers=service.owner())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["event_id"])


class TestWhileItIsLeftAlone:
    async def test_it_is_sent_leaves_the_breaker_as_it_is_and_closes_it_when_it_is_taken(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        receiver.answer = answering(500)
        async with start_service(retry_schedule_s=(3_600,)) as service:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.publish(service.event())
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
            (planned,) = await service.deliveries(endpoint["id"])
            await service.admin.execute(_LEAVE_ALONE)
            before = await row_of(service, endpoint)
            assert (await ask(service, f"deliveries/{planned['id']}/retry", "POST"))[0] == 200
            await status_of(service, endpoint, "exhausted", count=1)
            await send_test(service, endpoint)
            await status_of(service, endpoint, "exhausted", count=2)
            after = await row_of(service, endpoint)
            assert len(receiver.got) == 3
            assert (after["breaker_opens"], after["breaker_until"]) == (3, before["breaker_until"])

            receiver.answer = answering(200)
            waiting = service.event()
            await service.publish(waiting)
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 2 FROM delivery_queue WHERE state = 0"))
            asked = await send_test(service, endpoint)
            await status_of(service, endpoint, "succeeded", count=2)
            assert [got.headers["webhook-id"] for got in receiver.got[3:]] == [asked, waiting.id], "and all goes on"
            assert (await row_of(service, endpoint))["breaker_opens"] == 0

    async def test_to_enable_it_closes_the_breaker_and_changes_nothing_else(
        self, service: Running, receiver: Receiver
    ) -> None:
        endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        await service.admin.execute(_LEAVE_ALONE + ", first_failed_at = now() - interval '1 hour'")
        before = await row_of(service, endpoint)
        await service.publish(service.event())
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM delivery_queue WHERE state = 0"))
        path = f"/internal/webhook-endpoints/{endpoint['id']}/enable"
        shown = (await service.http.post(path, json={}, headers=service.owner())).json()
        assert shown == {key: endpoint[key] for key in shown}
        after = await row_of(service, endpoint)
        await eventually(lambda: receiver.got)
        assert (after["breaker_opens"], after["breaker_until"], after["consecutive_failures"]) == (0, None, 0)
        assert after["version"] == before["version"]

    async def test_and_lets_what_waits_go_at_once_however_many_endpoints_there_are(
        self, start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To look over all of them takes minutes here."""
        monkeypatch.setattr("onerouter_webhooks.delivery.dispatch._ROUND", 2)
        async with start_service(poll_interval_s=2) as service:
            endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
            await service.admin.execute(_LEAVE_ALONE)
            await service.admin.execute(_LATER, 400)
            await service.admin.execute(_NOBODYS)
            await service.admin.execute(_THEIR_ENDPOINTS)
            await service.publish(service.event())
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 401 FROM delivery_queue"))
            await service.http.post(
                f"/internal/webhook-endpoints/{endpoint['id']}/enable", json={}, headers=service.owner()
            )
            await eventually(lambda: receiver.got)


class TestBesideABacklog:
    @pytest.mark.parametrize("rate_per_s", [None, 50.0], ids=["as_fast_as_it_goes", "so_many_a_second"])
    async def test_it_is_sent_before_all_that_waits(
        self, service: Running, receiver: Receiver, rate_per_s: float | None
    ) -> None:
        may_answer = asyncio.Event()

        async def slow(_: web.Request, __: int) -> web.StreamResponse:
            await may_answer.wait()
            return web.Response()

        receiver.answer = slow
        endpoint = await service.create_endpoint(
            receiver.url, event_types=["payment.*"], max_in_flight=1, timeout_s=30, rate_per_s=rate_per_s
        )
        for _ in range(6):
            await service.publish(service.event())
        await eventually(lambda: receiver.got)
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 6 FROM delivery_queue"))
        asked = await send_test(service, endpoint)
        assert len(receiver.got) == 1
        may_answer.set()
        await eventually(lambda: len(receiver.got) == 7)
        assert receiver.got[1].headers["webhook-id"] == asked
