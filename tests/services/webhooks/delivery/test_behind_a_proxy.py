"""Deliveries through an egress proxy: delivered by it, and not held against the endpoint when it is away."""

import asyncio

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import SecretStr, ValidationError
from tests.libs.common.egress.proxying import proxying

from onerouter_common.egress import AddressPolicy, ProxyAway
from onerouter_local.testing import Database
from onerouter_webhooks.delivery.transport import Limits, open_transport

from ..conftest import KnownConnection, Receiver, StartService, eventually, make_settings
from .test_delivering import status_of


async def test_while_it_is_away_nothing_is_counted_and_then_all_arrives(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onerouter_webhooks.delivery.worker._PROXY_AWAY_S", 0.05)
    target = int(receiver.url.rpartition(":")[2].split("/")[0])
    async with proxying(target) as proxy:
        port = proxy.port
    async with start_service(egress_proxy=SecretStr(f"http://127.0.0.1:{port}")) as service:
        endpoint = await service.create_endpoint(receiver.url)
        events = [service.event() for _ in range(3)]
        for event in events:
            await service.publish(event)
        postponed = "SELECT count(*) = 3 AND bool_and(generation > 2) FROM delivery_queue"
        await eventually(lambda: service.admin.fetchval(postponed), what="several tries of each")
        assert await service.admin.fetchval("SELECT max(attempts) FROM delivery_queue") == 0
        assert await service.admin.fetchval("SELECT consecutive_failures FROM webhook_endpoints") == 0
        async with proxying(target, port=port) as proxy:
            deliveries = await status_of(service, endpoint, "succeeded", count=3)
            assert {line.partition(" ")[0] for line in proxy.asked} == {"POST"}, "plain http goes through it whole"
        assert [one["attempt_count"] for one in deliveries] == [1, 1, 1]
        assert {one["attempts"][0]["remote_address"] for one in deliveries} == {None}
    assert {got.headers["webhook-id"] for got in receiver.got} == {event.id for event in events}


async def test_nor_are_tokens_that_it_would_have_led_to(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onerouter_webhooks.delivery.worker._PROXY_AWAY_S", 0.05)
    async with proxying(1) as proxy:
        url = proxy.url
    async with start_service(egress_proxy=SecretStr(url)) as service:
        await service.create_endpoint(
            receiver.url,
            auth={
                "type": "oauth2_client_credentials",
                "token_url": receiver.url,
                "client_id": "we",
                "client_secret": "hush",
            },
        )
        await service.publish(service.event())
        postponed = "SELECT count(*) = 1 AND bool_and(generation > 2 AND attempts = 0) FROM delivery_queue"
        await eventually(lambda: service.admin.fetchval(postponed), what="several tries")
        assert await service.admin.fetchval("SELECT count(*) FROM delivery_attempts") == 0
    assert receiver.got == []


class Silent(AbstractResolver):
    """A name server that never answers."""

    async def resolve(self, *_: object) -> list[ResolveResult]:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("resolver", [None, Silent()], ids=["one_that_hangs", "and_names_that_hang"])
async def test_that_it_is_away_is_known_before_the_endpoints_own_time_is_over(resolver: Silent | None) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until who called has gone
        writer.transport.abort()
        ended.set()

    ended = asyncio.Event()
    limits = Limits(total_s=15.0, connect_s=10.0, read=1_024, stored=1_024)
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        proxy = SecretStr(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")  # it owes us a TLS handshake
        async with open_transport(AddressPolicy(), limits, resolver=resolver, proxy=proxy) as transport:
            url = "https://93.184.216.34/" if resolver is None else "https://shop.example/"
            with pytest.raises(ProxyAway):
                await transport.post(url, b"{}", {}, total_s=2.0)
        await ended.wait()


@pytest.mark.parametrize(
    "url", ["socks5://proxy:1080", "proxy:4750", "http://", "http://us:s3cret@proxy:4750/path", "http://p:x"]
)
def test_what_is_no_proxy_is_refused(url: str) -> None:
    database = Database("webhooks", "db", "postgresql://a@localhost/db", "postgresql://a@localhost/db")
    with pytest.raises(ValidationError) as caught:
        make_settings(database, "localhost:9092", KnownConnection(), egress_proxy=url)
    assert caught.value.errors()[0]["loc"] == ("egress_proxy",)
    assert "s3cret" not in str(caught.value)
