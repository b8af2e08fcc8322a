"""/api/v1: amounts in minor units, one door for every action; the commands are those of /v1."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

PAYMENTS = "/api/v1/payments"
SERVICES = "/api/v1/services/payments"
PAN = "4111 1111 1111 1111"


@pytest.fixture
def paid(world: Any, shop: Any) -> str:
    """The id of a payment in yen."""
    id_ = f"pay_{uuid4().hex[:26]}"
    world.services.payments[id_] = shop.tenant.payment(id_, currency="JPY")
    return id_


class TestPayments:
    @pytest.mark.parametrize("path", [PAYMENTS, f"{PAYMENTS}/create"])
    async def test_minor_units_are_the_same_request_as_major_ones(self, shop: Any, path: str) -> None:
        old = await _command(shop, path, {"amount": 49_900, "currency": "INR", "metadata": {"a": 1}})
        spelled = await _command(shop, path, b'{"amount": 49900.0, "currency": "INR", "metadata": {"a": "1"}}')
        new = await shop.command("POST", "/v1/payments", {"amount": "499", "currency": "INR", "metadata": {"a": 1}})
        assert old.payload == new.payload
        assert old.fingerprint == spelled.fingerprint == new.fingerprint

    async def test_a_minor_unit_is_the_currencys_own(self, shop: Any, paid: str) -> None:
        yen = await _command(shop, PAYMENTS, {"amount": 500, "currency": "JPY"})
        assert yen.payload["amount_minor"] == 500
        dinar = await _command(shop, PAYMENTS, {"amount": 1, "currency": "KWD"})
        assert dinar.payload["amount_minor"] == 1
        refund = await _command(shop, f"{PAYMENTS}/{paid}/refund", {"amount": 70})
        assert (refund.operation, refund.payload["amount_minor"]) == ("refund.create", 70)
        assert refund.ordering_key == paid
        whole = await _command(shop, f"{PAYMENTS}/{paid}/refund", None)
        assert "amount_minor" not in whole.payload

    async def test_an_outcome_that_is_not_known_is_being_processed(self, shop: Any) -> None:
        answer = await shop.ask("POST", PAYMENTS, {"amount": 1}, prefer="respond-async")
        body = answer.json()
        assert (answer.status_code, body["status"], body["effect"]) == (202, "processing", "none")
        assert answer.headers["location"] == f"/v1/operations/{body['operation_id']}"
        assert body["trace_id"] == answer.headers["x-trace-id"]

    @pytest.mark.parametrize("amount", [499.5, "49900", True, 0, -1, None, 10**15 + 1, 10**60, [1], {}])
    async def test_what_is_no_minor_unit_is_named(self, shop: Any, amount: Any) -> None:
        for path, body in (
            (PAYMENTS, {"amount": amount}),
            (SERVICES, {"action": "create", "data": {"amount": amount}}),
        ):
            assert await shop.names("POST", path, body) == "amount"

    @pytest.mark.parametrize(
        "query", ["limit=-1", "limit=101", "limit=1e1", "offset=10001", "offset=%D9%A1", "limit=x"]
    )
    async def test_a_page_that_is_none_is_named(self, shop: Any, query: str) -> None:
        answer = await shop.ask("GET", f"{PAYMENTS}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])


class TestActions:
    @pytest.mark.parametrize("name", ["data", "params"])
    async def test_a_live_key_that_asks_for_test_gets_test(self, world: Any, shop: Any, name: str) -> None:
        live = replace(shop, tenant=world.tenant(environment="live"))
        for body in (
            {"action": "create", name: {"amount": 5, "currency": "INR", "environment": "test"}},
            {"action": "create", "environment": "test", name: {"amount": 5, "currency": "INR"}},
        ):
            assert (await _command(live, SERVICES, body)).environment == "test"
        said = {"action": "create", name: {"amount": 5, "currency": "INR"}}
        assert (await _command(live, SERVICES, said)).environment == "live"
        assert (await _command(live, SERVICES, said, x_onerouter_environment="test")).environment == "test"

    @pytest.mark.parametrize("name", ["data", "params"])
    async def test_a_test_key_never_gets_live(self, shop: Any, name: str) -> None:
        body = {"action": "create", name: {"amount": 5, "environment": "live"}}
        await shop.refused("POST", SERVICES, body, status=403)

    @pytest.mark.parametrize("name", ["data", "params"])
    async def test_what_disagrees_is_named(self, shop: Any, name: str) -> None:
        body = {"action": "create", "environment": "test", name: {"amount": 5, "environment": "live"}}
        assert await shop.names("POST", SERVICES, body) == f"{name}.environment"
        keys = {"action": "create", "idempotency_key": "a", name: {"amount": 5, "idempotency_key": "b"}}
        assert await shop.names("POST", SERVICES, keys) == f"{name}.idempotency_key"

    async def test_each_action_needs_its_own_scope(self, shop: Any, paid: str) -> None:
        shop.tenant.principal["scopes"] = ["payments:read"]
        for action in ("create", "capture", "cancel", "refund"):
            data = {"payment_id": paid, "amount": 1}
            await shop.refused("POST", SERVICES, {"action": action, "data": data}, status=403)
        assert (await shop.ask("POST", SERVICES, {"action": "list"})).status_code == 200

    async def test_actions_are_the_commands_of_v1(self, shop: Any, paid: str) -> None:
        for body, operation, payload in (
            (
                {"action": " Capture ", "data": {"paymentId": paid, "amount": 40}},
                "payment.capture",
                {"amount_minor": 40},
            ),
            ({"action": "cancel", "params": {"id": paid}}, "payment.cancel", {}),
            ({"action": "refund", "data": {"payment_id": paid, "amount": 3}}, "refund.create", {"amount_minor": 3}),
        ):
            command = await _command(shop, SERVICES, body)
            assert command.operation == operation
            assert command.payload["payment_id"] == paid
            assert payload.items() <= command.payload.items()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"data": {}}, "action"),
            ({"action": "explode"}, "action"),
            ({"action": ["get"]}, "action"),
            ({"action": "get", "data": "pay_1"}, "data"),
            ({"action": "get", "data": {"payment_id": "a", "id": "b"}}, "data.payment_id"),
            ({"action": "list", "data": {"limit": True}}, "limit"),
            ({"action": "list", "data": {"offset": -1}}, "offset"),
            ({"action": "list", "data": {"limit": [1]}}, "limit"),
            ({"action": "create", "data": {"amount": 1, "notes": {"n": PAN}}}, "data.notes.n"),
            ({"action": "create", "data": {"amount": 1, "currency": "\0"}}, "data.currency"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, body: dict[str, Any], field: str) -> None:
        assert await shop.names("POST", SERVICES, body) == field


async def _command(shop: Any, path: str, body: Any, **headers: str) -> Any:
    """What reached the log; the stand-in's answers are no payments that older words could tell."""
    answer = await shop.ask("POST", path, body, prefer="respond-async", **headers)
    assert answer.status_code == 202, answer.text
    return await shop.arrived(answer.headers["x-onerouter-operation-id"])
