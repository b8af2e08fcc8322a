"""What an endpoint says of itself is what its deliveries do: which, when, how many at once, with which headers."""

import asyncio
import base64
import itertools
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from onerouter_common.clock import SystemClock
from onerouter_webhooks import app
from onerouter_webhooks.delivery.tokens import Tokens

from ..conftest import Receiver, Running, StartService, eventually, receiving
from .test_transport import Names

PATH = "/internal/webhook-endpoints"
ONE = ["payment.succeeded"]
"""And not what is told of deliveries that failed."""


async def _finished(service: Running, endpoint: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]]:
        found = [one for one in await service.deliveries(endpoint["id"]) if one["finished_at"] is not None]
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(there, what=f"{count} finished")
    return found


class TestWhich:
    async def test_only_what_type_channel_and_filter_let_through(self, service: Running, receiver: Receiver) -> None:
        endpoint = await service.create_endpoint(
            receiver.url,
            event_types=["*"],
            channels=["eu", "us"],
            filter={"data": {"amount": {"$gte": 100}, "currency": {"$in": ["INR", "EUR"]}}},
        )
        data = {"amount": 499.0, "currency": "INR", "metadata": {"channel": "eu"}}
        wanted = [service.event(data=data), service.event("refund.failed", data={**data, "amount": 100})]
        others = [
            service.event(data={**data, "metadata": {"channel": "asia"}}),
            service.event(data={**data, "metadata": {}}),
            service.event(data={**data, "amount": 99}),
            service.event(data={**data, "currency": "USD"}),
        ]
        for event in [*others, *wanted]:
            await service.publish(event)
        tenant_id = service.connection.tenant_id
        stored = "SELECT count(*) = 6 FROM events WHERE tenant_id = $1"
        await eventually(lambda: service.admin.fetchval(stored, tenant_id))
        await _finished(service, endpoint, 2)
        owed = await service.admin.fetch("SELECT event_id FROM deliveries UNION SELECT event_id FROM delivery_queue")
        assert {row["event_id"] for row in owed} == {event.id for event in wanted}
        assert len(receiver.got) == 2
        for event, status in ((others[3], 409), (wanted[0], 200)):
            path = f"/internal/events/{event.id}/redeliver"
            answer = await service.http.post(path, json={}, headers=service.owner())
            assert answer.status_code == status, "what it does not take is not sent to it again"


class TestHow:
    async def test_with_its_headers_and_its_authorization(self, service: Running) -> None:
        pair = "Basic " + base64.b64encode(b"we:pass word").decode()
        asked: list[tuple[dict[str, Any], str | None]] = [
            ({}, None),
            ({"auth": {"type": "basic", "username": "we", "password": "pass word"}}, pair),
            ({"auth": {"type": "bearer", "token": "abc.def"}}, "Bearer abc.def"),
            ({"headers": {"Authorization": "Custom it"}}, "Custom it"),
        ]
        for number, (fields, authorization) in enumerate(asked):
            async with receiving() as receiver:
                headers = {"X-Shop": f"number {number}", **fields.pop("headers", {})}
                endpoint = await service.create_endpoint(receiver.url, headers=headers, **fields)
                await service.publish(service.event())
                await eventually(lambda receiver=receiver: receiver.got)
                (got,) = receiver.got
                assert got.headers["x-shop"] == f"number {number}"
                assert got.headers.get("authorization") == authorization
                assert got.headers["content-type"] == "application/json"
                assert got.headers["webhook-id"].startswith("evt_")
                assert (await service.http.delete(f"{PATH}/{endpoint['id']}", headers=service.owner())).is_success

    async def test_no_longer_than_it_waits_and_as_often_as_it_says(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        """The service would wait for 30 s and try once more, the endpoint wants 1 s and two attempts more, a second apart."""

        async def never(_: web.Request, __: int) -> web.StreamResponse:
            await asyncio.sleep(60)
            return web.Response()

        receiver.answer = never
        async with start_service(
            delivery_timeout_s=30.0, retry_schedule_s=(3_600,), retry_overload_floor_s=0.1, retry_jitter=0.0
        ) as service:
            endpoint = await service.create_endpoint(
                receiver.url, timeout_s=1, retry_schedule_s=[1, 1], event_types=ONE
            )
            await service.publish(service.event())
            (delivery,) = await _finished(service, endpoint)
        assert delivery["status"] == "exhausted"
        assert [one["failure"] for one in delivery["attempts"]] == ["timeout"] * 3
        assert all(900 < one["duration_ms"] < 25_000 for one in delivery["attempts"])
        begun = sorted(datetime.fromisoformat(one["at"]) for one in delivery["attempts"])
        waits = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(begun)]
        assert all(1.9 < wait < 25 for wait in waits), f"a second of waiting, a second of rest: {waits}"

    async def test_longer_than_usual_and_nobody_takes_the_delivery_over_meanwhile(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async def slow(_: web.Request, __: int) -> web.StreamResponse:
            await asyncio.sleep(3)
            return web.Response()

        receiver.answer = slow
        async with start_service(delivery_timeout_s=1.0, delivery_lease_margin_s=1.0, max_in_flight=1) as service:
            endpoint = await service.create_endpoint(receiver.url, timeout_s=30)
            for _ in range(2):  # one is leased when it is stored, the other is claimed
                await service.publish(service.event())
            deliveries = await _finished(service, endpoint, 2)
        assert [one["attempt_count"] for one in deliveries] == [1, 1]
        assert len(receiver.got) == 2

    async def test_no_retry_where_none_is_wanted(self, service: Running, receiver: Receiver) -> None:
        async def no(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=500)

        receiver.answer = no
        endpoint = await service.create_endpoint(receiver.url, retry_schedule_s=[], event_types=ONE)
        await service.publish(service.event())
        (delivery,) = await _finished(service, endpoint)
        assert (delivery["status"], delivery["attempt_count"]) == ("exhausted", 1)

    async def test_no_more_at_once_than_it_takes(self, service: Running) -> None:
        """Each of three endpoints gets as many as it asked for; one that says nothing, ten."""
        release = asyncio.Event()

        async def hang(_: web.Request, __: int) -> web.StreamResponse:
            await release.wait()
            return web.Response()

        async with receiving() as few, receiving() as usual, receiving() as many:
            for receiver, most in ((few, 2), (usual, None), (many, 25)):
                receiver.answer = hang
                await service.create_endpoint(receiver.url, max_in_flight=most, timeout_s=30)
            await asyncio.gather(*(service.publish(service.event()) for _ in range(40)))
            await eventually(lambda: [len(one.got) for one in (few, usual, many)] == [2, 10, 25])
            await asyncio.sleep(0.5)  # several looks at the queue
            assert [len(one.got) for one in (few, usual, many)] == [2, 10, 25]
            release.set()
            await eventually(lambda: [len(one.got) for one in (few, usual, many)] == [40, 40, 40])


class _AuthorizationServer:
    """Gives tokens `token-1`, `token-2`, …"""

    def __init__(self, receiver: Receiver, lifetime_s: float = 3_600, delay_s: float = 0.0) -> None:
        self.receiver = receiver
        self.lifetime_s = lifetime_s
        self.delay_s = delay_s
        self.at_once = self.most_at_once = 0
        self.status = 200
        receiver.answer = self.answer

    async def answer(self, _: web.Request, number: int) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.delay_s)
        self.at_once -= 1
        given = {"access_token": f"token-{number}", "token_type": "Bearer", "expires_in": self.lifetime_s}
        return web.json_response(given if self.status == 200 else {"error": "invalid_client"}, status=self.status)

    def auth(self, **fields: str) -> dict[str, str]:
        return {
            "type": "oauth2_client_credentials",
            "token_url": self.receiver.url,
            "client_id": "we",
            "client_secret": "hush:%",
            **fields,
        }


class TestOAuth2:
    async def test_one_request_for_a_token_however_many_deliveries_wait(
        self, service: Running, receiver: Receiver
    ) -> None:
        async with receiving() as issuer:
            server = _AuthorizationServer(issuer, delay_s=0.2)
            endpoint = await service.create_endpoint(receiver.url, auth=server.auth(scope="hooks.write"))
            await asyncio.gather(*(service.publish(service.event()) for _ in range(30)))
            await _finished(service, endpoint, 30)
            assert len(issuer.got) == 1
            assert parse_qs(issuer.got[0].body.decode()) == {
                "grant_type": ["client_credentials"],
                "scope": ["hooks.write"],
            }
            assert issuer.got[0].headers["content-type"] == "application/x-www-form-urlencoded"
            pair = base64.b64decode(issuer.got[0].headers["authorization"].removeprefix("Basic ")).decode()
            assert pair == "we:hush%3A%25"
        assert {got.headers["authorization"] for got in receiver.got} == {"Bearer token-1"}
        for table in ("webhook_endpoints", "delivery_attempts", "delivery_queue"):
            for row in await service.admin.fetch(f"SELECT t::text AS text FROM {table} t"):
                assert "hush" not in row["text"] and "token-1" not in row["text"]

    async def test_credentials_in_the_form_where_the_server_wants_them_there(
        self, service: Running, receiver: Receiver
    ) -> None:
        async with receiving() as issuer:
            server = _AuthorizationServer(issuer)
            auth = server.auth(client_authentication="body", audience="https://hooks.example.com")
            await service.create_endpoint(receiver.url, auth=auth)
            await service.publish(service.event())
            await eventually(lambda: receiver.got)
            assert parse_qs(issuer.got[0].body.decode()) == {
                "grant_type": ["client_credentials"],
                "audience": ["https://hooks.example.com"],
                "client_id": ["we"],
                "client_secret": ["hush:%"],
            }
            assert "authorization" not in issuer.got[0].headers

    async def test_renewed_before_it_expires_while_deliveries_go_on(
        self, start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Tokens of a second, one delivery after the other through three of them: none carries one that is over."""
        now = 0.0
        issued_at: dict[str, float] = {}
        carried_s: list[float] = []
        monkeypatch.setattr(app, "Tokens", partial(Tokens, time=lambda: now))

        async def taken(request: web.Request, _: int) -> web.StreamResponse:
            carried_s.append(now - issued_at[request.headers["authorization"]])
            return web.Response()

        receiver.answer = taken
        async with start_service() as service, receiving() as issuer:
            server = _AuthorizationServer(issuer, lifetime_s=1.0, delay_s=0.05)

            async def issued(request: web.Request, number: int) -> web.StreamResponse:
                answer = await server.answer(request, number)
                issued_at[f"Bearer token-{number}"] = now
                return answer

            issuer.answer = issued
            await service.create_endpoint(receiver.url, auth=server.auth())
            async with asyncio.timeout(60):
                while len(issuer.got) < 3:
                    before = len(carried_s)
                    await service.publish(service.event())
                    await eventually(lambda before=before: len(carried_s) > before)
                    now += 0.04  # what is left of a token that is used no more, and one may be on its way
            assert server.most_at_once == 1
        assert max(carried_s) < 1.0

    async def test_one_that_the_endpoint_refuses_is_not_used_again(self, service: Running, receiver: Receiver) -> None:
        async def only_the_second(request: web.Request, _: int) -> web.StreamResponse:
            return web.Response(status=200 if request.headers["authorization"] == "Bearer token-2" else 401)

        receiver.answer = only_the_second
        async with receiving() as issuer:
            endpoint = await service.create_endpoint(receiver.url, auth=_AuthorizationServer(issuer).auth())
            await service.publish(service.event())
            (delivery,) = await _finished(service, endpoint)
        assert [one["status"] for one in delivery["attempts"]] == [401, 200]

    async def test_without_a_token_it_is_a_failed_attempt_that_says_why(
        self, service: Running, receiver: Receiver
    ) -> None:
        async with receiving() as issuer:
            server = _AuthorizationServer(issuer)
            server.status = 401
            endpoint = await service.create_endpoint(
                receiver.url, auth=server.auth(), retry_schedule_s=[], event_types=ONE
            )
            await asyncio.gather(*(service.publish(service.event()) for _ in range(5)))
            deliveries = await _finished(service, endpoint, 5)
            assert len(issuer.got) == 1, "a refusal is not asked for again at once"
        assert {one["status"] for one in deliveries} == {"exhausted"}
        attempts = [attempt for one in deliveries for attempt in one["attempts"]]
        assert {one["failure"] for one in attempts} == {"authorization"}
        assert {one["response_body"] for one in attempts} == {"The token endpoint answered 401."}
        assert not receiver.got

    async def test_a_server_that_hangs_holds_no_delivery_longer_than_its_timeout(
        self, service: Running, receiver: Receiver
    ) -> None:
        async with receiving() as issuer:
            server = _AuthorizationServer(issuer, delay_s=60)
            endpoint = await service.create_endpoint(
                receiver.url, auth=server.auth(), timeout_s=1, retry_schedule_s=[], event_types=ONE
            )
            started = SystemClock().now()
            await service.publish(service.event())
            (delivery,) = await _finished(service, endpoint)
            assert (SystemClock().now() - started).total_seconds() < 12, "the service itself would wait for 15 s"
        assert delivery["attempts"][0]["response_body"] == "The token endpoint did not answer in time."

    async def test_the_token_is_fetched_through_the_guard(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        """A name that leads to where nobody may be led is not called, whatever it led to when it was given."""
        async with start_service(resolver=Names(["10.0.0.1"])) as service, receiving() as issuer:
            server = _AuthorizationServer(issuer)
            endpoint = await service.create_endpoint(
                receiver.url,
                auth=server.auth(token_url="https://login.example.com/token"),
                retry_schedule_s=[],
                event_types=ONE,
            )
            await service.publish(service.event())
            (delivery,) = await _finished(service, endpoint)
            assert delivery["attempts"][0]["response_body"] == "The token endpoint could not be asked: blocked_address."
            answer = await service.http.patch(
                f"{PATH}/{endpoint['id']}",
                json={"auth": server.auth(token_url="https://10.0.0.1/token")},
                headers=service.owner(),
            )
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "auth.token_url"
        assert not receiver.got
