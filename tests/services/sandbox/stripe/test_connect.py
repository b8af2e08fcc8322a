"""Vendors: onboarded, given their part, paid out. And payments that a bank takes back."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.stripe.conftest import Shop

DAY = 86_400


async def vendor(shop: "Shop", *, active: bool = True) -> dict[str, Any]:
    form = {
        "type": "express",
        "country": "US",
        "capabilities[transfers][requested]": "true",
        "metadata[onerouter_id]": "ven_ours",
    }
    made = await shop.made("/accounts", form)
    return await shop.ask(f"/stripe/vendors/{made['id']}/become", state="active") if active else made


async def charge(shop: "Shop") -> str:
    return str((await shop.got(f"/payment_intents/{await shop.paid()}"))["latest_charge"])


def transfer(vendor_id: str, charge_id: str, amount: int = 700) -> dict[str, str]:
    return {
        "amount": str(amount),
        "currency": "usd",
        "destination": vendor_id,
        "source_transaction": charge_id,
        "metadata[onerouter_id]": "tr_ours",
    }


async def payout(shop: "Shop", vendor_id: str, **more: str) -> httpx.Response:
    return await shop.post("/payouts", {"amount": "500", "currency": "usd", **more}, Stripe_Account=vendor_id)


class TestOnboarding:
    async def test_a_link_is_good_for_one_visit(self, shop: "Shop") -> None:
        made = await vendor(shop, active=False)
        assert (made["charges_enabled"], made["capabilities"]) == (False, {"transfers": "inactive"})
        assert "external_account" in made["requirements"]["currently_due"]
        urls = {"refresh_url": "https://shop.example/again", "return_url": "https://shop.example/back"}
        link = await shop.made("/account_links", {"account": made["id"], "type": "account_onboarding", **urls})
        async with httpx.AsyncClient(timeout=60, verify=NO_TLS) as http:
            assert "Agree and submit" in (await http.get(link["url"])).text
            assert (await http.get(link["url"])).headers["location"] == urls["refresh_url"]
            done = await http.post(f"{link['url']}/done", data={"action": "complete"})
            assert "https://shop.example/back" in done.text
        ready = await shop.got(f"/accounts/{made['id']}")
        assert (ready["payouts_enabled"], ready["capabilities"]) == (True, {"transfers": "active"})
        assert ready["requirements"]["currently_due"] == []

    async def test_a_bank_shows_the_end_of_its_number_only(self, shop: "Shop") -> None:
        made = await vendor(shop, active=False)
        bank = {"object": "bank_account", "country": "US", "account_number": "000123456789"}
        form = {f"external_account[{name}]": value for name, value in bank.items()}
        path = f"/accounts/{made['id']}/external_accounts"
        refused = await shop.post(path, form)
        assert refused.json()["error"]["param"] == "external_account[routing_number]"
        kept = await shop.made(path, {**form, "external_account[routing_number]": "110000000"})
        assert kept["last4"] == "6789"
        shown = await shop.api.get(f"/accounts/{made['id']}")
        assert "000123456789" not in shown.text
        assert [each["id"] for each in shown.json()["external_accounts"]["data"]] == [kept["id"]]

    async def test_another_platforms_vendor_does_not_exist(self, shop: "Shop") -> None:
        for answer in (await shop.api.get("/accounts/acct_1nobody"), await payout(shop, "acct_1nobody")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "account_invalid")


class TestTransfers:
    async def test_never_more_than_the_payment(self, shop: "Shop") -> None:
        vendor_id, charge_id = (await vendor(shop))["id"], await charge(shop)
        made = await shop.made("/transfers", transfer(vendor_id, charge_id), idempotency_key="k1")
        assert (await shop.made("/transfers", transfer(vendor_id, charge_id), idempotency_key="k1"))["id"] == made["id"]
        refused = await shop.post("/transfers", transfer(vendor_id, charge_id, 600))
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "source_transaction")
        await shop.made(f"/transfers/{made['id']}/reversals", {"amount": "100"})
        await shop.made("/transfers", transfer(vendor_id, charge_id, 699))
        assert [each["amount"] for each in await shop.effects(kind="transfer.created")] == [700, 699]

    async def test_not_to_a_vendor_that_may_not(self, shop: "Shop") -> None:
        made, charge_id = await vendor(shop, active=False), await charge(shop)
        refused = await shop.post("/transfers", transfer(made["id"], charge_id))
        assert refused.json()["error"]["code"] == "insufficient_capabilities_for_transfer"

    async def test_what_fails_is_reversed(self, shop: "Shop") -> None:
        made = await shop.made("/transfers", transfer((await vendor(shop))["id"], await charge(shop)))
        assert (await shop.ask(f"/stripe/transfers/{made['id']}/fail"))["reversed"] is True
        assert (await shop.post(f"/transfers/{made['id']}/reversals")).status_code == 400


class TestPayouts:
    async def test_arrives_by_the_clock_and_can_come_back(self, shop: "Shop") -> None:
        vendor_id = (await vendor(shop))["id"]
        made = (await payout(shop, vendor_id)).json()
        assert made["status"] == "pending"
        hidden = await shop.api.get(f"/payouts/{made['id']}")
        assert hidden.status_code == 404  # it is the vendor's
        for days, status in ((1, "in_transit"), (1, "paid")):
            await shop.ask(f"/stripe/accounts/{shop.account_id}/clock/advance", seconds=days * DAY)
            shown = await shop.api.get(f"/payouts/{made['id']}", headers={"Stripe-Account": vendor_id})
            assert shown.json()["status"] == status
        failed = await shop.ask(f"/stripe/payouts/{made['id']}/settle", status="failed")
        assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")

    async def test_needs_a_vendor_that_may(self, shop: "Shop") -> None:
        made = await vendor(shop)
        await shop.ask(f"/stripe/vendors/{made['id']}/become", state="restricted")
        assert (await payout(shop, made["id"])).json()["error"]["code"] == "payouts_not_allowed"


class TestDisputes:
    @pytest.mark.parametrize(("end", "net"), [("won", 0), ("lost", -1_299 - 1_500)])
    async def test_take_the_money_until_they_are_won(self, shop: "Shop", end: str, net: int) -> None:
        intent_id = await shop.paid()
        made = await shop.ask(f"/stripe/payments/{intent_id}/dispute", reason="product_not_received")
        evidence = {"evidence[uncategorized_text]": "It was delivered."}
        assert (await shop.made(f"/disputes/{made['id']}", evidence))["status"] == "under_review"
        closed = await shop.ask(f"/stripe/disputes/{made['id']}/resolve", status=end)
        assert (closed["status"], closed["payment_intent"]) == (end, intent_id)
        assert sum(each["net"] for each in closed["balance_transactions"]) == net
        assert (
            await shop.control.post(f"/stripe/disputes/{made['id']}/resolve", json={"status": end})
        ).status_code == 409


async def test_every_movement_is_booked(shop: "Shop") -> None:
    intent_id = await shop.paid()
    await shop.made("/refunds", {"payment_intent": intent_id, "amount": "299"})
    booked = (await shop.got("/balance_transactions"))["data"]
    assert [(each["type"], each["amount"], each["fee"]) for each in booked] == [
        ("refund", -299, 0),
        ("charge", 1_299, 68),
    ]
    shown = await shop.got(f"/payment_intents/{intent_id}", **{"expand[]": "latest_charge.balance_transaction"})
    assert shown["latest_charge"]["balance_transaction"] == booked[1]


async def test_a_vendors_events_have_a_secret_of_their_own(shop: "Shop", receiver: "Receiver") -> None:
    stripe = pytest.importorskip("stripe", reason="the official client is not installed here")
    await shop.register(webhook_url=receiver.url, connect_webhook_secret="whsec_Connect01")
    made = await vendor(shop)
    (delivery,) = await receiver.wait(1)
    header = delivery.headers["Stripe-Signature"]
    event = stripe.Webhook.construct_event(delivery.body, header, "whsec_Connect01")
    assert (event.type, event.account) == ("account.updated", made["id"])
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(delivery.body, header, "whsec_SandboxTest01")
