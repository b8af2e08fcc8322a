"""Operations are followed to their end, whoever is asked: the resource, or one that was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from onerouter import DeclinedError, OpenObject, OutcomeUnknownError, webhooks
from onerouter.testing import WEBHOOK_SECRET, Call, FakeServer, Reply, problem, signed_event
from onerouter.types import Payment


def going(*statuses: str) -> Callable[[Call], dict[str, Any]]:
    """An operation that is further each time it is read."""
    left = list(statuses)

    def answer(_: Call) -> dict[str, Any]:
        status = left.pop(0) if len(left) > 1 else left[0]
        error = {"code": "PAYMENT_FAILED", "status": 402, "detail": "The bank said no."} if status == "failed" else None
        return {"object": "operation", "id": "op_1", "status": status, "effect": "none", "error": error}

    return answer


def test_results_and_events_are_of_the_class_they_say(server: FakeServer) -> None:
    payment = {"object": "payment", "id": "pay_1", "amount_minor": 49_900, "disputes": [{"id": "dsp_1"}]}
    server.on("GET", "/v1/operations/{id}", {"object": "operation", "id": "op_1", "result": payment})
    assert isinstance(server.sync_client().operations.get("op_1").result, Payment)
    delivery = signed_event("payment.succeeded", payment)
    event = webhooks.unwrap(delivery.body, delivery.headers, WEBHOOK_SECRET)
    assert isinstance(event.data, Payment)
    assert event.data.disputes[0].id == "dsp_1"


@pytest.mark.parametrize("said", [None, "telegram", 7, ["payment"], "list"])
def test_what_is_not_known_is_open(server: FakeServer, said: object) -> None:
    server.on("GET", "/v1/operations/{id}", {"id": "op_1", "result": {"object": said, "words": 3}})
    result = server.sync_client().operations.get("op_1").result
    assert type(result) is OpenObject
    assert result.words == 3


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


class TestWait:
    async def test_of_one_that_was_read(self, server: FakeServer) -> None:
        server.on("GET", "/v1/operations/{id}", going("executing", "executing", "succeeded"))
        operation = await server.client().operations.get("op_1")
        assert operation.status == "executing"
        assert (await operation.wait()).status == "succeeded"
        server.on("GET", "/v1/operations/{id}", going("accepted", "retrying", "succeeded"))
        assert server.sync_client().operations.get("op_1").wait().status == "succeeded"
        assert len(server.waits) == 2

    def test_raises_what_the_call_would_have_raised(self, server: FakeServer) -> None:
        server.on("GET", "/v1/operations/{id}", going("executing", "failed"))
        with pytest.raises(DeclinedError, match="The bank said no") as raised:
            server.sync_client().operations.wait("op_1")
        assert (raised.value.operation_id, raised.value.effect) == ("op_1", "none")

    def test_is_over_when_its_time_is(self, server: FakeServer) -> None:
        server.on("GET", "/v1/operations/{id}", going("unknown"))
        with pytest.raises(OutcomeUnknownError) as raised:
            server.sync_client().operations.wait("op_1", timeout=0)
        assert (raised.value.operation_id, raised.value.operation_status) == ("op_1", "unknown")


class TestWhoseItIs:
    """An operation is found only where its call was made: its environment, with the same headers."""

    @pytest.fixture
    def server(self, server: FakeServer) -> FakeServer:
        accepted = {"object": "operation", "id": "op_1", "operation": "x.create", "status": "accepted"}
        server.on("POST", "/v1/payments", Reply(accepted, 202))
        server.on("POST", "/v1/payment-links", Reply(accepted, 202))
        server.on("GET", "/v1/operations/op_1", _found_in_test)
        return server

    async def test_of_a_call(self, server: FakeServer) -> None:
        headers = {"X-Tenant": "t1", "Idempotency-Key": "k1", "If-None-Match": "*"}
        made = await server.client().payments.create(
            amount=1, environment="test", max_retries=0, timeout=7, extra_headers=headers
        )
        payment = await made.wait()
        assert payment.id == "pay_1"
        asked = server.calls[-1].headers
        assert asked["x-tenant"] == "t1"
        assert not {"idempotency-key", "if-none-match"} & set(asked)
        assert await payment.wait() is payment

    def test_of_a_payment_link(self, server: FakeServer) -> None:
        assert server.sync_client().payment_links.create(1, environment="test").wait().id == "pay_1"

    def test_of_a_request(self, server: FakeServer) -> None:
        made = server.sync_client().request("POST", "/v1/payments", json={}, environment="test", wait=False)
        assert made.wait().id == "pay_1"

    def test_of_an_operation_that_is_asked_for_by_its_id(self, server: FakeServer) -> None:
        client = server.sync_client()
        found = client.operations.wait("op_1", environment="test").result
        assert found is not None and found.id == "pay_1"
        assert client.operations.get("op_1", environment="test").wait().result.id == "pay_1"


def _found_in_test(call: Call) -> Any:
    if call.headers.get("x-onerouter-environment") != "test":
        return problem(404)
    return {"object": "operation", "id": "op_1", "status": "succeeded", "result": {"object": "payment", "id": "pay_1"}}
