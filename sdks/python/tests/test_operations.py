"""Operations are followed to their end, whoever is asked: the resource, or one that was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from onerouter import DeclinedError, OpenObject, OutcomeUnknownError, webhooks
from onerouter.testing import WEBHOOK_SECRET, Call, FakeServer, signed_event
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
