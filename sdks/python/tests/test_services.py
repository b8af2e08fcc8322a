"""What a key can use where it acts."""

from __future__ import annotations

from typing import Any

import pytest

from onerouter.testing import Call, FakeServer, api_key


def service(environment: str, *capabilities: str, currencies: list[str] | None = None) -> dict[str, Any]:
    return {
        "object": "service",
        "environment": environment,
        "provider": "razorpay",
        "capabilities": [{"name": each, "guarantee": "exactly_once"} for each in capabilities],
        "currencies": currencies,
    }


@pytest.fixture
def server() -> FakeServer:
    """Live can a little, test can all; what is asked of one environment is answered of it."""
    server = FakeServer()
    there = [service("live", "payment.create", currencies=["INR"]), service("test", "payment.create", "refund.create")]

    def answer(call: Call) -> dict[str, Any]:
        asked = call.headers.get("x-onerouter-environment")
        shown = [each for each in there if asked in (None, each["environment"])]
        return {"object": "list", "data": shown, "has_more": False, "next_cursor": None}

    server.on("GET", "/v1/services", answer)
    return server


@pytest.mark.parametrize(
    ("asked", "live", "test"),
    [
        ({"capability": "payment.create"}, True, True),
        ({"capability": "payment.create", "currency": "inr"}, True, True),
        (
            {"capability": "payment.create", "currency": "USD"},
            False,
            True,
        ),  # test lists none, so it is taken to have it
        ({"capability": "refund.create"}, False, True),
        ({"capability": "refund"}, False, False),
    ],
)
async def test_supports(server: FakeServer, asked: dict[str, Any], live: bool, test: bool) -> None:
    key = api_key("live")
    assert await server.client(api_key=key).services.supports(**asked) is live
    assert server.sync_client(api_key=key).services.supports(**asked) is live
    assert server.sync_client(api_key=key).services.supports(**asked, environment="test") is test
    assert server.sync_client(api_key=key, environment="test").services.supports(**asked) is test
    assert server.sync_client().services.supports(**asked, provider="razorpay") is test
    assert server.calls[-1].query == {"provider": "razorpay"}
