"""What type checkers are told: of everything that can be left to go on, that an `Accepted` comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sdks.python.scripts import make_typed
from sdks.python.scripts.description import DOCUMENT, PACKAGE
from sdks.python.tests.golden import KEY, method_of, operations

from onerouter import Accepted, OneRouter
from onerouter.testing import FakeServer, Reply

OPERATION_ID = "X-OneRouter-Operation-Id"
# What only calls another of them.
BESIDE = {
    "payments.refund",
    "saved_payment_methods.save",
    "saved_payment_methods.update",
    "saved_payment_methods.delete",
}
# An answer for each of its parts, and no operation of its own.
PARTED = {"marketplace.process_bulk_splits"}


def test_it_is_current() -> None:
    assert (PACKAGE / make_typed.TARGET).read_text("utf-8") == make_typed.stub()


def test_it_is_all_that_is_an_operation() -> None:
    document = json.loads(DOCUMENT.read_text("utf-8"))
    accepting = {
        method["operationId"]
        for methods in document["paths"].values()
        for method in methods.values()
        if "202" in method["responses"] and not method.get("deprecated")
    }
    methods = {operations()[id_] for id_ in accepting} - PARTED
    told = {f"{module}.{name}" for module, names in make_typed.COMMANDS.items() for name in names}
    assert told - BESIDE == methods
    client = OneRouter(KEY)
    assert all(callable(method_of(client, name)) for name in told)


class TestNotWaitingFor:
    @pytest.fixture
    def server(self) -> FakeServer:
        server = FakeServer()
        server.on("POST", "/v1/payments", Reply({"id": "pay_1"}, 201, {OPERATION_ID: "op_1"}))
        operation: dict[str, Any] = {"id": "op_1", "object": "operation", "status": "succeeded", "error": None}
        server.on("GET", "/v1/operations/op_1", {**operation, "result": {"id": "pay_1", "object": "payment"}})
        return server

    def test_what_has_ended_gives_its_operation_too(self, server: FakeServer) -> None:
        accepted = server.sync_client().payments.create(amount=1, wait=False, idempotency_key="order-1")
        assert type(accepted) is Accepted
        told = (accepted.operation_id, accepted.status, accepted.effect, accepted["resource_id"])
        assert told == ("op_1", "succeeded", "committed", "pay_1")
        assert (accepted.idempotency_key, accepted.response.status_code) == ("order-1", 201)
        assert accepted.wait().id == "pay_1"

    async def test_who_waits_has_the_result(self, server: FakeServer) -> None:
        payment = await server.client().payments.create(amount=1)
        assert (type(payment).__name__, payment.id) == ("Payment", "pay_1")

    def test_what_is_no_operation_is_what_it_is(self, server: FakeServer) -> None:
        server.on("GET", "/v1/payments/pay_1", {"id": "pay_1"})
        assert server.sync_client().payments.get("pay_1", wait=False).id == "pay_1"
