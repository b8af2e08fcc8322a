"""Through a proxy of ours: what can be checked is checked before it is asked, and its failure is not the target's."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from onerouter_common.egress import AddressPolicy, ProxyAway, TargetBlocked, open_session, peer_of

from .proxying import Proxy, certified, proxying, serving
from .test_guard import names

NAME = "shop.example"
PUBLIC = ["93.184.216.34"]
PRODUCTION = AddressPolicy()


async def _what_came(request: web.Request) -> web.Response:
    return web.json_response({name.lower(): value for name, value in request.headers.items()})


def shop() -> web.Application:
    app = web.Application()
    app.router.add_get("/", _what_came)
    return app


@pytest.fixture
async def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """In front of a server that proves to be `shop.example`."""
    server, client = certified(tmp_path, NAME)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", client)
    async with serving(shop(), server) as port, proxying(port) as made:
        yield made


@asynccontextmanager
async def session(
    url: str, *answers: list[str], policy: AddressPolicy = PRODUCTION
) -> AsyncIterator[aiohttp.ClientSession]:
    """One that goes through the proxy; `answers` is what names mean here."""
    async with (
        names(*answers) as resolver,
        open_session(policy, connect_s=2, headers={}, resolver=resolver, proxy=SecretStr(url)) as opened,
    ):
        yield opened


class TestThrough:
    async def test_by_connect_under_the_targets_name_and_who_we_are_the_proxy_learns_alone(self, proxy: Proxy) -> None:
        url = f"http://us:s3cret@127.0.0.1:{proxy.port}"
        async with session(url, PUBLIC) as opened:
            for _ in range(2):
                async with opened.get(f"https://{NAME}/") as answer:
                    got = await answer.json()
                    assert (answer.status, got["host"]) == (200, NAME)
                    assert "proxy-authorization" not in got
                    assert peer_of(answer) is None, "it is our own proxy's, and nobody's business"
        assert (proxy.asked, proxy.known_as) == ([f"CONNECT {NAME}:443"], ["us:s3cret"]), "one tunnel, used again"

    async def test_whole_where_the_target_speaks_no_tls(self) -> None:
        local = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
        async with serving(shop()) as port, proxying(port) as proxy:
            async with (
                session(proxy.url, ["127.0.0.1"], policy=local) as opened,
                opened.get(f"http://{NAME}/") as answer,
            ):
                assert answer.status == 200
            assert proxy.asked == [f"GET http://{NAME}/"]

    async def test_to_a_proxy_that_itself_speaks_tls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        server, client = certified(tmp_path, NAME, "localhost")
        monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", client)
        async with serving(shop(), server) as port, proxying(port, tls=server) as proxy:
            async with (
                session(f"https://localhost:{proxy.port}", PUBLIC) as opened,
                opened.get(f"https://{NAME}/") as answer,
            ):
                assert (answer.status, (await answer.json())["host"]) == (200, NAME)
            assert proxy.asked == [f"CONNECT {NAME}:443"]

    async def test_a_name_that_means_nothing_here_is_left_to_the_proxy(self, proxy: Proxy) -> None:
        async with session(proxy.url, []) as opened, opened.get(f"https://{NAME}/") as answer:
            assert answer.status == 200
        assert proxy.asked == [f"CONNECT {NAME}:443"]


class TestBlocked:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "0x7f.1",
            "2130706433",
            "017700000001",
        ],
    )
    async def test_a_literal_that_is_not_public_is_not_asked_for(self, proxy: Proxy, host: str) -> None:
        async with session(proxy.url, PUBLIC) as opened:
            with pytest.raises((TargetBlocked, aiohttp.InvalidURL)):
                await opened.get(f"https://{host}/")
        assert proxy.asked == []

    @pytest.mark.parametrize("answer", [["10.0.0.1"], [*PUBLIC, "127.0.0.1"], ["fd00:ec2::254"]])
    async def test_nor_a_name_that_leads_there(self, proxy: Proxy, answer: list[str]) -> None:
        async with session(proxy.url, answer) as opened:
            with pytest.raises(TargetBlocked):
                await opened.get(f"https://{NAME}/")
        assert proxy.asked == []

    async def test_nor_one_that_was_bound_anew_since_the_last_connection(self, proxy: Proxy) -> None:
        async with session(proxy.url, PUBLIC, ["169.254.169.254"]) as opened:
            async with opened.get(f"https://{NAME}/", headers={"Connection": "close"}) as answer:
                assert answer.status == 200
            with pytest.raises(TargetBlocked):
                await opened.get(f"https://{NAME}/")
        assert len(proxy.asked) == 1

    async def test_nothing_goes_past_the_proxy(self, proxy: Proxy) -> None:
        async with session(proxy.url, PUBLIC) as opened:
            opened._default_proxy = None
            with pytest.raises(TargetBlocked):
                await opened.get(f"https://{NAME}/")


class TestAway:
    async def test_one_that_cannot_be_reached(self) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            async with session(f"http://127.0.0.1:{bound.getsockname()[1]}", PUBLIC) as opened:
                with pytest.raises(ProxyAway):
                    await opened.get(f"https://{NAME}/")

    async def test_one_that_nobody_finds(self) -> None:
        async with session("http://egress.invalid:4750", PUBLIC) as opened:
            with pytest.raises(ProxyAway):
                await opened.get(f"https://{NAME}/")

    async def test_one_that_does_not_know_us(self, proxy: Proxy) -> None:
        proxy.refuses = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
        async with session(proxy.url, PUBLIC) as opened:
            with pytest.raises(ProxyAway):
                await opened.get(f"https://{NAME}/")

    @pytest.mark.parametrize("status", ["403 Forbidden", "407 Request rejected by proxy", "502 Bad Gateway"])
    async def test_what_it_refuses_is_the_targets_failure(self, proxy: Proxy, status: str) -> None:
        proxy.refuses = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
        async with session(proxy.url, PUBLIC) as opened:
            with pytest.raises(aiohttp.ClientHttpProxyError):
                await opened.get(f"https://{NAME}/")
