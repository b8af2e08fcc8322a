"""Vendors of a platform: referred, signed up, restricted, paid their part."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from .billing import usd
from .conftest import issue_of, link_of, order_body

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

REFERRALS = "/v2/customer/partner-referrals"
ORDERS = "/v2/checkout/orders"


def referral_body(tracking_id: str = "ven_1", **changes: Any) -> dict[str, Any]:
    rest = {"integration_method": "PAYPAL", "integration_type": "THIRD_PARTY"}
    features = {"third_party_details": {"features": ["PAYMENT", "REFUND", "PARTNER_FEE"]}}
    operation = {
        "operation": "API_INTEGRATION",
        "api_integration_preference": {"rest_api_integration": {**rest, **features}},
    }
    return {
        "tracking_id": tracking_id,
        "email": "vendor@example.com",
        "partner_config_override": {"return_url": "https://shop.example/vendors"},
        "operations": [operation],
        "products": ["EXPRESS_CHECKOUT"],
        "legal_consents": [{"type": "SHARE_DATA_CONSENT", "granted": True}],
        **changes,
    }


async def integrations(shop: "Shop") -> str:
    partner = (await shop.register())["merchant_id"]
    return f"/v1/customer/partners/{partner}/merchant-integrations"


async def onboarded(shop: "Shop", **how: Any) -> str:
    """The vendor's merchant id."""
    made = await shop.asked(REFERRALS, referral_body())
    referral = link_of(made, "self").rpartition("/")[2]
    return str((await shop.ask(f"/paypal/partner-referrals/{referral}/complete", **how))["merchant_id"])


def split_body(payee: str, fee: str = "1.00") -> dict[str, Any]:
    instruction = {"disbursement_mode": "INSTANT", "platform_fees": [{"amount": usd(fee)}]}
    return order_body(custom_id="pay_1", payee={"merchant_id": payee}, payment_instruction=instruction)


async def test_a_vendor_signs_up(shop: "Shop", receiver: "Receiver") -> None:
    path = await integrations(shop)
    await shop.register(webhook_url=receiver.url)
    made = await shop.asked(REFERRALS, referral_body())
    assert (await shop.api.get(f"{path}?tracking_id=ven_1")).status_code == 404
    url = link_of(made, "action_url")
    assert "vendor@example.com" in (await shop.control.get(url)).text
    await shop.decide(url, "cancel")
    done = await shop.decide(url, "unconfirmed")
    assert "isEmailConfirmed=false" in done.text
    assert (await shop.decide(url, "complete")).status_code == 409
    found = await shop.got(f"{path}?tracking_id=ven_1")
    vendor = await shop.got(f"{path}/{found['merchant_id']}")
    assert (vendor["payments_receivable"], vendor["primary_email_confirmed"]) == (False, False)
    await shop.ask(f"/paypal/merchants/{found['merchant_id']}/judge", status="active")
    vendor = await shop.got(f"{path}/{found['merchant_id']}")
    assert (vendor["payments_receivable"], vendor["primary_email_confirmed"]) == (True, True)
    await shop.ask(f"/paypal/merchants/{found['merchant_id']}/judge", status="revoked")
    assert (await shop.api.get(f"{path}/{found['merchant_id']}")).status_code == 404
    assert [one["reference"] for one in await shop.effects(kind="vendor.created")] == ["ven_1"]
    await receiver.wait(3)
    events = {event["event_type"]: event for event in (json.loads(one.body) for one in receiver.deliveries)}
    assert set(events) == {
        "MERCHANT.ONBOARDING.COMPLETED",
        "CUSTOMER.MERCHANT-INTEGRATION.CAPABILITY-UPDATED",
        "MERCHANT.PARTNER-CONSENT.REVOKED",
    }
    completed = events["MERCHANT.ONBOARDING.COMPLETED"]["resource"]
    assert (completed["merchant_id"], completed["tracking_id"]) == (found["merchant_id"], "ven_1")


async def test_each_referral_is_one_more(shop: "Shop") -> None:
    for _ in range(2):
        await shop.asked(REFERRALS, referral_body(), key="key-1")
    assert len(await shop.effects(kind="vendor.created", reference="ven_1")) == 2


async def test_a_platform_asks_of_its_own_vendors(shop: "Shop") -> None:
    path = await integrations(shop)
    merchant = await onboarded(shop)
    partner = path.split("/")[4]
    answer = await shop.api.get(f"{path}/{merchant}".replace(partner, "2222222222222"))
    assert issue_of(answer) == (403, "PERMISSION_DENIED")
    assert (await shop.api.get(f"{path}/2222222222222")).status_code == 404
    assert issue_of(await shop.api.get(path)) == (400, "MISSING_REQUIRED_PARAMETER")


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        ({"operations": []}, "INVALID_ARRAY_LENGTH"),
        ({"operations": [{"operation": "DANCE"}]}, "INVALID_PARAMETER_VALUE"),
        ({"legal_consents": []}, "INVALID_ARRAY_LENGTH"),
        ({"tracking_id": "x" * 128}, "INVALID_STRING_LENGTH"),
    ],
)
async def test_what_is_refused(shop: "Shop", changes: dict[str, Any], issue: str) -> None:
    assert issue_of(await shop.post(REFERRALS, referral_body(**changes))) == (400, issue)
    assert await shop.effects() == []


class TestSplitOrders:
    async def test_the_platform_keeps_its_fee(self, shop: "Shop") -> None:
        merchant = await onboarded(shop)
        order = await shop.asked(ORDERS, split_body(merchant))
        assert order["purchase_units"][0]["payee"] == {"merchant_id": merchant}
        await shop.approve(order["id"])
        done = (await shop.post(f"{ORDERS}/{order['id']}/capture")).json()
        (capture,) = done["purchase_units"][0]["payments"]["captures"]
        assert capture["seller_receivable_breakdown"] == {
            "gross_amount": usd("12.99"),
            "paypal_fee": usd("0.94"),
            "platform_fees": [{"amount": usd("1.00")}],
            "net_amount": usd("11.05"),
        }

    async def test_only_who_may_receive_money_is_paid(self, shop: "Shop") -> None:
        merchant = await onboarded(shop)
        nobodys = await shop.post(ORDERS, split_body("2222222222222"))
        assert issue_of(nobodys) == (422, "PAYEE_ACCOUNT_INVALID")
        too_much = await shop.post(ORDERS, split_body(merchant, "13.00"))
        assert issue_of(too_much) == (422, "INVALID_PLATFORM_FEES_AMOUNT")
        await shop.ask(f"/paypal/merchants/{merchant}/judge", status="restricted")
        assert issue_of(await shop.post(ORDERS, split_body(merchant))) == (422, "PAYEE_ACCOUNT_RESTRICTED")
        assert await shop.effects(kind="order.created") == []
