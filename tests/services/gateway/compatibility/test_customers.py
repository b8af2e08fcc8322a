"""`/api/v1/customers`: the handlers of /v1, and `trace_id` on each answer."""

from typing import Any
from uuid import uuid4

DOOR = "/api/v1/customers"
ASHA = {"name": "Asha Rao", "email": "asha@example.com"}


class TestCustomers:
    async def test_both_doors_are_one_request(self, shop: Any) -> None:
        key = str(uuid4())
        old = await shop.ask("POST", DOOR, ASHA, idempotency_key=key)
        new = await shop.ask("POST", "/v1/customers", ASHA, idempotency_key=key)
        assert (old.status_code, new.status_code) == (201, 201), old.text
        assert new.headers["idempotency-replayed"] == "true"
        assert old.json() == {**new.json(), "trace_id": old.headers["x-trace-id"]}

    async def test_one_and_many_carry_the_trace(self, shop: Any) -> None:
        id_ = shop.has("customer")
        found = await shop.ask("GET", f"{DOOR}/{id_}")
        assert (found.status_code, found.json()["trace_id"]) == (200, found.headers["x-trace-id"])
        page = (await shop.ask("GET", DOOR)).json()
        assert [one["id"] for one in page["customers"]] == [id_]
        assert page["customers"] == page["data"]
        assert page["trace_id"]

    async def test_an_offset_is_refused_rather_than_ignored(self, shop: Any) -> None:
        id_ = shop.has("customer")
        answer = await shop.ask("GET", f"{DOOR}?limit=1&offset=1")
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
        assert [one["field"] for one in answer.json()["errors"]] == ["offset"]
        first = await shop.ask("GET", f"{DOOR}?limit=1&offset=0")
        assert [one["id"] for one in first.json()["data"]] == [id_]

    async def test_not_yet_known_is_being_processed(self, shop: Any) -> None:
        answer = await shop.ask("POST", DOOR, ASHA, prefer="respond-async")
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")
        assert answer.headers["location"] == f"/v1/operations/{answer.json()['operation_id']}"
