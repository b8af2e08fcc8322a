"""`with_raw_response`, of every method there is: the same request, and `parse` gives what the method itself would have."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import pytest
from sdks.python.tests.golden import KEY, Case, cases, keywords
from sdks.python.tests.wire import Script, serving

from onerouter import Accepted, OneRouter, OneRouterSync
from onerouter._pages import AsyncList
from onerouter._resource import AsyncResource
from onerouter._resources import AsyncResources
from onerouter.testing import FakeServer, Reply
from onerouter.types import Payment

PAYMENT: Final = {"object": "payment", "id": "pay_1", "status": "succeeded"}
ACCEPTED: Final = {"object": "operation", "id": "op_1", "operation": "payment.create", "status": "accepted"}


def resources(of: object, names: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in sorted(names):
        if not name.startswith("_") and isinstance(found := getattr(of, name), AsyncResource):
            yield f"{prefix}{name}", found
            yield from resources(found, vars(type(found)), f"{prefix}{name}.")


ALL: Final = dict(resources(OneRouter(KEY), vars(AsyncResources)))
METHODS: Final = {
    f"{name}.{method}"
    for name, resource in ALL.items()
    for method, _ in inspect.getmembers(type(resource), inspect.isfunction)
    if not method.startswith("_")
}
SEVERAL: Final = {f"{name}.{method}" for name, resource in ALL.items() for method in resource._of_several_requests}
CASES: Final[dict[str, Case]] = {
    case["call"]["method"]: case
    for case in reversed(cases())
    if "error" not in case and ("items" in case or len(case["exchanges"]) == 1)
}
"""One of each method, of which the first answer is the whole one."""


def of(client: object, method: str, *, raw: bool = False) -> Any:
    *path, last = method.split(".")
    found = client
    for name in path:
        found = getattr(found, name)
    return getattr(found.with_raw_response if raw else found, last)  # type: ignore[attr-defined]


def shown(result: Any) -> Any:
    """What can be compared: of a page and of bytes, what is in them."""
    said = {
        name: getattr(result, name)
        for name in ("data", "next_cursor", "has_more", "prefixes", "iterator", "done")
        if not isinstance(result, dict) and hasattr(result, name)
    }
    return type(result), said or result, getattr(result, "content", None)


def test_every_method_is_asked_for_or_is_several_requests() -> None:
    assert set(CASES) >= METHODS - SEVERAL
    assert {"storage.upload", "storage.download", "operations.wait", "services.supports", "events.stream"} <= SEVERAL


@pytest.fixture(scope="module")
def wire() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture(scope="module")
def client(wire: Script) -> Iterator[OneRouterSync]:
    with OneRouterSync(KEY, wire.url) as client:
        yield client


@pytest.mark.parametrize("method", sorted(METHODS - SEVERAL))
class TestEveryMethod:
    async def test_asynchronous(self, method: str, wire: Script) -> None:
        case = CASES[method]
        answer = case["exchanges"][0]["answer"]
        wire.play(answer, answer)
        async with OneRouter(KEY, wire.url) as client:
            raw = await of(client, method, raw=True)(**keywords(case))
            whole = of(client, method)(**keywords(case))
            result = await (whole.page() if isinstance(whole, AsyncList) else whole)
        assert raw.status_code == answer["status"]
        assert shown(raw.parse()) == shown(result)
        asked, again = wire.asked
        assert (asked.method, asked.path, asked.query, asked.body) == (
            again.method,
            again.path,
            again.query,
            again.body,
        )

    def test_synchronous(self, method: str, wire: Script, client: OneRouterSync) -> None:
        case = CASES[method]
        answer = case["exchanges"][0]["answer"]
        wire.play(answer, answer)
        raw = of(client, method, raw=True)(**keywords(case))
        whole = of(client, method)(**keywords(case))
        result = whole.page() if hasattr(whole, "page") else whole
        assert shown(raw.parse()) == shown(result)


@pytest.mark.parametrize("method", sorted(SEVERAL))
def test_what_is_not_one_request_is_refused_before_anything_is_sent(method: str) -> None:
    server = FakeServer()
    for client in (server.client(), server.sync_client()):
        with pytest.raises(AttributeError, match=r"is not one request"):
            of(client, method, raw=True)
    assert server.calls == []


def test_a_part_of_a_resource_has_its_own() -> None:
    with pytest.raises(AttributeError, match="with_raw_response of its own"):
        _ = OneRouter(KEY).storage.with_raw_response.uploads


class TestParse:
    @pytest.fixture
    def server(self) -> FakeServer:
        server = FakeServer()
        server.on("GET", "/v1/operations/op_1", {**ACCEPTED, "status": "succeeded", "result": PAYMENT})
        return server

    async def test_of_a_202_can_be_waited_for(self, server: FakeServer) -> None:
        server.on("POST", "/v1/payments", Reply(ACCEPTED, 202))
        raw = await server.client().payments.with_raw_response.create(amount=1, currency="INR", environment="test")
        accepted = raw.parse()
        assert isinstance(accepted, Accepted)
        assert isinstance(await accepted.wait(), Payment)
        assert server.calls[-1].headers["x-onerouter-environment"] == "test"
        assert server.sync_client().payments.with_raw_response.create(amount=1).parse().wait() == PAYMENT

    def test_of_who_does_not_wait_is_the_operation_though_it_has_ended(self, server: FakeServer) -> None:
        server.on("POST", "/v1/payments", Reply(PAYMENT, 201, headers={"X-OneRouter-Operation-Id": "op_1"}))
        client = server.sync_client()
        accepted = client.payments.with_raw_response.create(amount=1, wait=False).parse()
        assert isinstance(accepted, Accepted)
        assert (accepted.operation_id, accepted.wait()) == ("op_1", PAYMENT)
        assert client.payments.with_raw_response.create(amount=1).parse() == PAYMENT

    async def test_of_a_list_goes_on(self, server: FakeServer) -> None:
        def page(call: Any) -> dict[str, Any]:
            is_first = "cursor" not in call.query and "after" not in call.query
            more = {"has_more": is_first, "next_cursor": "c2" if is_first else None}
            return {"data": [{"id": "1" if is_first else "2"}], **more, "iterator": "i1", "done": not is_first}

        server.on("GET", "/v1/payments", page)
        server.on("GET", "/v1/events", page)
        client = server.client()
        first = (await client.payments.with_raw_response.list()).parse()
        following = await first.next_page()
        assert [each.id for each in (*first, *following)] == ["1", "2"]
        events = (await client.events.with_raw_response.list()).parse()
        assert [each.id for each in (*events, *await events.next_page())] == ["1", "2"]
