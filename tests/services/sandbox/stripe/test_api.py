"""Requests and answers as Stripe's: forms, errors, expansion, lists, search."""

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.stripe.conftest import Shop

GOOD = {"amount": "1299", "currency": "usd"}


class TestAuthentication:
    async def test_bearer_and_basic_open_the_account(self, shop: "Shop") -> None:
        async with httpx.AsyncClient(base_url=f"{shop.url}/stripe/v1") as http:
            basic = await http.get("/balance", auth=(shop.secret_key, ""))
            assert basic.status_code == 200
            for headers in ({}, {"Authorization": "Bearer sk_test_nobody0000"}, {"Authorization": "Basic !"}):
                refused = await http.get("/balance", headers=headers)
                assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")
                assert shop.secret_key not in refused.text

    async def test_accounts_see_only_their_own(self, shop: "Shop") -> None:
        intent = await shop.intent()
        other = "sk_test_another_account"
        await shop.ask("/stripe/accounts", secret_key=other)
        headers = {"Authorization": f"Bearer {other}"}
        hidden = await shop.api.get(f"/payment_intents/{intent['id']}", headers=headers)
        assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "resource_missing")
        assert (await shop.api.get("/payment_intents", headers=headers)).json()["data"] == []

    async def test_secrets_stay_inside(self, shop: "Shop") -> None:
        shown = await shop.control.get("/stripe/accounts")
        assert shop.account_id in shown.text
        assert shop.secret_key not in shown.text
        assert "whsec_" not in shown.text

    async def test_answers_carry_request_id_and_version(self, shop: "Shop") -> None:
        answer = await shop.api.get("/account")
        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == "2026-05-27.dahlia"
        refused = await shop.api.get("/account", headers={"Stripe-Version": "latest"})
        assert refused.status_code == 400


class TestIntents:
    async def test_answers_like_the_reference(self, shop: "Shop") -> None:
        intent = await shop.intent(**{"metadata[order]": "7", "description": "Tea", "capture_method": "manual"})
        assert (intent["object"], intent["status"]) == ("payment_intent", "requires_payment_method")
        assert (intent["amount"], intent["currency"], intent["capture_method"]) == (1_299, "usd", "manual")
        assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
        assert intent["metadata"] == {"order": "7"}
        assert await shop.got(f"/payment_intents/{intent['id']}") == intent

    @pytest.mark.parametrize(
        ("changes", "param", "code"),
        [
            ({"amount": "49"}, "amount", "amount_too_small"),
            ({"amount": "100000000"}, "amount", "amount_too_large"),
            ({"amount": "12.99"}, "amount", "parameter_invalid_integer"),
            ({"amount": ""}, "amount", "parameter_invalid_integer"),
            ({"currency": "xxx"}, "currency", None),
            ({"currency": "isk", "amount": "550"}, "amount", None),
            ({"currency": "kwd", "amount": "99991"}, "amount", None),
            ({"capture_method": "later"}, "capture_method", None),
            ({"colour": "red"}, "colour", "parameter_unknown"),
            ({"metadata[" + "k" * 41 + "]": "v"}, "metadata[" + "k" * 40 + "]", None),
            ({"metadata": "text"}, "metadata", None),
            ({"payment_method_types[0]": "cheque"}, "payment_method_types", "payment_intent_invalid_parameter"),
            (
                {"payment_method_types[]": "card", "automatic_payment_methods[enabled]": "true"},
                "payment_method_types",
                None,
            ),
            ({"automatic_payment_methods[enabled]": "yes"}, "automatic_payment_methods[enabled]", None),
            ({"expand[]": "colour"}, "expand", None),
            ({"amount[]": "1"}, "amount[]", None),
            ({"a[b": "1"}, "a[b", None),
        ],
    )
    async def test_refuses(self, shop: "Shop", changes: dict[str, str], param: str, code: str | None) -> None:
        answer = await shop.post("/payment_intents", {**GOOD, **changes})
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
        assert (error["param"], error.get("code")) == (param, code)

    async def test_what_is_missing_is_named(self, shop: "Shop") -> None:
        answer = await shop.post("/payment_intents", {"currency": "usd"})
        assert answer.json()["error"]["code"] == "parameter_missing"

    async def test_unknown_addresses(self, shop: "Shop") -> None:
        for path in ("/nothing", "/payment_intents/a/b", "/checkout"):
            assert (await shop.api.get(path)).status_code == 404
        assert (await shop.post("/payment_intents/pi_x/capture")).json()["error"]["code"] == "resource_missing"

    async def test_only_what_waits_for_it_is_captured_or_canceled(self, shop: "Shop") -> None:
        intent_id = await shop.paid()
        for act in ("capture", "cancel"):
            answer = await shop.post(f"/payment_intents/{intent_id}/{act}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, "payment_intent_unexpected_state")
            assert error["payment_intent"]["status"] == "succeeded"
        assert (await shop.control.post(f"/stripe/payments/{intent_id}/pay")).status_code == 409
        assert (await shop.control.post("/stripe/payments/pi_x/pay")).status_code == 404


class TestExpand:
    async def test_objects_in_place_of_ids(self, shop: "Shop") -> None:
        intent_id = await shop.paid()
        plain = await shop.got(f"/payment_intents/{intent_id}")
        deep = await shop.got(f"/payment_intents/{intent_id}", **{"expand[]": "latest_charge.balance_transaction"})
        assert deep["latest_charge"]["id"] == plain["latest_charge"]
        assert deep["latest_charge"]["balance_transaction"]["fee"] == 68
        listed = await shop.got("/payment_intents", **{"expand[0]": "data.latest_charge"})
        assert listed["data"][0]["latest_charge"]["payment_intent"] == intent_id
        refused = await shop.api.get("/payment_intents", params={"expand[]": "data.a.b.c.d"})
        assert refused.status_code == 400


class TestLists:
    async def test_pages_newest_first(self, shop: "Shop") -> None:
        ids = [(await shop.intent())["id"] for _ in range(5)]
        first = await shop.got("/payment_intents", limit="2")
        assert ([each["id"] for each in first["data"]], first["has_more"]) == ([ids[4], ids[3]], True)
        rest = await shop.got("/payment_intents", limit="3", starting_after=ids[3])
        assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[2::-1], False)
        later = await shop.got("/payment_intents", **{"created[gt]": "4000000000"})
        assert later["data"] == []
        for wrong in ({"limit": "101"}, {"limit": "0"}, {"created[from]": "1"}):
            assert (await shop.api.get("/payment_intents", params=wrong)).status_code == 400
        assert (await shop.api.get("/payment_intents", params={"starting_after": "pi_x"})).status_code == 404

    async def test_refunds_of_one_payment(self, shop: "Shop") -> None:
        one, other = await shop.paid(), await shop.paid()
        for intent_id in (one, other):
            await shop.made("/refunds", {"payment_intent": intent_id, "amount": "100"})
        listed = await shop.got("/refunds", payment_intent=one)
        assert [each["payment_intent"] for each in listed["data"]] == [one]


class TestSearch:
    async def test_it_lags(self, shop: "Shop") -> None:
        intent = await shop.intent(**{"metadata[order]": "o'7", "currency": "eur"})
        query = {"query": 'metadata["order"]:"o\'7" AND currency:"eur"'}
        assert (await shop.got("/payment_intents/search", **query))["data"] == []
        await shop.register(search_lag_s=0)
        found = await shop.got("/payment_intents/search", **query)
        assert (found["object"], [each["id"] for each in found["data"]]) == ("search_result", [intent["id"]])
        assert (await shop.got("/payment_intents/search", query='status:"canceled"'))["data"] == []
        assert (await shop.api.get("/payment_intents/search", params={"query": "order = 7"})).status_code == 400

    async def test_india_has_none(self, shop: "Shop") -> None:
        await shop.register(country="IN")
        answer = await shop.api.get("/payment_intents/search", params={"query": 'status:"canceled"'})
        assert answer.status_code == 400


class TestSessions:
    async def test_answers_like_the_reference(self, shop: "Shop") -> None:
        session = await shop.session(client_reference_id="order-7", customer_email="a@b.test")
        assert (session["status"], session["payment_status"], session["amount_total"]) == ("open", "unpaid", 1_299)
        assert session["url"] == f"{shop.url}/stripe/checkout/{session['id']}"
        assert session["payment_intent"] is None
        assert session["expires_at"] - session["created"] == 86_400

    @pytest.mark.parametrize(
        ("changes", "param"),
        [
            ({"mode": "subscription"}, "mode"),
            ({"success_url": ""}, "success_url"),
            ({"success_url": "javascript:alert(1)"}, "success_url"),
            ({"line_items[0][quantity]": "0"}, "line_items[0][quantity]"),
            ({"line_items[0][price_data][unit_amount]": "1"}, "line_items[0][price_data][unit_amount]"),
            ({"line_items[0][price_data][currency]": "xxx"}, "line_items[0][price_data][currency]"),
            ({"payment_intent_data[colour]": "red"}, "payment_intent_data[colour]"),
            ({"expires_at": "1"}, "expires_at"),
        ],
    )
    async def test_refuses(self, shop: "Shop", changes: dict[str, str], param: str) -> None:
        good = {
            "mode": "payment",
            "success_url": "https://shop.example/done",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "1299",
            "line_items[0][price_data][product_data][name]": "Tea",
        }
        answer = await shop.post("/checkout/sessions", {**good, **changes})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)

    async def test_its_intent_is_canceled_with_it_only(self, shop: "Shop") -> None:
        session = await shop.session()
        failed = await shop.pay(session["id"], outcome="failure")
        refused = await shop.post(f"/payment_intents/{failed['payment_intent']}/cancel")
        assert "Expire the Checkout Session" in refused.json()["error"]["message"]
        expired = await shop.made(f"/checkout/sessions/{session['id']}/expire")
        assert (expired["status"], expired["url"]) == ("expired", None)
        intent = await shop.got(f"/payment_intents/{failed['payment_intent']}")
        assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "automatic")
        again = await shop.post(f"/checkout/sessions/{session['id']}/expire")
        assert again.status_code == 400


class TestRefunds:
    async def test_never_more_than_was_taken(self, shop: "Shop") -> None:
        intent = await shop.intent(capture_method="manual")
        refused = await shop.post("/refunds", {"payment_intent": intent["id"]})
        assert "successful charge" in refused.json()["error"]["message"]
        await shop.pay(intent["id"])
        assert (await shop.post("/refunds", {"payment_intent": intent["id"]})).status_code == 400
        await shop.made(f"/payment_intents/{intent['id']}/capture", {"amount_to_capture": "1000"})
        await shop.made("/refunds", {"payment_intent": intent["id"], "amount": "600"})
        over = await shop.post("/refunds", {"payment_intent": intent["id"], "amount": "401"})
        assert (over.status_code, over.json()["error"]["param"]) == (400, "amount")
        rest = await shop.made("/refunds", {"payment_intent": intent["id"]})
        assert rest["amount"] == 400
        done = await shop.post("/refunds", {"payment_intent": intent["id"]})
        assert done.json()["error"]["code"] == "charge_already_refunded"
        shown = await shop.got(f"/payment_intents/{intent['id']}", **{"expand[]": "latest_charge"})
        charge = shown["latest_charge"]
        assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (1_000, 1_299, True)

    async def test_a_failed_one_gives_the_amount_back(self, shop: "Shop") -> None:
        await shop.register(refund_mode="failed", refund_delay_s=0)
        intent_id = await shop.paid()
        refund = await shop.made("/refunds", {"payment_intent": intent_id})
        assert refund["status"] == "pending"
        while (shown := await shop.got(f"/refunds/{refund['id']}"))["status"] == "pending":
            continue
        assert (shown["status"], shown["failure_reason"]) == ("failed", "expired_or_canceled_card")
        intent = await shop.got(f"/payment_intents/{intent_id}", **{"expand[]": "latest_charge"})
        assert intent["latest_charge"]["amount_refunded"] == 0

    async def test_faults_of_refunds(self, shop: "Shop") -> None:
        await shop.ask("/faults", kind="refund_pending", key_id=shop.account_id, delay_s=60, times=1)
        refund = await shop.made("/refunds", {"payment_intent": await shop.paid()})
        assert refund["status"] == "pending"
        settled = await shop.ask(f"/stripe/refunds/{refund['id']}/settle", status="succeeded")
        assert settled["status"] == "succeeded"
        assert (await shop.post("/refunds", {})).status_code == 400
        assert (await shop.post("/refunds", {"charge": "ch_x"})).status_code == 404
        assert (await shop.post("/refunds", {"payment_intent": "pi_x"})).status_code == 404
