from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

GOOD = {"amount": 129_900, "currency": "INR"}
OPTIONS = {"automatic_expiry_period": 12, "manual_expiry_period": 7_200, "refund_speed": "normal"}


class TestCreate:
    async def test_answers_like_the_reference(self, sandbox: "Sandbox") -> None:
        order = await sandbox.order(receipt="txn_01", notes={"name": "Zoë ₹"})
        assert order.pop("id").startswith("order_")
        assert isinstance(order.pop("created_at"), int)
        assert order == {
            "entity": "order",
            "amount": 129_900,
            "amount_paid": 0,
            "amount_due": 129_900,
            "currency": "INR",
            "receipt": "txn_01",
            "offer_id": None,
            "status": "created",
            "attempts": 0,
            "notes": {"name": "Zoë ₹"},
        }

    async def test_empty_notes_are_a_list(self, sandbox: "Sandbox") -> None:
        assert (await sandbox.order(notes={}))["notes"] == []

    @pytest.mark.parametrize(
        "accepted",
        [
            {"amount": "100"},
            {"currency": "KWD", "amount": 99_990},
            {"currency": "JPY", "amount": 295},
            {"receipt": "r" * 40},
            {"notes": {str(i): "v" * 256 for i in range(15)}},
            {"payment": {"capture": "automatic", "capture_options": OPTIONS}},
            {"payment": {"capture": "manual", "capture_options": {"refund_speed": "optimum"}}},
            {"payment_capture": 1},
            {"partial_payment": False},
        ],
    )
    async def test_accepts(self, sandbox: "Sandbox", accepted: dict[str, Any]) -> None:
        await sandbox.order(**accepted)

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"amount": 99}, "amount", "input_validation_failed"),
            ({"amount": 100.5}, "amount", "input_validation_failed"),
            ({"amount": True}, "amount", "input_validation_failed"),
            ({"amount": None}, "amount", "input_validation_failed"),
            ({"amount": 10**14}, "amount", "input_validation_failed"),
            ({"currency": "inr"}, "currency", "invalid_currency"),
            ({"currency": "XXX"}, "currency", "invalid_currency"),
            ({"currency": ["INR"]}, "currency", "invalid_currency"),
            ({"currency": None}, "currency", "input_validation_failed"),
            ({"currency": "KWD", "amount": 99_991}, "amount", "input_validation_failed"),
            ({"receipt": "r" * 41}, "receipt", "input_validation_failed"),
            ({"receipt": 7}, "receipt", "input_validation_failed"),
            ({"notes": {str(i): "v" for i in range(16)}}, "notes", "input_validation_failed"),
            ({"notes": {"a": "v" * 257}}, "notes", "input_validation_failed"),
            ({"notes": ["a"]}, "notes", "input_validation_failed"),
            ({"payment": {"capture": "later"}}, "payment.capture", "input_validation_failed"),
            (
                {"payment": {"capture": "automatic", "capture_options": {"refund_speed": "normal"}}},
                "payment.capture_options.automatic_expiry_period",
                "input_validation_failed",
            ),
            (
                {"payment": {"capture": "manual", "capture_options": {**OPTIONS, "manual_expiry_period": 11}}},
                "payment.capture_options.manual_expiry_period",
                "input_validation_failed",
            ),
            ({"offers": []}, "offers", "extra_field_sent"),
        ],
    )
    async def test_refuses(self, sandbox: "Sandbox", change: dict[str, Any], field: str, reason: str) -> None:
        answer = await sandbox.api.post("/orders", json={**GOOD, **change})
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["code"], error["field"], error["reason"]) == ("BAD_REQUEST_ERROR", field, reason)
        assert (error["source"], error["step"], error["metadata"]) == ("business", "payment_initiation", {})
        assert await sandbox.effects() == []

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
    async def test_refuses_what_is_not_a_json_object(self, sandbox: "Sandbox", body: bytes) -> None:
        assert (await sandbox.api.post("/orders", content=body)).status_code == 400

    async def test_refuses_a_huge_body(self, sandbox: "Sandbox") -> None:
        assert (await sandbox.api.post("/orders", content=b" " * 2_000_000)).status_code == 413


class TestUniqueReceipt:
    async def test_without_it_a_receipt_may_come_twice(self, sandbox: "Sandbox") -> None:
        first, second = await sandbox.order(receipt="r-1"), await sandbox.order(receipt="r-1")
        assert first["id"] != second["id"]
        summary = await sandbox.summary()
        assert summary["counts"] == {"order.created": 2}
        assert summary["repeated"][0]["object_ids"] == [first["id"], second["id"]]

    async def test_same_order(self, sandbox: "Sandbox") -> None:
        first = await sandbox.order(receipt="r-1", unique_receipt=True)
        assert await sandbox.order(receipt="r-1", unique_receipt=True) == first
        assert len(await sandbox.effects(kind="order.created")) == 1

    async def test_same_order_is_not_given_for_another_amount(self, sandbox: "Sandbox") -> None:
        await sandbox.order(receipt="r-1", unique_receipt=True)
        answer = await sandbox.api.post(
            "/orders", json={**GOOD, "amount": 100, "receipt": "r-1", "unique_receipt": True}
        )
        assert answer.json()["error"]["description"] == "Order receipt should be unique."

    async def test_refused(self, sandbox: "Sandbox") -> None:
        await sandbox.register(unique_receipt="refused")
        await sandbox.order(receipt="r-1", unique_receipt=True)
        answer = await sandbox.api.post("/orders", json={**GOOD, "receipt": "r-1", "unique_receipt": True})
        assert answer.status_code == 400
        assert answer.json()["error"]["description"] == "Order receipt should be unique."

    async def test_unsupported(self, sandbox: "Sandbox") -> None:
        await sandbox.register(unique_receipt="unsupported")
        answer = await sandbox.api.post("/orders", json={**GOOD, "receipt": "r-1", "unique_receipt": True})
        assert answer.json()["error"]["reason"] == "extra_field_sent"


class TestRead:
    async def test_list_filters_and_pages(self, sandbox: "Sandbox") -> None:
        made = [await sandbox.order(receipt=f"r-{number % 2}") for number in range(6)]
        listed = (await sandbox.api.get("/orders", params={"receipt": "r-1"})).json()
        assert (listed["entity"], listed["count"]) == ("collection", 3)
        assert [each["id"] for each in listed["items"]] == [made[i]["id"] for i in (5, 3, 1)]
        page = (await sandbox.api.get("/orders", params={"count": 2, "skip": 1})).json()
        assert [each["id"] for each in page["items"]] == [made[i]["id"] for i in (4, 3)]
        later = made[-1]["created_at"] + 1
        assert (await sandbox.api.get("/orders", params={"from": later})).json()["count"] == 0
        assert (await sandbox.api.get("/orders", params={"to": later})).json()["count"] == 6
        assert (await sandbox.api.get("/orders", params={"count": 101})).status_code == 400

    @pytest.mark.parametrize(
        "path", ["/orders/order_x", "/payments/pay_x", "/refunds/rfnd_x", "/orders/order_x/payments"]
    )
    async def test_an_unknown_id_is_a_400(self, sandbox: "Sandbox", path: str) -> None:
        answer = await sandbox.api.get(path)
        assert (answer.status_code, answer.json()["error"]["description"]) == (400, "The id provided does not exist")

    async def test_another_accounts_order_does_not_exist(self, sandbox: "Sandbox") -> None:
        order = await sandbox.order()
        await sandbox.register(key_id="rzp_live_Other01", key_secret="other_secret")
        answer = await sandbox.api.get(f"/orders/{order['id']}", auth=("rzp_live_Other01", "other_secret"))
        assert answer.status_code == 400

    @pytest.mark.parametrize(("path", "status"), [("/virtual_accounts", 400), ("/orders/a/b/c", 404)])
    async def test_an_unknown_path(self, sandbox: "Sandbox", path: str, status: int) -> None:
        answer = await sandbox.api.get(path)
        assert (answer.status_code, answer.json()["error"]["description"]) == (
            status,
            "The requested URL was not found on the server.",
        )


class TestAuthentication:
    async def test_wrong_keys_are_a_401(self, sandbox: "Sandbox") -> None:
        async with httpx.AsyncClient(base_url=f"{sandbox.url}/razorpay/v1") as http:
            for auth in ((sandbox.key_id, "wrong"), ("rzp_test_nobody", "sandbox_key_secret_01"), ("", "")):
                answer = await http.post("/orders", json=GOOD, auth=auth)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "BAD_REQUEST_ERROR")

    async def test_no_key_is_a_401(self, sandbox: "Sandbox") -> None:
        async with httpx.AsyncClient(base_url=f"{sandbox.url}/razorpay/v1") as http:
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic \x21\x21"}):
                assert (await http.post("/orders", json=GOOD, headers=headers)).status_code == 401

    async def test_the_word_basic_is_case_sensitive(self, sandbox: "Sandbox") -> None:
        good = httpx.BasicAuth(sandbox.key_id, "sandbox_key_secret_01")._auth_header
        async with httpx.AsyncClient(base_url=f"{sandbox.url}/razorpay/v1") as http:
            assert (await http.get("/orders", headers={"Authorization": good})).status_code == 200
            bad = good.replace("Basic", "basic")
            assert (await http.get("/orders", headers={"Authorization": bad})).status_code == 401

    async def test_a_replaced_secret_stops_working(self, sandbox: "Sandbox") -> None:
        await sandbox.register(key_secret="another_secret")
        assert (await sandbox.api.get("/orders")).status_code == 401
