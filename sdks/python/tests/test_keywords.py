"""A typing error in a keyword is an error, and not a payment in another currency."""

from __future__ import annotations

import pytest

from onerouter.testing import FakeServer


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.on("POST", "/v1/payments", {"id": "pay_1"})
    return server


async def test_is_refused_before_anything_is_sent(server: FakeServer) -> None:
    with pytest.raises(TypeError, match="'curency'"):
        server.sync_client().payments.create(amount=1, curency="USD")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="'curency'"):
        await server.client().payments.create(amount=1, curency="USD")  # type: ignore[call-overload]
    assert not server.calls


def test_also_of_what_asks_later(server: FakeServer) -> None:
    with pytest.raises(TypeError, match="'state'"):
        server.sync_client().payments.list(state="succeeded")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'kinds'"):
        server.sync_client().events.stream(kinds="payment.*")  # type: ignore[call-arg]


async def test_a_key_is_refused_where_it_has_no_effect(server: FakeServer) -> None:
    with pytest.raises(TypeError, match="idempotency_key"):
        server.sync_client().payments.get("pay_1", idempotency_key="order-1")
    with pytest.raises(TypeError, match="idempotency_key"):
        server.client().payments.list(idempotency_key="order-1")
    with pytest.raises(TypeError, match="idempotency_key"):
        server.client().events.stream(idempotency_key="order-1")
    assert not server.calls


def test_operations_are_found_by_it(server: FakeServer) -> None:
    server.on("GET", "/v1/operations", {"data": [], "has_more": False, "next_cursor": None})
    assert server.sync_client().operations.list(idempotency_key="order-1").collect(limit=1) == []
    assert server.calls[0].query == {"idempotency_key": "order-1"}


def test_none_is_not_said(server: FakeServer) -> None:
    server.sync_client().payments.create(amount=1, currency=None, receipt=None)
    assert server.calls[0].json == {"amount": 1}
