"""PayPal's API as the simulator speaks it. What the bodies look like is judged by PayPal's own files elsewhere."""

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SECRET, issue_of, order_body

if TYPE_CHECKING:
    from .conftest import Shop

ORDERS = "/v2/checkout/orders"


class TestTokens:
    async def test_a_token_is_needed_and_ends(self, shop: "Shop") -> None:
        shop.api.headers["Authorization"] = "Bearer nobodys"
        assert (await shop.api.get(f"{ORDERS}/X")).json()["name"] == "AUTHENTICATION_FAILURE"
        del shop.api.headers["Authorization"]
        assert (await shop.api.get(f"{ORDERS}/X")).status_code == 401
        await shop.sign_in()
        assert (await shop.api.get(f"{ORDERS}/X")).status_code == 404
        assert await shop.ask(f"/paypal/accounts/{shop.client_id}/end-tokens") == {"ended": 2}
        assert (await shop.api.get(f"{ORDERS}/X")).status_code == 401

    async def test_wrong_credentials_have_a_body_of_their_own(self, shop: "Shop") -> None:
        for auth in ((shop.client_id, "wrong"), ("nobody", SECRET)):
            answer = await shop.api.post("/v1/oauth2/token", auth=auth, data={"grant_type": "client_credentials"})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        answer = await shop.api.post("/v1/oauth2/token", auth=(shop.client_id, SECRET))
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")

    async def test_another_apps_objects_do_not_exist(self, shop: "Shop", sandbox_url: str) -> None:
        from .conftest import shop_at

        order, capture = await shop.order(), await shop.captured()
        async with shop_at(sandbox_url, f"{shop.client_id}other") as other:
            for path in (f"{ORDERS}/{order['id']}", f"/v2/payments/captures/{capture['id']}"):
                answer = await other.api.get(path)
                assert issue_of(answer) == (404, "INVALID_RESOURCE_ID")


class TestOrders:
    async def test_without_a_source_it_waits_to_be_approved(self, shop: "Shop") -> None:
        order = await shop.order(source=False)
        assert order["status"] == "CREATED"
        assert [link["rel"] for link in order["links"]] == ["self", "approve"]
        order = await shop.order()
        assert order["status"] == "PAYER_ACTION_REQUIRED"
        assert [link["rel"] for link in order["links"]] == ["self", "payer-action"]

    async def test_only_who_asks_gets_the_representation(self, shop: "Shop") -> None:
        answer = await shop.post(ORDERS, order_body(), minimal=True)
        assert set(answer.json()) == {"id", "status", "payment_source", "links"}

    @pytest.mark.parametrize(
        ("body", "status", "issue"),
        [
            ({}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"intent": "SALE", "purchase_units": [{}]}, 400, "INVALID_PARAMETER_VALUE"),
            ({"intent": "CAPTURE"}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"intent": "CAPTURE", "purchase_units": [{}]}, 400, "MISSING_REQUIRED_PARAMETER"),
            (order_body("0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
            (order_body("-1.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
            (order_body("1.999"), 422, "DECIMAL_PRECISION"),
            (order_body("100.50", "JPY"), 422, "DECIMAL_PRECISION"),
            (order_body("100.50", "HUF"), 422, "DECIMAL_PRECISION"),
            (order_body("1" * 16), 422, "MAX_VALUE_EXCEEDED"),
            (order_body("12,99"), 400, "INVALID_PARAMETER_SYNTAX"),
            (order_body("1.00", "INR"), 422, "INVALID_CURRENCY_CODE"),
            (order_body(custom_id="x" * 128), 400, "INVALID_STRING_LENGTH"),
            (order_body(description=7), 400, "INVALID_PARAMETER_SYNTAX"),
            ([], 400, "MALFORMED_REQUEST_JSON"),
        ],
    )
    async def test_what_it_refuses(self, shop: "Shop", body: Any, status: int, issue: str) -> None:
        assert issue_of(await shop.post(ORDERS, body)) == (status, issue)
        assert await shop.effects() == []

    async def test_it_is_captured_once_and_only_after_approval(self, shop: "Shop") -> None:
        order = await shop.order(custom_id="pay_1")
        path = f"{ORDERS}/{order['id']}"
        assert issue_of(await shop.post(f"{path}/capture")) == (422, "ORDER_NOT_APPROVED")
        approved = await shop.approve(order["id"])
        assert approved["status"] == "APPROVED"
        assert approved["links"][-1]["rel"] == "capture"
        assert issue_of(await shop.post(f"{path}/authorize")) == (422, "ACTION_DOES_NOT_MATCH_INTENT")
        done = await shop.post(f"{path}/capture")
        assert (done.status_code, done.json()["status"]) == (201, "COMPLETED")
        (capture,) = done.json()["purchase_units"][0]["payments"]["captures"]
        assert capture["seller_receivable_breakdown"]["paypal_fee"]["value"] == "0.94"
        assert issue_of(await shop.post(f"{path}/capture")) == (422, "ORDER_ALREADY_CAPTURED")
        assert [one["reference"] for one in await shop.effects(kind="payment.captured")] == ["pay_1"]
        shown = await shop.got(f"/v2/payments/captures/{capture['id']}")
        assert shown["supplementary_data"]["related_ids"]["order_id"] == order["id"]

    async def test_an_invoice_is_paid_once(self, shop: "Shop") -> None:
        await shop.captured(invoice_id="INV-1")
        order = await shop.order(invoice_id="INV-1")
        await shop.approve(order["id"])
        assert issue_of(await shop.post(f"{ORDERS}/{order['id']}/capture")) == (422, "DUPLICATE_INVOICE_ID")
        await shop.register(unique_invoices=False)
        assert (await shop.post(f"{ORDERS}/{order['id']}/capture")).status_code == 201

    async def test_a_declined_instrument_can_be_replaced(self, shop: "Shop") -> None:
        order = await shop.order()
        await shop.approve(order["id"], decline="INSTRUMENT_DECLINED")
        answer = await shop.post(f"{ORDERS}/{order['id']}/capture")
        assert issue_of(answer) == (422, "INSTRUMENT_DECLINED")
        assert [link["rel"] for link in answer.json()["links"]] == ["information_link", "redirect"]
        await shop.approve(order["id"])
        assert (await shop.post(f"{ORDERS}/{order['id']}/capture")).status_code == 201

    async def test_a_decline_comes_with_a_good_status(self, shop: "Shop") -> None:
        order = await shop.order()
        await shop.approve(order["id"], decline="5120")
        done = await shop.post(f"{ORDERS}/{order['id']}/capture")
        (capture,) = done.json()["purchase_units"][0]["payments"]["captures"]
        assert (done.status_code, done.json()["status"], capture["status"]) == (201, "COMPLETED", "DECLINED")
        assert capture["processor_response"] == {"response_code": "5120"}
        assert await shop.effects(kind="payment.captured") == []

    @pytest.mark.parametrize("path", ["/v2/checkout/carts", "/v2/checkout/orders/X/pay", "/v1/nothing", "/v2/"])
    async def test_other_paths_do_not_exist(self, shop: "Shop", path: str) -> None:
        assert (await shop.api.get(path)).json()["name"] == "RESOURCE_NOT_FOUND"


class TestAuthorizations:
    async def held(self, shop: "Shop") -> str:
        order = await shop.order(intent="AUTHORIZE")
        await shop.approve(order["id"])
        done = await shop.post(f"{ORDERS}/{order['id']}/authorize")
        assert done.status_code == 201
        return f"/v2/payments/authorizations/{done.json()['purchase_units'][0]['payments']['authorizations'][0]['id']}"

    async def test_it_is_captured_in_parts_until_the_final_one(self, shop: "Shop") -> None:
        path = await self.held(shop)

        async def capture(value: str, **more: Any) -> Any:
            return await shop.post(f"{path}/capture", {"amount": {"currency_code": "USD", "value": value}, **more})

        assert (await capture("5.00")).status_code == 201
        assert (await shop.got(path))["status"] == "PARTIALLY_CAPTURED"
        assert issue_of(await capture("50.00")) == (422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        assert (await capture("1.00", final_capture=True)).json()["final_capture"] is True
        assert (await shop.got(path))["status"] == "CAPTURED"
        assert issue_of(await capture("1.00")) == (422, "AUTHORIZATION_ALREADY_CAPTURED")
        assert issue_of(await shop.post(f"{path}/void")) == (422, "PREVIOUSLY_CAPTURED")
        assert [one["amount"] for one in await shop.effects(kind="payment.captured")] == [500, 100]

    async def test_it_is_voided_once(self, shop: "Shop") -> None:
        path = await self.held(shop)
        answer = await shop.post(f"{path}/void", minimal=True)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await shop.got(path))["status"] == "VOIDED"
        assert issue_of(await shop.post(f"{path}/void")) == (422, "PREVIOUSLY_VOIDED")
        assert issue_of(await shop.post(f"{path}/capture")) == (422, "AUTHORIZATION_VOIDED")


class TestRefunds:
    async def test_never_more_than_was_taken(self, shop: "Shop") -> None:
        capture = await shop.captured()
        path = f"/v2/payments/captures/{capture['id']}"

        async def refund(value: str, currency: str = "USD", **more: Any) -> Any:
            return await shop.post(f"{path}/refund", {"amount": {"currency_code": currency, "value": value}, **more})

        first = await refund("5.00", invoice_id="re_1", custom_id="re_1", note_to_payer="Sorry")
        assert (first.status_code, first.json()["status"]) == (201, "COMPLETED")
        assert (await shop.got(path))["status"] == "PARTIALLY_REFUNDED"
        assert issue_of(await refund("1.00", invoice_id="re_1")) == (422, "DUPLICATE_INVOICE_ID")
        assert issue_of(await refund("8.00")) == (422, "REFUND_AMOUNT_EXCEEDED")
        assert issue_of(await refund("1.00", "EUR")) == (422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        rest = (await shop.post(f"{path}/refund")).json()
        assert rest["amount"]["value"] == "7.99"
        assert rest["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "12.99"
        assert (await shop.got(path))["status"] == "REFUNDED"
        assert issue_of(await refund("1.00")) == (422, "CAPTURE_FULLY_REFUNDED")
        assert await shop.got(f"/v2/payments/refunds/{rest['id']}") == rest

    async def test_a_pending_capture_is_not_refunded(self, shop: "Shop") -> None:
        order = await shop.order()
        await shop.approve(order["id"], pending="ECHECK")
        done = (await shop.post(f"{ORDERS}/{order['id']}/capture")).json()
        capture_id = done["purchase_units"][0]["payments"]["captures"][0]["id"]
        path = f"/v2/payments/captures/{capture_id}/refund"
        assert issue_of(await shop.post(path)) == (422, "PENDING_CAPTURE")
        await shop.ask(f"/paypal/captures/{capture_id}/settle", status="DECLINED")
        assert issue_of(await shop.post(path)) == (422, "REFUND_NOT_ALLOWED")

    async def test_one_that_fails_gives_its_amount_back(self, shop: "Shop") -> None:
        capture = await shop.captured()
        await shop.ask("/faults", kind="refund_failed", operation="captures.refund", delay_s=0.01, times=1)
        refund = (await shop.post(f"/v2/payments/captures/{capture['id']}/refund")).json()
        assert refund["status"] == "PENDING"
        await shop.ask(f"/paypal/refunds/{refund['id']}/settle", status="FAILED")
        assert (await shop.got(f"/v2/payments/refunds/{refund['id']}"))["status"] == "FAILED"
        assert (await shop.post(f"/v2/payments/captures/{capture['id']}/refund")).status_code == 201
