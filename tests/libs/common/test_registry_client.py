"""The registry being away, slow or strange is one thing to its callers: Overloaded."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import RegistryClient, absent
from onerouter_common.web.problems import body_of, problem_of

TOKENS = SecretStr(f"{'a' * 32},{'b' * 32}")
EMPTY_ROUTE = {"version": "1", "connections": []}


def client(answer: Callable[[httpx.Request], httpx.Response], *, timeout_s: float = 2.0) -> RegistryClient:
    return RegistryClient("http://registry", TOKENS, timeout_s=timeout_s, transport=httpx.MockTransport(answer))


async def test_the_first_token_is_sent() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json=EMPTY_ROUTE)

    async with client(answer) as registry:
        await registry.route_set("ten_x", "test", "payments")
    assert seen == [f"Bearer {'a' * 32}"]


@pytest.mark.parametrize("fault", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError])
async def test_a_failed_connection_is_tried_once_more(fault: type[httpx.TransportError]) -> None:
    calls = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise fault("gone")
        return httpx.Response(200, json=EMPTY_ROUTE)

    async with client(answer) as registry:
        assert (await registry.route_set("ten_x", "test", "payments")).version == "1"
    assert calls == 2


async def test_a_second_failure_is_the_registry_being_away() -> None:
    calls = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("gone")

    async with client(answer) as registry:
        with pytest.raises(Overloaded) as away:
            await registry.introspect("0" * 64)
    assert calls == 2
    assert away.value.retry_after_s


async def test_all_tries_together_end_in_time() -> None:
    never = asyncio.Event()

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await never.wait()
            raise AssertionError

    async with RegistryClient("http://registry", TOKENS, timeout_s=0.05, transport=Silent()) as registry:
        with pytest.raises(Overloaded):
            await registry.introspect("0" * 64)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(401),
        httpx.Response(404, text="no such host here"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"tenant_id": "ten_x"}),
    ],
)
async def test_a_strange_answer_is_not_taken_for_none(answer: httpx.Response) -> None:
    async with client(lambda _: answer) as registry:
        with pytest.raises(Overloaded):
            await registry.introspect("0" * 64)


async def test_the_registrys_own_none_is_none() -> None:
    problem = body_of(problem_of(absent("There is no such API key.")), instance="/")
    async with client(lambda _: httpx.Response(404, json=problem)) as registry:
        assert await registry.introspect("0" * 64) is None


@pytest.mark.parametrize(("provider", "token"), [("razorpay", "a/../b"), ("a/b", "t"), ("razorpay", ""), ("r", "é")])
async def test_a_token_that_cannot_be_ours_is_not_asked_for(provider: str, token: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("was asked")

    async with client(answer) as registry:
        assert await registry.callback_target(provider, token) is None


async def test_a_token_is_asked_for_in_the_body() -> None:
    """Paths are written into logs, ours and those of proxies between us."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, json=body_of(problem_of(absent("None.")), instance="/"))

    async with client(answer) as registry:
        assert await registry.callback_target("razorpay", "a-token") is None
    (request,) = asked
    assert "a-token" not in str(request.url)
    assert json.loads(request.content) == {"provider": "razorpay", "token": "a-token"}
