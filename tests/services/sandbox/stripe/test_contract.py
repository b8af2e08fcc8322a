"""Everything beside payments, asked and answered as Stripe's own description has it; events, too."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.stripe_contract import Contract, Exchange

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.stripe.conftest import Shop

MONTHLY = {
    "currency": "usd",
    "unit_amount": "1000",
    "product_data[name]": "Tea club",
    "recurring[interval]": "month",
    "recurring[interval_count]": "1",
    "metadata[onerouter_id]": "plan_1",
}
BANK = {
    "bank_account[object]": "bank_account",
    "bank_account[country]": "US",
    "bank_account[currency]": "usd",
    "bank_account[account_number]": "000123456789",
    "bank_account[routing_number]": "110000000",
}
VENDOR = {
    "type": "express",
    "country": "US",
    "email": "vendor@example.com",
    "capabilities[transfers][requested]": "true",
    "business_profile[name]": "Tea garden",
    "metadata[onerouter_id]": "ven_1",
}


class Tour:
    """Calls and what was wrong with them."""

    def __init__(self, shop: "Shop", contract: Contract) -> None:
        self.shop = shop
        self.contract = contract
        self.complaints: list[str] = []

    async def __call__(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Any:
        sent = {"Stripe-Version": self.contract.version, **{name.replace("_", "-"): v for name, v in headers.items()}}
        body = httpx.QueryParams(form or {})
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            answer = await self.shop.api.post(path, content=str(body), headers=sent)
        else:
            answer = await self.shop.api.request(method, path, params=body, headers=sent)
        assert answer.status_code == 200, answer.text
        request = answer.request
        exchange = Exchange(
            method,
            f"/v1{path}",
            request.url.query.decode(),
            {name.lower(): value for name, value in request.headers.items()},
            str(body) if method == "POST" else "",
            answer.status_code,
            answer.text,
        )
        self.complaints += self.contract.complaints(exchange)
        return answer.json()


@pytest.fixture
def tour(shop: "Shop", specs: Path) -> Tour:
    return Tour(shop, Contract(specs))


async def on(shop: "Shop", days: float) -> None:
    await shop.ask(f"/stripe/accounts/{shop.account_id}/clock/advance", seconds=days * 86_400)


async def billing(tour: Tour) -> None:
    customer = await tour(
        "POST", "/customers", {"email": "a@example.com", "name": "Asha", "metadata[onerouter_id]": "c1"}
    )
    await tour("POST", f"/customers/{customer['id']}", {"phone": "+14155550100", "metadata[x]": "y"})
    product = await tour("POST", "/products", {"id": f"plan_{tour.shop.account_id}", "name": "Tea club"})
    await tour("POST", f"/products/{product['id']}", {"description": "Every month"})
    price = await tour("POST", "/prices", MONTHLY)
    other = await tour("POST", "/prices", {**MONTHLY, "unit_amount": "3000"})
    await tour("POST", f"/prices/{price['id']}", {"nickname": "small"})
    method = await tour("POST", "/payment_methods", {"type": "card", "card[token]": "tok_visa"})
    await tour("POST", f"/payment_methods/{method['id']}/attach", {"customer": customer["id"]})
    await tour("POST", f"/payment_methods/{method['id']}", {"metadata[nickname]": "mine"})
    made = await tour(
        "POST",
        "/subscriptions",
        {
            "customer": customer["id"],
            "items[0][price]": price["id"],
            "items[0][quantity]": "2",
            "trial_period_days": "3",
            "default_payment_method": method["id"],
            "payment_behavior": "default_incomplete",
            "payment_settings[save_default_payment_method]": "on_subscription",
            "metadata[onerouter_id]": "s1",
            "expand[0]": "latest_invoice.confirmation_secret",
            "expand[1]": "pending_setup_intent",
        },
    )
    await on(tour.shop, 3)
    one = f"/subscriptions/{made['id']}"
    await tour("GET", one, {"expand[0]": "latest_invoice.payments", "expand[1]": "customer"})
    await tour("POST", one, {"pause_collection[behavior]": "void"})
    await tour("POST", one, {"pause_collection": ""})
    item = made["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][price]": other["id"], "proration_behavior": "always_invoice"}
    await tour("POST", one, change)
    await tour("POST", one, {"cancel_at_period_end": "true"})
    await tour("DELETE", one)
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        ("/subscriptions", {"status": "all"}),
        ("/prices", {}),
        ("/products", {}),
        ("/customers", {"email": "a@example.com"}),
    )
    for path, query in lists:
        assert (await tour("GET", path, query))["data"]
    await tour("GET", f"/customers/{customer['id']}/payment_methods", {"type": "card"})
    await tour("POST", f"/payment_methods/{method['id']}/detach")
    setup = await tour("POST", "/setup_intents", {"customer": customer["id"], "usage": "off_session"})
    await tour.shop.ask(f"/stripe/setup_intents/{setup['id']}/complete")
    await tour("GET", f"/setup_intents/{setup['id']}")
    await tour("DELETE", f"/customers/{customer['id']}")


async def links(tour: Tour) -> None:
    made = await tour(
        "POST",
        "/payment_links",
        {
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "1000",
            "line_items[0][price_data][product_data][name]": "Tea",
            "line_items[0][quantity]": "1",
            "restrictions[completed_sessions][limit]": "1",
            "after_completion[type]": "redirect",
            "after_completion[redirect][url]": "https://shop.example/done",
            "payment_intent_data[metadata][onerouter_id]": "pl_1",
            "metadata[onerouter_id]": "pl_1",
        },
    )
    await tour.shop.ask(f"/stripe/payment_links/{made['id']}/pay")
    assert (await tour("GET", f"/payment_links/{made['id']}"))["active"] is False
    assert len((await tour("GET", "/checkout/sessions", {"payment_link": made["id"]}))["data"]) == 1
    await tour("POST", f"/payment_links/{made['id']}", {"active": "false"})
    await tour("GET", "/payment_links", {"active": "false"})


async def marketplace(tour: Tour) -> str:
    vendor = await tour("POST", "/accounts", {**VENDOR, **BANK})
    refresh = {"refresh_url": "https://shop.example/again", "return_url": "https://shop.example/back"}
    await tour("POST", "/account_links", {"account": vendor["id"], "type": "account_onboarding", **refresh})
    await tour.shop.ask(f"/stripe/vendors/{vendor['id']}/become", state="active")
    await tour("GET", f"/accounts/{vendor['id']}")
    await tour("GET", "/accounts")
    intent = await tour.shop.got(f"/payment_intents/{await tour.shop.paid(transfer_group='g1')}")
    form = {
        "amount": "600",
        "currency": "usd",
        "destination": vendor["id"],
        "source_transaction": intent["latest_charge"],
    }
    transfer = await tour("POST", "/transfers", {**form, "transfer_group": "g1", "metadata[onerouter_id]": "tr_1"})
    await tour("POST", f"/transfers/{transfer['id']}/reversals", {"amount": "100"})
    assert (await tour("GET", f"/transfers/{transfer['id']}"))["amount_reversed"] == 100
    assert (await tour("GET", "/transfers", {"transfer_group": "g1"}))["data"]
    payout = await tour("POST", "/payouts", {"amount": "500", "currency": "usd"}, stripe_account=vendor["id"])
    await on(tour.shop, 2)
    shown = await tour("GET", f"/payouts/{payout['id']}", stripe_account=vendor["id"])
    assert shown["status"] == "paid"
    await tour("GET", "/payouts", stripe_account=vendor["id"])
    await tour("GET", "/balance", stripe_account=vendor["id"])
    dispute = await tour.shop.ask(f"/stripe/payments/{intent['id']}/dispute")
    await tour.shop.ask(f"/stripe/disputes/{dispute['id']}/resolve", status="under_review")
    await tour.shop.ask(f"/stripe/disputes/{dispute['id']}/resolve", status="won")
    await tour("GET", f"/disputes/{dispute['id']}")
    await tour("GET", "/disputes", {"payment_intent": intent["id"]})
    return str(vendor["id"])


async def test_requests_answers_and_events_fit_the_description(shop: "Shop", receiver: "Receiver", tour: Tour) -> None:
    await shop.register(webhook_url=receiver.url)
    await billing(tour)
    await links(tour)
    vendor = await marketplace(tour)
    assert not tour.complaints, "\n".join(tour.complaints)

    callbacks = (await shop.control.get("/callbacks", params={"account": shop.account_id})).json()["data"]
    told = [json.loads(each["body"]) for each in callbacks]
    assert [one for event in told for one in tour.contract.object_complaints(event)] == []
    of_vendor = {event["type"] for event in told if event.get("account") == vendor}
    assert of_vendor == {"account.updated", "payout.created", "payout.updated", "payout.paid"}
    for expected in (
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.paid",
        "checkout.session.completed",
        "payment_method.attached",
        "payment_method.detached",
        "transfer.created",
        "transfer.reversed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ):
        assert expected in {event["type"] for event in told}


async def test_they_look_like_the_samples(shop: "Shop", receiver: "Receiver", tour: Tour, specs: Path) -> None:
    samples: dict[str, Any] = json.loads((specs / "webhook-samples" / "stripe.json").read_text("utf-8"))["events"]
    await shop.register(webhook_url=receiver.url)
    await billing(tour)
    await marketplace(tour)
    callbacks = (await shop.control.get("/callbacks", params={"account": shop.account_id})).json()["data"]
    seen = set()
    for each in callbacks:
        told = json.loads(each["body"])
        sample = next((s for name, s in samples.items() if name.partition("#")[0] == told["type"]), None)
        if sample is not None:
            seen.add(told["type"])
            assert sample["data"]["object"].keys() <= told["data"]["object"].keys()
    assert {"invoice.paid", "customer.subscription.updated", "charge.dispute.created"} <= seen
