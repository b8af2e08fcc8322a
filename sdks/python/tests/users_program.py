"""What a user may have written: it runs under every Python, and both type checkers know each of its types."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import onerouter
from onerouter import (
    Accepted,
    DeclinedError,
    NotFoundError,
    OneRouter,
    OneRouterError,
    OneRouterSync,
    Timeout,
    webhooks,
)
from onerouter.testing import API_KEY, WEBHOOK_SECRET, FakeServer, Reply, cut_off, problem, signed_event

if TYPE_CHECKING:
    from typing_extensions import assert_type

    from onerouter.types import Payment, Refund


def a_server() -> FakeServer:
    server = FakeServer()
    server.on("POST", "/v1/payments", {"id": "pay_1", "status": "succeeded", "amount_minor": 49900}, status=201)
    server.on("GET", "/v1/refunds", {"data": [{"id": "re_1"}], "has_more": False, "next_cursor": None})
    return server


def synchronous(server: FakeServer) -> None:
    with server.sync_client(max_retries=5) as client:
        if TYPE_CHECKING:
            assert_type(client, OneRouterSync)
        payment = client.payments.create(amount=Decimal("499.00"), currency="INR", timeout=Timeout(60), wait=30)
        if TYPE_CHECKING:
            assert_type(payment, Payment)
            assert_type(payment.amount_minor, int)
            assert_type(payment.response.request_id, "str | None")
        assert payment.id == payment["id"] == "pay_1"
        server.next(Reply({"id": "op_1", "object": "operation", "status": "accepted"}, status=202))
        later = client.payments.create(amount=1, currency="INR", wait=False, environment=None)
        if TYPE_CHECKING:
            assert_type(later, Accepted)
            assert_type(later.operation_id, str)
        assert isinstance(later, Accepted) and later.operation_id == "op_1"
        server.next(Reply({"id": "pay_1"}, status=201, headers={"X-OneRouter-Operation-Id": "op_2"}))
        repeated = client.payments.create(amount=1, currency="INR", wait=False, idempotency_key="order-1")
        assert repeated.operation_id == "op_2" and repeated.status == "succeeded"
        for refund in client.refunds.list(payment_id=payment.id):
            if TYPE_CHECKING:
                assert_type(refund, Refund)
            assert refund.id == "re_1"
        if TYPE_CHECKING:
            assert_type(client.refunds.list().collect(limit=10), list[Refund])
        try:
            client.with_options(deadline=10).payments.get("pay_2")
        except NotFoundError as error:
            assert error.code == "NOT_FOUND" and error.status_code == 404
        else:
            raise AssertionError


async def asynchronous(server: FakeServer) -> None:
    server.next(cut_off(), problem(402, "PAYMENT_FAILED", "No."))
    async with server.client() as client:
        if TYPE_CHECKING:
            assert_type(client, OneRouter)
        try:
            payment = await client.payments.create(amount=1, currency="INR", idempotency_key="order-1")
            if TYPE_CHECKING:
                assert_type(payment, Payment)
                assert_type(await client.sms.send("+919812345678", "Hi", wait=False), Accepted)
                assert_type(await client.payments.get("pay_1", wait=False), Payment)
        except DeclinedError as error:
            assert error.idempotency_key == "order-1" and isinstance(error, OneRouterError)
        async for refund in client.refunds.list():
            if TYPE_CHECKING:
                assert_type(refund, Refund)
        async with client.events.stream() as events:
            if TYPE_CHECKING:
                async for event in events:
                    assert_type(event.cursor, str)
                    assert_type(event.type, str)


def webhook() -> None:
    body, headers = signed_event("payment.succeeded", {"id": "pay_1"})
    event = webhooks.unwrap(body, headers, secret=WEBHOOK_SECRET)
    assert event.type == "payment.succeeded" and event.data.id == "pay_1"


def mistakes(client: OneRouterSync, other: OneRouter) -> None:
    """Each of these is told before it runs: a checker that is silent about one fails on its unused comment."""
    client.payments.create(amount=1, currency="INR", idempotency="x")  # type: ignore[call-overload]  # pyright: ignore
    client.payments.create(amount=[1], currency="INR")  # type: ignore[call-overload]  # pyright: ignore
    client.refunds.create("pay_1", amount=[1], wait=False)  # type: ignore[call-overload]  # pyright: ignore
    client.payments.get(payment=7)  # type: ignore[call-arg]  # pyright: ignore
    _ = client.payments.get("pay_1").stauts  # type: ignore[attr-defined]  # pyright: ignore
    _ = other.payments.get("pay_1").status  # type: ignore[attr-defined]  # pyright: ignore
    _ = onerouter.OneRuoter  # type: ignore[attr-defined]  # pyright: ignore


if __name__ == "__main__":
    synchronous(a_server())
    asyncio.run(asynchronous(a_server()))
    webhook()
    with OneRouterSync(API_KEY) as made:
        print(onerouter.__version__, made)
