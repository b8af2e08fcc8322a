from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.razorpay.conftest import Shop

VENDOR = {
    "email": "vendor@example.com",
    "phone": "9000090000",
    "type": "route",
    "legal_business_name": "Acme Corp",
    "business_type": "partnership",
    "contact_name": "Gaurav Kumar",
    "profile": {
        "category": "healthcare",
        "subcategory": "clinic",
        "addresses": {"registered": {"street1": "MG Road", "city": "Bengaluru", "country": "IN"}},
    },
    "notes": {"onerouter_id": "ven_1"},
}
BANK = {"account_number": "1234567890123456", "ifsc_code": "HDFC0000317", "beneficiary_name": "Gaurav Kumar"}
KEY = "X-Transfer-Idempotency"


async def v2(shop: "Shop", method: str, path: str, **body: Any) -> dict[str, Any]:
    """The answer's body, an error's too."""
    answer = await shop.sandbox.api.request(method, f"{shop.sandbox.url}/razorpay/v2{path}", json=body or None)
    return dict(answer.json())


async def a_vendor(shop: "Shop", **changes: Any) -> str:
    """The id of an activated linked account."""
    linked = await v2(shop, "POST", "/accounts", **{**VENDOR, **changes})
    products = f"/accounts/{linked['id']}/products"
    product = await v2(shop, "POST", products, product_name="route", tnc_accepted=True)
    configured = await v2(shop, "PATCH", f"{products}/{product['id']}", settlements=BANK)
    assert configured["activation_status"] == "activated", configured
    return str(linked["id"])


class TestVendors:
    async def test_onboarded_step_by_step(self, shop: "Shop") -> None:
        await shop.sandbox.register(webhook_url="http://127.0.0.1:9/", vendor_activation="under_review")
        linked = await v2(shop, "POST", "/accounts", **VENDOR)
        path = f"/accounts/{linked['id']}"
        assert (linked["status"], linked["notes"]) == ("created", {"onerouter_id": "ven_1"})
        assert await v2(shop, "GET", path) == linked
        again = await v2(shop, "POST", "/accounts", **VENDOR)
        assert again["error"]["description"] == f"Merchant email already exists for account - {linked['id'][4:]}"
        assert await shop.effects("vendor.created") == ["ven_1"]

        owner = await v2(shop, "POST", f"{path}/stakeholders", name="Gaurav Kumar", email="g@example.com")
        second = await v2(shop, "POST", f"{path}/stakeholders", name="Gaurav Kumar", email="g@example.com")
        assert "more than one" in second["error"]["description"]
        assert (await v2(shop, "GET", f"{path}/stakeholders"))["items"] == [owner]
        edited = await v2(shop, "PATCH", f"{path}/stakeholders/{owner['id']}", kyc={"pan": "AVOPB1111K"})
        assert edited == {**owner, "kyc": {"pan": "AVOPB1111K"}}

        refused = await v2(shop, "POST", f"{path}/products", product_name="route", tnc_accepted=False)
        assert "tnc accepted is invalid" in refused["error"]["description"]
        product = await v2(shop, "POST", f"{path}/products", product_name="route", tnc_accepted=True)
        assert (product["activation_status"], len(product["requirements"])) == ("needs_clarification", 3)
        config = f"{path}/products/{product['id']}"
        wrong = await v2(shop, "PATCH", config, settlements={**BANK, "ifsc_code": "HDFC"})
        assert wrong["error"]["description"] == "Invalid IFSC Code."
        reviewed = await v2(shop, "PATCH", config, settlements=BANK)
        assert (reviewed["activation_status"], reviewed["requirements"]) == ("under_review", [])
        assert "locked" in (await v2(shop, "PATCH", config, settlements=BANK))["error"]["description"]
        for status in ("needs_clarification", "activated"):
            await shop.ask(f"/linked_accounts/{linked['id']}/decide", status=status)
        assert (await v2(shop, "GET", config))["activation_status"] == "activated"
        assert await shop.events(linked["id"]) == [
            "product.route.under_review",
            "product.route.needs_clarification",
            "product.route.activated",
        ]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"business_type": "xyz"}, "Invalid business type: xyz"),
            ({"type": "standard"}, "Invalid type: standard"),
            ({"legal_business_name": "<b>Acme</b>"}, "valid name"),
            ({"reference_id": "x"}, "at least 3"),
            ({"email": None}, "email field is required"),
        ],
    )
    async def test_what_is_refused(self, shop: "Shop", change: dict[str, Any], words: str) -> None:
        assert words in (await v2(shop, "POST", "/accounts", **{**VENDOR, **change}))["error"]["description"]
        assert (await v2(shop, "GET", "/accounts/acc_none"))["error"]["reason"] == "linked_account_id_does_not_exist"


class TestTransfers:
    async def test_a_payment_is_split(self, shop: "Shop") -> None:
        vendor = await a_vendor(shop)
        payment_id = await shop.sandbox.paid()
        path = f"/payments/{payment_id}/transfers"
        part = {"account": vendor, "amount": 55_000, "currency": "INR", "notes": {"onerouter_id": "tr_1"}}
        made = (await shop.made(path, transfers=[part]))["items"][0]
        assert (made["status"], made["fees"], made["tax"], made["processed_at"]) == ("pending", 163, 25, None)
        done = await shop.got(f"/transfers/{made['id']}")
        assert (done["status"], done["source"], done["recipient"]) == ("processed", payment_id, vendor)
        assert await shop.events(made["id"]) == ["transfer.processed"]
        assert (await shop.got(f"/payments/{payment_id}"))["amount_transferred"] == 55_000
        await shop.made(path, transfers=[part])  # nothing keeps it from happening again
        assert await shop.effects("transfer.created") == ["tr_1", "tr_1"]
        assert "greater than the captured amount" in await shop.refused("POST", path, transfers=[part])
        assert [each["amount"] for each in (await shop.got(path))["items"]] == [55_000, 55_000]

    async def test_taken_back_in_parts(self, shop: "Shop") -> None:
        vendor = await a_vendor(shop)
        payment_id = await shop.sandbox.paid()
        part = {"account": vendor, "amount": 129_900, "currency": "INR"}
        made = (await shop.made(f"/payments/{payment_id}/transfers", transfers=[part]))["items"][0]
        path = f"/transfers/{made['id']}"
        assert (await shop.made(f"{path}/reversals", amount=100))["transfer_id"] == made["id"]
        assert (await shop.got(path))["status"] == "partially_reversed"
        assert (await shop.made(f"{path}/reversals"))["amount"] == 129_800
        assert (await shop.got(path))["status"] == "reversed"
        assert len((await shop.got(f"{path}/reversals"))["items"]) == 2
        assert "cannot be reversed" in await shop.refused("POST", f"{path}/reversals")
        assert (await shop.got(f"/payments/{payment_id}"))["amount_transferred"] == 0

    async def test_an_order_brings_its_split_along(self, shop: "Shop") -> None:
        vendor = await a_vendor(shop)
        part = {"account": vendor, "amount": 100_000, "currency": "INR", "notes": {"onerouter_id": "tr_1"}}
        assert "greater than" in await shop.refused("POST", "/orders", amount=99_999, currency="INR", transfers=[part])
        order = await shop.sandbox.order(transfers=[part])
        waiting = order["transfers"][0]
        assert (waiting["status"], waiting["source"]) == ("created", order["id"])
        assert await shop.effects("transfer.created") == []
        payment_id = (await shop.sandbox.pay(order["id"]))["payment_id"]
        assert (await shop.got(f"/transfers/{waiting['id']}"))["status"] == "processed"
        assert await shop.effects("transfer.created") == ["tr_1"]
        listed = (await shop.got(f"/payments/{payment_id}/transfers"))["items"]
        assert listed == (await shop.got(f"/orders/{order['id']}?expand[]=transfers"))["transfers"]["items"]
        await shop.made(f"/payments/{payment_id}/refund", reverse_all=True)
        assert (await shop.got(f"/transfers/{waiting['id']}"))["status"] == "reversed"

    async def test_a_link_brings_its_split_along(self, shop: "Shop") -> None:
        part = {"account": await a_vendor(shop), "amount": 400, "currency": "INR"}
        link = await shop.made("/payment_links", amount=500, options={"order": {"transfers": [part]}})
        payment_id = (await shop.ask(f"/payment_links/{link['id']}/pay"))["payment_id"]
        listed = (await shop.got(f"/payments/{payment_id}/transfers"))["items"]
        assert [(each["status"], each["amount"]) for each in listed] == [("processed", 400)]
        too_much = {"order": {"transfers": [{**part, "amount": 501}]}}
        assert "greater than" in await shop.refused("POST", "/payment_links", amount=500, options=too_much)

    async def test_a_direct_transfer_happens_once_under_its_key(self, shop: "Shop") -> None:
        body = {"account": await a_vendor(shop), "amount": 10_000, "currency": "INR"}

        async def send(key: str | None, **changes: Any) -> httpx.Response:
            headers = {} if key is None else {KEY: key}
            return await shop.sandbox.api.post("/transfers", json={**body, **changes}, headers=headers)

        first = await send("trf-key-1")
        assert (first.status_code, first.json()["status"]) == (200, "processed")
        assert (await send("trf-key-1")).json() == first.json()
        assert "Different request" in (await send("trf-key-1", amount=10_001)).text
        assert (await send("abc")).json()["error"]["field"] == KEY
        assert await shop.effects("transfer.created") == ["trf-key-1"]
        assert (await send(None)).json()["id"] != (await send(None)).json()["id"]
        assert len(await shop.effects("transfer.created")) == 3

    async def test_fails_later_by_the_clock(self, shop: "Shop") -> None:
        vendor = await a_vendor(shop)
        await shop.sandbox.register(webhook_url="http://127.0.0.1:9/", transfer_mode="failed", transfer_delay_s=3_600)
        payment_id = await shop.sandbox.paid()
        part = {"account": vendor, "amount": 100_000, "currency": "INR"}
        path = f"/payments/{payment_id}/transfers"
        one, two = (await shop.made(path, transfers=[part, {**part, "amount": 29_900}]))["items"]
        await shop.ask(f"/transfers/{two['id']}/settle", status="processed")
        await shop.advance(3_600)
        failed = await shop.got(f"/transfers/{one['id']}")
        assert (failed["status"], failed["error"]["reason"]) == ("failed", "transfer_failed")
        assert (await shop.got(f"/transfers/{two['id']}"))["status"] == "processed"
        assert await shop.events(one["id"]) == ["transfer.failed"]
        assert (await shop.got(f"/payments/{payment_id}"))["amount_transferred"] == 29_900

    async def test_what_is_refused(self, shop: "Shop") -> None:
        vendor = await a_vendor(shop)
        order = await shop.sandbox.order(payment={"capture": "manual"})
        payment_id = (await shop.sandbox.pay(order["id"]))["payment_id"]
        part = {"account": vendor, "amount": 100, "currency": "INR"}
        path = f"/payments/{payment_id}/transfers"
        assert "captured" in await shop.refused("POST", path, transfers=[part])
        path = f"/payments/{await shop.sandbox.paid()}/transfers"
        for change, words in (
            ({"amount": 99}, "minimum"),
            ({"currency": "USD"}, "should be INR"),
            ({"account": "acc_none"}, "does not exist"),
            ({"linked_account_notes": ["x"]}, "must exist in notes"),
        ):
            assert words in await shop.refused("POST", path, transfers=[{**part, **change}])
        await shop.ask(f"/linked_accounts/{vendor}/decide", status="suspended")
        assert "not activated" in await shop.refused("POST", path, transfers=[part])
        assert await shop.effects("transfer.created") == []
