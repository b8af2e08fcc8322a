"""Doors of earlier clients: the same operations, ids, events and idempotency records as by the newer ones."""

from uuid import uuid4

import pytest
from tests.e2e.world import World


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


class TestAliases:
    async def test_the_same_key_finds_the_same_payment_by_either_door(self, world: World) -> None:
        headers, body = _key(), {"amount": "12.50", "currency": "INR"}
        older = await world.api.post("/v1/payments/orders", json=body, headers=headers)
        newer = await world.api_2.post("/v1/payments", json=body, headers=headers)
        assert (older.status_code, newer.status_code) == (201, 201)
        assert older.json()["id"] == newer.json()["id"]
        assert newer.headers["idempotency-replayed"] == "true"
        found = await world.api.get(f"/v1/payments/orders/{older.json()['id']}")
        assert found.json()["id"] == older.json()["id"]
        assert len(await world.effects(older.json()["id"])) == 1

    async def test_a_refund(self, world: World) -> None:
        payment = await world.paid()
        answer = await world.api.post(
            "/v1/payments/refund", json={"payment_id": payment["id"], "amount": 1}, headers=_key()
        )
        assert (answer.status_code, answer.json()["amount_minor"]) == (201, 100)

    @pytest.mark.parametrize("body", [{"amount": 5, "currency": "INR"}, {"amount": "much"}])
    async def test_they_say_what_to_use_instead(self, world: World, body: dict[str, object]) -> None:
        answer = await world.api.post("/v1/payments/orders", json=body, headers=_key())
        assert answer.headers["deprecation"].startswith("@")
        assert answer.headers["link"] == '</v1/payments>; rel="successor-version"'
        newer = await world.api.post("/v1/payments", json=body, headers=_key())
        assert "deprecation" not in newer.headers
        assert newer.status_code == answer.status_code


class TestMinorUnits:
    async def test_a_payment_from_creation_to_refund(self, world: World) -> None:
        headers = _key()
        body = {"amount": 49_900, "currency": "INR", "metadata": {"cart": "7"}}
        answer = await world.api.post("/api/v1/payments", json=body, headers=headers)
        made = answer.json()
        assert (answer.status_code, made["amount"], made["status"]) == (201, 49_900, "pending"), answer.text
        assert made["provider_metadata"]["provider_order_id"] == made["provider_transaction_id"]
        assert made["trace_id"] == answer.headers["x-trace-id"]
        newer = await world.api.post(
            "/v1/payments", json={"amount": "499.00", "currency": "INR", "metadata": {"cart": "7"}}, headers=headers
        )
        assert (newer.status_code, newer.json()["id"], newer.json()["amount"]) == (201, made["id"], 499.0)
        await world.pay(newer.json())
        await world.reached(f"/v1/payments/{made['id']}", "succeeded")
        status = (await world.api.get(f"/api/v1/payments/{made['id']}/status")).json()
        assert (status["id"], status["status"]) == (made["id"], "completed")
        refund = await world.api.post(f"/api/v1/payments/{made['id']}/refund", json={"amount": 900}, headers=_key())
        assert (refund.status_code, refund.json()["amount"]) == (201, 900), refund.text
        assert refund.json()["refund_id"] == refund.json()["id"]
        rest = await world.api.post(f"/api/v1/payments/{made['id']}/refund", headers=_key())
        assert rest.json()["amount"] == 49_000
        await world.reached(f"/v1/payments/{made['id']}", "refunded")
        assert (await world.api.get(f"/api/v1/payments/{made['id']}")).json()["status"] == "refunded"

    async def test_a_list_has_an_offset_and_a_total(self, world: World) -> None:
        made = [(await world.create(receipt="offset"))["id"] for _ in range(3)]
        first = (await world.api.get("/api/v1/payments", params={"limit": 2})).json()
        second = (await world.api.get("/api/v1/payments", params={"limit": 2, "offset": 2})).json()
        assert first["payments"] == first["data"]
        assert (first["limit"], first["offset"], second["offset"]) == (2, 0, 2)
        assert first["total"] == second["total"] >= 3
        newest = [payment["id"] for payment in (*first["data"], *second["data"])]
        assert newest[:3] == list(reversed(made))

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"amount": 499.5, "currency": "INR"}, "amount"),
            ({"amount": "49900", "currency": "INR"}, "amount"),
            ({"amount": True}, "amount"),
            ({"amount": 0}, "amount"),
            ({}, "amount"),
            ({"amount": 10**30}, "amount"),
        ],
    )
    async def test_what_is_no_whole_number_is_refused(self, world: World, body: dict[str, object], field: str) -> None:
        answer = await world.api.post("/api/v1/payments", json=body, headers=_key())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text

    @pytest.mark.parametrize(("name", "value"), [("limit", "x"), ("limit", "101"), ("offset", "-1"), ("offset", "1e3")])
    async def test_a_wrong_page_is_refused(self, world: World, name: str, value: str) -> None:
        answer = await world.api.get("/api/v1/payments", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


class TestActions:
    async def act(self, world: World, action: str, expect: int = 200, **data: object) -> dict[str, object]:
        answer = await world.api.post(
            "/api/v1/services/payments", json={"action": action, "data": data}, headers=_key()
        )
        assert answer.status_code == expect, answer.text
        body: dict[str, object] = answer.json()
        return body

    async def test_each_answers_for_itself(self, world: World) -> None:
        made = await self.act(world, "create", 201, amount=2_500, currency="INR")
        assert (made["amount"], made["status"]) == (2_500, "pending")
        canonical = (await world.api.get(f"/v1/payments/{made['id']}")).json()
        await world.pay(canonical)
        await world.reached(f"/v1/payments/{made['id']}", "succeeded")
        assert (await self.act(world, "get", paymentId=made["id"]))["status"] == "completed"
        assert (await self.act(world, "status", payment_id=made["id"]))["status"] == "completed"
        refund = await self.act(world, "refund", 201, payment_id=made["id"], amount=500)
        assert (refund["payment_id"], refund["amount"]) == (made["id"], 500)
        assert (await self.act(world, "list", limit=1))["limit"] == 1

    async def test_the_key_in_the_data_counts(self, world: World) -> None:
        key = str(uuid4())
        body = {"action": "create", "data": {"amount": 700, "currency": "INR", "idempotency_key": key}}
        first = await world.api.post("/api/v1/services/payments", json=body)
        again = await world.api_2.post(
            "/v1/payments", json={"amount": 7, "currency": "INR"}, headers={"Idempotency-Key": key}
        )
        assert (first.status_code, again.status_code) == (201, 201), again.text
        assert first.json()["id"] == again.json()["id"]

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({"action": "explode", "data": {}}, 422, "action"),
            ({"data": {}}, 422, "action"),
            ({"action": "get", "data": {}}, 422, "data.payment_id"),
            ({"action": "get", "data": {"payment_id": "a", "paymentId": "b"}}, 422, "data.payment_id"),
            ({"action": "get", "data": {"payment_id": 7}}, 422, "data.payment_id"),
            ({"action": "get", "data": []}, 422, "data"),
            (
                {"action": "create", "idempotency_key": "a", "data": {"idempotency_key": "b"}},
                422,
                "data.idempotency_key",
            ),
        ],
    )
    async def test_what_is_wrong_is_named(self, world: World, body: dict[str, object], status: int, field: str) -> None:
        answer = await world.api.post("/api/v1/services/payments", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), answer.text

    async def test_an_unknown_category_is_not_found(self, world: World) -> None:
        answer = await world.api.post("/api/v1/services/teleport", json={"action": "go"})
        assert answer.status_code == 404
