"""Every answer of the simulator is as PayPal's own OpenAPI files say, and what the tests here send is too."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.providers.payments.paypal.openapi import Document, Exchange, judge

from .billing import PLANS, SUBSCRIPTIONS, a_plan, a_product, a_subscription, active, cycle, usd
from .conftest import link_of
from .test_disputes import DISPUTES, opened
from .test_invoicing import INVOICES, SEARCH, invoice_body, sent
from .test_partners import REFERRALS, onboarded, referral_body, split_body
from .test_payouts import ITEMS, PAYOUTS, created, payout_body
from .test_vault import CARD, ORDERS, SETUPS, TOKENS, WALLET, charging, saved, setup_body, token_body, vaulting

if TYPE_CHECKING:
    from .conftest import Shop

SPAN = "start_time=2020-01-01T00:00:00Z&end_time=2099-01-01T00:00:00Z"
NEWER = {f"GET {SUBSCRIPTIONS}"}
"""What is not in the files of 2024."""
UNLISTED = {"DUPLICATE_INVOICE_NUMBER"}
"""Issues that PayPal answers and its files do not list."""
KNOWN = ("'SETUP_TOKEN' is not one of", "no body where one is needed")
"""What newer SDKs send, and what is not looked at of refused requests."""


@pytest.fixture
def judged(shop: "Shop", specs: Path) -> Iterator["Shop"]:
    """A shop whose every exchange is judged when the test is over; of refused requests only the answers."""
    heard: list[Exchange] = []

    async def hear(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        sent = json.loads(request.content) if request.content and response.is_success else None
        received = response.json() if response.content else None
        path = request.url.path.removeprefix("/paypal")
        heard.append(Exchange(request.method, path, request.headers, sent, response.status_code, received))

    shop.api.event_hooks["response"].append(hear)
    yield shop
    documents = [Document(path) for path in sorted(specs.glob("paypal-*.json"))]
    assert heard
    problems = [
        problem
        for one in heard
        if f"{one.method} {one.path}" not in NEWER and not UNLISTED & _issues(one)
        for problem in judge(documents, one)
        if not any(known in problem for known in KNOWN)
    ]
    assert "\n".join(problems) == ""


def _issues(exchange: Exchange) -> set[str]:
    details = exchange.received.get("details", []) if isinstance(exchange.received, dict) else []
    return {one.get("issue") for one in details}


async def test_billing(judged: "Shop") -> None:
    shop = judged
    product = await a_product(shop)
    await shop.got(f"/v1/catalogs/products/{product}")
    await shop.got("/v1/catalogs/products?page_size=5&total_required=true")
    trial = cycle(None, 1, trial=True, unit="DAY", total=7)
    paid_trial = cycle("1.00", 2, trial=True, total=2)
    taxes = {"percentage": "8.25", "inclusive": False}
    plan = await a_plan(
        shop, trial, paid_trial, cycle("10.00", 3, total=12), product=product, taxes=taxes, quantity_supported=True
    )
    other = await a_plan(shop, cycle("20.00", 1), product=product)
    path = f"{PLANS}/{plan['id']}"
    for act in ("deactivate", "deactivate", "activate", "activate"):
        await shop.api.post(f"{path}/{act}")
    await shop.got(path)
    await shop.got(f"{PLANS}?product_id={product}&total_required=true")
    override = {"billing_cycles": [{"sequence": 3, "pricing_scheme": {"fixed_price": usd("9.00")}, "total_cycles": 6}]}
    subscriber = {"name": {"given_name": "Asha", "surname": "Rao"}, "email_address": "asha@example.com"}
    made = await a_subscription(shop, plan["id"], quantity="2", plan=override, subscriber=subscriber)
    one = f"{SUBSCRIPTIONS}/{made['id']}"
    await shop.got(one)
    await shop.post(f"{one}/suspend", {"reason": "Too early"})
    await shop.ask(f"/paypal/subscriptions/{made['id']}/approve")
    await shop.advance(10)
    await shop.ask(f"/paypal/subscriptions/{made['id']}/fail-next", times=9)
    await shop.advance(35)
    await shop.got(f"{one}?fields=last_failed_payment,plan")
    await shop.post(f"{one}/activate", {"reason": "Too late"})
    capture = {"note": "Owed", "capture_type": "OUTSTANDING_BALANCE", "amount": usd("1.00")}
    await shop.ask(f"/paypal/subscriptions/{made['id']}/fail-next", times=0)
    await shop.asked(f"{one}/capture", capture, key="key-1", status=200)
    await shop.post(f"{one}/capture", {**capture, "amount": usd("99.00")})
    await shop.post(f"{one}/capture", {**capture, "amount": {"currency_code": "EUR", "value": "1.00"}})
    revised = await shop.asked(f"{one}/revise", {"plan_id": other["id"]}, status=200)
    await shop.decide(link_of(revised, "approve"), "approve")
    await shop.got(f"{one}/transactions?{SPAN}")
    await shop.got(f"{SUBSCRIPTIONS}?statuses=SUSPENDED")
    await shop.post(f"{one}/cancel", {"reason": "Enough"})
    await shop.post(f"{one}/cancel", {"reason": "Enough"})
    await shop.got(one)
    second = await active(shop, other["id"])
    await shop.post(f"{second}/suspend", {"reason": "x" * 129})
    await shop.post(f"{second}/revise", {"plan_id": (await a_plan(shop))["id"]})
    await shop.post(f"{second}/revise", {"plan_id": "P-NOBODYS"})
    for refused_ in ({}, {"plan_id": other["id"], "start_time": "2020-01-01T00:00:00Z"}, {"plan_id": "P-NOBODYS"}):
        await shop.post(SUBSCRIPTIONS, refused_)
    for name, body in (("products", {"name": ""}), ("products", {"name": "A", "type": "THING"})):
        await shop.post(f"/v1/catalogs/{name}", body)
    await shop.post(PLANS, {"product_id": product, "name": "A", "billing_cycles": [], "payment_preferences": {}})
    for nobodys in (f"{PLANS}/P-NOBODYS", f"{SUBSCRIPTIONS}/I-NOBODYS", "/v1/catalogs/products/PROD-NOBODYS"):
        await shop.api.get(nobodys)


async def test_invoicing(judged: "Shop") -> None:
    shop = judged
    path, _ = await sent(shop)
    await shop.ask(f"/paypal/invoices/{path.rpartition('/')[2]}/pay")
    await shop.got(path)
    for act in ("cancel", "send"):
        await shop.post(f"{path}/{act}", {"send_to_recipient": False})
    cancelled, _ = await sent(shop, "INV-2")
    for _ in range(2):
        await shop.post(f"{cancelled}/cancel", {"send_to_recipient": False})
    await shop.got(cancelled)
    await shop.api.post("/v2/invoicing/generate-next-invoice-number")
    await shop.post(SEARCH, {"invoice_number": "INV-1", "reference": "plink_1", "status": ["PAID"]})
    await shop.post(INVOICES, invoice_body("INV-2"))
    await shop.post(INVOICES, invoice_body("x" * 26))
    draft = await shop.asked(INVOICES, invoice_body("INV-4"))
    await shop.post(f"{INVOICES}/{draft['id']}/cancel", {})
    await shop.api.get(f"{INVOICES}/INV2-NOBODYS")


@pytest.mark.parametrize("mode", ["success", "unclaimed", "failed", "denied", "pending"])
async def test_payouts(judged: "Shop", mode: str) -> None:
    shop = judged
    await shop.register(payout_mode=mode)
    path = await created(shop, "tr_1", "25.00", "5.00", sender_item_id="tr_1", key="key-1")
    await shop.post(PAYOUTS, payout_body("tr_1"), key="key-1")
    await shop.post(PAYOUTS, payout_body("tr_1"))
    await shop.post(PAYOUTS, payout_body(receiver="nobody"))
    item = (await shop.got(f"{path}?page_size=1"))["items"][0]["payout_item_id"]
    await shop.got(f"{ITEMS}/{item}")
    for _ in range(2):
        await shop.api.post(f"{ITEMS}/{item}/cancel")
    await shop.api.get(f"{ITEMS}/NOBODYS")
    await shop.api.get(f"{PAYOUTS}/NOBODYS")


async def test_disputes(judged: "Shop") -> None:
    shop = judged
    for outcome in ("won", "lost", "canceled"):
        dispute = await opened(shop, stage="CHARGEBACK")
        path = f"{DISPUTES}/{dispute['dispute_id']}"
        await shop.got(path)
        await shop.ask(f"/paypal/disputes/{dispute['dispute_id']}/resolve", outcome=outcome)
        await shop.got(path)
        await shop.got(f"{DISPUTES}?page_size=1")
    await shop.api.get(f"{DISPUTES}?page_size=0")
    await shop.api.get(f"{DISPUTES}?disputed_transaction_id=NOBODYS")
    await shop.api.get(f"{DISPUTES}/PP-D-NOBODYS")


async def test_vault(judged: "Shop") -> None:
    shop = judged
    for number, source in enumerate((WALLET, CARD)):
        token = await saved(shop, f"key-{number}", source)
        await shop.got(f"{TOKENS}/{token['id']}")
        await shop.got(f"{TOKENS}?customer_id=cust_00001&total_required=true")
        kind = next(iter(source))
        await shop.asked(ORDERS, charging(token["id"], kind), key=f"charge-{number}")
        await shop.post(ORDERS, charging(token["id"], kind))
        await shop.api.delete(f"{TOKENS}/{token['id']}")
        await shop.api.get(f"{TOKENS}/{token['id']}")
    setup = await shop.asked(SETUPS, setup_body(WALLET), key="key-9")
    await shop.got(f"{SETUPS}/{setup['id']}")
    await shop.post(TOKENS, token_body(setup["id"]), key="key-8")
    order = (await shop.post(ORDERS, vaulting(customer={"id": "cust_00007"}))).json()
    await shop.approve(order["id"])
    await shop.post(f"{ORDERS}/{order['id']}/capture")
    await shop.got(f"{ORDERS}/{order['id']}")


async def test_partners(judged: "Shop") -> None:
    shop = judged
    made = await shop.asked(REFERRALS, referral_body())
    referral = link_of(made, "self").rpartition("/")[2]
    await shop.got(f"{REFERRALS}/{referral}")
    await shop.post(REFERRALS, referral_body(operations=[]))
    await shop.post(REFERRALS, referral_body(tracking_id="x" * 128))
    merchant = await onboarded(shop)
    order = await shop.asked(ORDERS, split_body(merchant))
    await shop.approve(order["id"])
    await shop.post(f"{ORDERS}/{order['id']}/capture")
    await shop.post(ORDERS, split_body("2222222222222"))
    await shop.post(ORDERS, split_body(merchant, "13.00"))
