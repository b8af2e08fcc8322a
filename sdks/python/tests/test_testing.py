"""The test double behaves as the product does where users' tests depend on it."""

from __future__ import annotations

import pytest

from onerouter import (
    APIConnectionError,
    APITimeoutError,
    IdempotencyMismatchError,
    NotFoundError,
    OneRouterSync,
    RateLimitError,
)
from onerouter.testing import (
    Call,
    FakeServer,
    Fault,
    Reply,
    cut_off,
    event,
    problem,
    timeout_after,
    timeout_before,
    unreachable,
)


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.on("POST", "/v1/sms", {"id": "sms_1", "status": "sent"}, status=201)
    return server


def send(client: OneRouterSync, **options: object) -> object:
    return client.sms.send(to="+919812345678", body="Your code is 4711", **options)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("fault", "error", "arrived", "effects", "sent"),
    [
        (unreachable(), APIConnectionError, 0, 0, False),
        (timeout_before(), APITimeoutError, 1, 0, True),
        (timeout_after(), APITimeoutError, 1, 1, True),
        (cut_off(), APIConnectionError, 1, 1, True),
    ],
    ids=["unreachable", "timeout before", "timeout after", "cut off"],
)
def test_a_fault_comes_before_or_after_the_effect(
    server: FakeServer, fault: Fault, error: type[APIConnectionError], arrived: int, effects: int, sent: bool
) -> None:
    server.next(fault)
    with pytest.raises(error) as raised:
        send(server.sync_client(max_retries=0))
    assert (len(server.calls), len(server.effects), raised.value.sent) == (arrived, effects, sent)


@pytest.mark.parametrize("fault", [unreachable(), timeout_before(), timeout_after(), cut_off(), problem(503)])
def test_a_retry_has_one_effect(server: FakeServer, fault: Fault | Reply) -> None:
    server.next(fault)
    send(server.sync_client())
    assert len(server.effects) == 1 and len(server.waits) == 1


def test_the_caller_may_repeat_what_failed(server: FakeServer) -> None:
    server.next(timeout_after())
    client = server.sync_client(max_retries=0)
    with pytest.raises(APITimeoutError) as raised:
        send(client)
    again = client.sms.send(to="+919812345678", body="Your code is 4711", idempotency_key=raised.value.idempotency_key)
    assert again.response.replayed and len(server.effects) == 1


def test_a_key_stands_for_one_request(server: FakeServer) -> None:
    client = server.sync_client()
    client.sms.send(to="+919812345678", body="one", idempotency_key="k")
    with pytest.raises(IdempotencyMismatchError):
        client.sms.send(to="+919812345678", body="two", idempotency_key="k")
    client.sms.send(to="+919812345678", body="one", idempotency_key="other")
    assert [effect.json["body"] for effect in server.effects] == ["one", "one"]


def test_answers(server: FakeServer) -> None:
    server.on("GET", "/v1/sms/{id}", lambda call: {"id": call.path.rpartition("/")[2], "status": "delivered"})
    client = server.sync_client()
    assert client.sms.get("sms_7").id == "sms_7"
    server.on("GET", "/v1/sms/sms_8", problem(404, "NOT_FOUND"))
    with pytest.raises(NotFoundError):
        client.sms.get("sms_8")
    with pytest.raises(NotFoundError, match="Nothing was set"):
        client.payments.get("pay_1")


def test_an_unhandled_limit_is_the_callers(server: FakeServer) -> None:
    server.next(problem(429, "RATE_LIMIT_EXCEEDED", retry_after=3_600))
    with pytest.raises(RateLimitError) as raised:
        send(server.sync_client())
    assert raised.value.retry_after == 3_600 and server.waits == []


def test_what_arrived(server: FakeServer) -> None:
    send(server.sync_client(), extra_query={"a": "b c"})
    (call,) = server.calls
    assert isinstance(call, Call)
    assert (call.method, call.path, call.query) == ("POST", "/v1/sms", {"a": "b c"})
    assert call.json["to"] == "+919812345678" and call.headers["Idempotency-Key"] == call.idempotency_key


def test_an_event_is_like_the_products() -> None:
    made = event("refund.succeeded", {"id": "re_1"}, sequence=4)
    assert made["resource"] == {"kind": "refund", "id": "re_1"} and made["sequence"] == 4
    assert made["id"] != event("refund.succeeded")["id"]
