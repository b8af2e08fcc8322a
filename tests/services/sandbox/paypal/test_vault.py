"""Saved methods: with a setup token, with a payment, charged later, deleted."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import issue_of, link_of, order_body

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

SETUPS = "/v3/vault/setup-tokens"
TOKENS = "/v3/vault/payment-tokens"
ORDERS = "/v2/checkout/orders"
CONTEXT = {"return_url": "https://shop.example/done", "cancel_url": "https://shop.example/back"}
WALLET: dict[str, Any] = {"paypal": {"usage_type": "MERCHANT", "experience_context": CONTEXT}}
CARD: dict[str, Any] = {
    "card": {"number": "4111111111111111", "expiry": "2031-12", "security_code": "123", "name": "Asha Rao"}
}


def setup_body(source: dict[str, Any], customer: str = "cust_00001") -> dict[str, Any]:
    return {"customer": {"id": customer}, "payment_source": source}


def token_body(setup_id: str) -> dict[str, Any]:
    return {"payment_source": {"token": {"id": setup_id, "type": "SETUP_TOKEN"}}}


async def saved(shop: "Shop", key: str = "key-1", source: dict[str, Any] | None = None) -> dict[str, Any]:
    setup = await shop.asked(SETUPS, setup_body(source or WALLET), key=f"{key}-setup")
    if setup["status"] == "PAYER_ACTION_REQUIRED":
        await shop.decide(link_of(setup, "approve"), "approve")
    return await shop.asked(TOKENS, token_body(setup["id"]), key=key)


def vaulting(**customer: Any) -> dict[str, Any]:
    """An order whose payment saves the wallet."""
    body = order_body(custom_id="pay_1")
    attributes = {"vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}, **customer}
    body["payment_source"]["paypal"]["attributes"] = attributes
    return body


def charging(token_id: str, kind: str = "paypal", **unit: Any) -> dict[str, Any]:
    return {**order_body(**unit), "payment_source": {kind: {"vault_id": token_id}}}


class TestSetupTokens:
    async def test_a_wallet_waits_for_its_owner(self, shop: "Shop", receiver: "Receiver") -> None:
        await shop.register(webhook_url=receiver.url)
        setup = await shop.asked(SETUPS, setup_body(WALLET), key="key-1")
        assert (setup["status"], setup["customer"]["id"]) == ("PAYER_ACTION_REQUIRED", "cust_00001")
        early = await shop.post(TOKENS, token_body(setup["id"]), key="key-2")
        assert issue_of(early) == (422, "SETUP_TOKEN_NOT_APPROVED")
        url = link_of(setup, "approve")
        assert "https://shop.example/back?" in (await shop.decide(url, "cancel")).text
        assert "https://shop.example/done?" in (await shop.decide(url, "approve")).text
        assert (await shop.decide(url, "approve")).status_code == 409
        assert (await shop.got(f"{SETUPS}/{setup['id']}"))["status"] == "APPROVED"
        token = await shop.asked(TOKENS, token_body(setup["id"]), key="key-2")
        assert token["payment_source"]["paypal"]["email_address"] == "buyer@example.com"
        assert issue_of(await shop.post(TOKENS, token_body(setup["id"]), key="key-3")) == (422, "TOKEN_ALREADY_USED")
        effects = await shop.effects(kind="payment_method.attached")
        assert [(one["reference"], one["object_id"]) for one in effects] == [("key-2", token["id"])]
        (delivery,) = await receiver.wait(1)
        event = json.loads(delivery.body)
        assert (event["event_type"], event["resource"]["id"]) == ("VAULT.PAYMENT-TOKEN.CREATED", token["id"])

    async def test_of_a_card_only_the_last_digits_are_kept(self, shop: "Shop") -> None:
        setup = await shop.asked(SETUPS, setup_body(CARD), key="key-1")
        assert setup["status"] == "APPROVED"
        expected = {"last_digits": "1111", "brand": "VISA", "expiry": "2031-12", "name": "Asha Rao"}
        assert setup["payment_source"]["card"] == expected
        direct = await shop.asked(TOKENS, setup_body(CARD), key="key-2")
        assert direct["payment_source"]["card"] == expected

    async def test_it_ends_after_three_days(self, shop: "Shop") -> None:
        setup = await shop.asked(SETUPS, setup_body(WALLET), key="key-1")
        await shop.advance(3.1)
        assert (await shop.api.get(f"{SETUPS}/{setup['id']}")).status_code == 404
        assert (await shop.decide(link_of(setup, "approve"), "approve")).status_code == 409


class TestPaymentTokens:
    async def test_they_are_listed_by_customer_and_deleted(self, shop: "Shop", receiver: "Receiver") -> None:
        tokens = [(await saved(shop, f"key-{number}"))["id"] for number in range(3)]
        await shop.ask(f"/paypal/accounts/{shop.client_id}/payment-tokens", customer_id="cust_00002", kind="card")
        listed = await shop.got(f"{TOKENS}?customer_id=cust_00001&page_size=2&total_required=true")
        assert [one["id"] for one in listed["payment_tokens"]] == [tokens[2], tokens[1]]
        assert (listed["total_items"], listed["total_pages"]) == (3, 2)
        rest = (await shop.api.get(link_of(listed, "next"))).json()
        assert [one["id"] for one in rest["payment_tokens"]] == [tokens[0]]
        await shop.register(webhook_url=receiver.url)
        for _ in range(2):
            assert (await shop.api.delete(f"{TOKENS}/{tokens[0]}")).status_code == 204
        assert (await shop.api.get(f"{TOKENS}/{tokens[0]}")).status_code == 404
        assert len(await shop.effects(kind="payment_method.detached")) == 1
        (delivery,) = await receiver.wait(1)
        assert json.loads(delivery.body)["event_type"] == "VAULT.PAYMENT-TOKEN.DELETED"

    async def test_one_request_id_makes_one_token_for_three_hours(self, shop: "Shop") -> None:
        first = await shop.asked(TOKENS, setup_body(CARD), key="key-1")
        assert await shop.asked(TOKENS, setup_body(CARD), key="key-1", status=200) == first
        await shop.advance(3.1 / 24)
        assert (await shop.asked(TOKENS, setup_body(CARD), key="key-1"))["id"] != first["id"]
        assert len(await shop.effects(kind="payment_method.attached")) == 2
        for path in (SETUPS, TOKENS):
            assert issue_of(await shop.post(path, setup_body(CARD))) == (400, "MISSING_REQUIRED_PARAMETER")


class TestOrders:
    async def test_a_payment_saves_the_wallet(self, shop: "Shop") -> None:
        order = (await shop.post(ORDERS, vaulting(customer={"id": "cust_00007"}))).json()
        await shop.approve(order["id"])
        done = (await shop.post(f"{ORDERS}/{order['id']}/capture")).json()
        kept = done["payment_source"]["paypal"]["attributes"]["vault"]
        assert (kept["status"], kept["customer"]["id"]) == ("VAULTED", "cust_00007")
        listed = await shop.got(f"{TOKENS}?customer_id=cust_00007")
        assert [one["id"] for one in listed["payment_tokens"]] == [kept["id"]]
        assert [one["reference"] for one in await shop.effects(kind="payment_method.attached")] == ["pay_1"]

    async def test_a_declined_payment_saves_nothing(self, shop: "Shop") -> None:
        order = (await shop.post(ORDERS, vaulting())).json()
        await shop.approve(order["id"], decline="5100")
        await shop.post(f"{ORDERS}/{order['id']}/capture")
        assert await shop.effects(kind="payment_method.attached") == []

    @pytest.mark.parametrize("kind", ["paypal", "card"])
    async def test_a_saved_method_is_charged_in_one_step(self, shop: "Shop", kind: str) -> None:
        token = await saved(shop, source=WALLET if kind == "paypal" else CARD)
        body = charging(token["id"], kind, custom_id="pay_9")
        assert issue_of(await shop.post(ORDERS, body)) == (400, "PAYPAL_REQUEST_ID_REQUIRED")
        done = await shop.asked(ORDERS, body, key="charge-1")
        assert done["status"] == "COMPLETED"
        assert done["purchase_units"][0]["payments"]["captures"][0]["status"] == "COMPLETED"
        again = await shop.asked(ORDERS, body, key="charge-1", status=200)
        assert again["id"] == done["id"]
        assert len(await shop.effects(kind="payment.captured", reference="pay_9")) == 1

    async def test_it_may_be_declined(self, shop: "Shop") -> None:
        token = await saved(shop)
        control = f"/paypal/payment-tokens/{token['id']}/decline-next"
        await shop.ask(control, code="5120")
        done = await shop.asked(ORDERS, charging(token["id"]), key="charge-1")
        assert done["purchase_units"][0]["payments"]["captures"][0]["status"] == "DECLINED"
        await shop.ask(control, code="INSTRUMENT_DECLINED")
        answer = await shop.post(ORDERS, charging(token["id"]), key="charge-2")
        assert issue_of(answer) == (422, "INSTRUMENT_DECLINED")
        assert await shop.effects(kind="payment.captured") == []
        wrong = await shop.post(ORDERS, charging(token["id"], "card"), key="charge-3")
        assert issue_of(wrong) == (422, "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE")
        await shop.api.delete(f"{TOKENS}/{token['id']}")
        gone = await shop.post(ORDERS, charging(token["id"]), key="charge-4")
        assert issue_of(gone) == (422, "TOKEN_ID_NOT_FOUND")
