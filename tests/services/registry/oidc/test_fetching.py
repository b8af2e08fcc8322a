"""Calls to issuers end, whatever they answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from tests.services.registry.oidc.scripted_issuer import ISSUER, answer
from tests.services.registry.oidc.stand import a_config

from onerouter_registry.oidc.discovery import discover
from onerouter_registry.oidc.errors import IssuerUnavailable
from onerouter_registry.oidc.fetching import MAX_ANSWER_BYTES, Fetcher, open_pool
from onerouter_registry.oidc.flows import local_path
from onerouter_registry.oidc.model import require_distinct

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server that says what the test says, on a socket."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def saying(head: str, body: bytes = b"") -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return talk


class TestGet:
    @pytest.mark.parametrize(
        "talk",
        [
            saying("302 Found\r\nLocation: http://127.0.0.1:1/"),
            saying("500 Oh"),
            saying("204 Nothing"),
            saying("200 OK", b"[]"),
            saying("200 OK", b"\xff\xfe"),
            saying("200 OK", b"[" * 100_000),
            saying("200 OK\r\nContent-Encoding: gzip", b"{}"),
            saying("200 OK", b'{"a": "' + b"a" * MAX_ANSWER_BYTES + b'"}'),
            saying("banana"),
        ],
        ids=["redirect", "error", "nothing", "list", "no text", "deep", "compressed", "long", "no http"],
    )
    async def test_takes_nothing_but_a_small_json_object(self, talk: Talk) -> None:
        async with server(talk) as url, open_pool() as pool:
            with pytest.raises(IssuerUnavailable):
                await Fetcher(pool, plain_http=True).get(url)

    async def test_has_one_deadline_for_all_of_it(self) -> None:
        async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:  # each byte comes in time, all of them never
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)

        async with server(trickle) as url, open_pool() as pool:
            before = asyncio.get_running_loop().time()
            with pytest.raises(IssuerUnavailable):
                await Fetcher(pool, plain_http=True, timeout_s=0.2).get(url)
            assert asyncio.get_running_loop().time() - before < 2

    async def test_plain_http_is_for_local_mode(self) -> None:
        async with open_pool() as pool:
            for url in ("http://127.0.0.1:1/", "ftp://127.0.0.1/", "//127.0.0.1/", "https//", ""):
                with pytest.raises(IssuerUnavailable):
                    await Fetcher(pool, plain_http=False).get(url)

    async def test_what_is_no_address_is_no_crash(self) -> None:
        async with open_pool() as pool:
            for url in ("https://", "https://exa mple", "https://[::1", "https://a:99999/"):
                with pytest.raises(IssuerUnavailable):
                    await Fetcher(pool, plain_http=False).get(url)


class TestDiscover:
    DOCUMENT = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/keys",
    }

    @staticmethod
    def fetcher(document: object, seen: list[str] | None = None) -> Fetcher:
        def respond(request: httpx.Request) -> httpx.Response:
            if seen is not None:
                seen.append(str(request.url))
            return answer(200, document)

        return Fetcher(httpx.MockTransport(respond), plain_http=False)

    async def test_asks_at_the_well_known_place_with_or_without_a_slash(self) -> None:
        for issuer in (f"{ISSUER}/realms/acme", f"{ISSUER}/realms/acme/"):
            seen: list[str] = []
            found = await discover(self.fetcher(self.DOCUMENT | {"issuer": issuer}, seen), issuer)
            assert found.issuer == issuer
            assert seen == [f"{ISSUER}/realms/acme/.well-known/openid-configuration"]

    @pytest.mark.parametrize(
        "change",
        [
            {"issuer": "https://evil.example"},
            {"issuer": f"{ISSUER}/"},
            {"issuer": 7},
            {"token_endpoint": "http://issuer.example/token"},
            {"jwks_uri": "file:///etc/passwd"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"userinfo_endpoint": "http://issuer.example/me"},
            {"jwks_uri": None},
            {"token_endpoint_auth_methods_supported": "none"},
        ],
    )
    async def test_refuses_another_issuers_document_and_unsafe_addresses(self, change: dict[str, object]) -> None:
        with pytest.raises(IssuerUnavailable):
            await discover(self.fetcher(self.DOCUMENT | change), ISSUER)


class TestIssuerSetting:
    @pytest.mark.parametrize(
        "change",
        [
            {"id": "A"},
            {"id": "a/b"},
            {"issuer": "issuer.example"},
            {"issuer": "https://issuer.example?x=1"},
            {"issuer": "https://user:pw@issuer.example"},
            {"scopes": ["email"]},
            {"allowed_email_domains": ["example"]},
            {"client_id": ""},
            {"secret": "typo"},
        ],
    )
    def test_is_checked_when_the_process_starts(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValidationError) as refused:
            a_config(**{"issuer": ISSUER, "client_secret": "the-client-secret"} | change)
        assert "the-client-secret" not in str(refused.value)

    def test_ids_and_issuers_are_distinct(self) -> None:
        one = a_config(ISSUER)
        for other in (a_config(f"{ISSUER}/2"), a_config(ISSUER, id="other")):
            with pytest.raises(ValueError, match="same"):
                require_distinct([one, other])
        require_distinct([one, a_config(f"{ISSUER}/2", id="other")])


def test_a_path_of_this_site_is_taken_as_it_is() -> None:
    for path in ("/", "/payments?status=failed&x=%2F%2Fevil.example#top", "/a//b", "/@evil.example", "/:80"):
        assert local_path(path) == path
