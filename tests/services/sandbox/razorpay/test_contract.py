"""Callbacks carry the fields of the samples in their order; answers have every field of the official clients' fixtures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.services.sandbox.razorpay.conftest import DAY, Shop
from tests.services.sandbox.razorpay.test_route import BANK, VENDOR, v2

from onerouter_sandbox.razorpay import shapes

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox

PLAN = {"period": "monthly", "interval": 1, "item": {"name": "Monthly", "amount": 100_000, "currency": "INR"}}
GAURAV = {"name": "Gaurav Kumar", "email": "gaurav@example.com", "contact": "+919876543210"}
LINK = {"amount": 129_900, "currency": "INR", "customer": GAURAV, "description": "Order 1001"}
OUTDATED = frozenset({"service_tax", "udf", "created_at ", "live", "activated_at", "hold_funds"})
"""Fields of fixtures older than the present API, and what shows of other kinds of accounts."""


async def everything(shop: Shop, endpoint: str) -> None:
    """One of each event that is not of payments and refunds alone."""
    plan, other = await shop.made("/plans", **PLAN), await shop.made("/plans", **PLAN)
    made = await shop.made("/subscriptions", plan_id=plan["id"], total_count=4)
    path = f"/subscriptions/{made['id']}"
    active = await shop.ask(f"{path}/authorize")
    await shop.made(f"{path}/pause", pause_at="now")
    await shop.made(f"{path}/resume", resume_at="now")
    await shop.call("PATCH", path, plan_id=other["id"], quantity=2, schedule_change_at="now")
    await shop.ask(f"{path}/next_charges", outcome="failure")
    await shop.advance_to(active["current_end"] + 3 * DAY)
    await shop.made(f"{path}/cancel", cancel_at_cycle_end=False)
    once = await shop.made("/subscriptions", plan_id=plan["id"], total_count=1)
    await shop.ask(f"/subscriptions/{once['id']}/authorize")

    await shop.ask(f"/payment_links/{(await shop.made('/payment_links', **LINK))['id']}/pay")
    await shop.made(f"/payment_links/{(await shop.made('/payment_links', **LINK))['id']}/cancel")
    await shop.made("/payment_links", **LINK, expire_by=await shop.now() + 1_000)
    await shop.advance(1_000)

    for verdict in ("won", "lost", "closed"):
        dispute = await shop.ask(f"/payments/{await shop.sandbox.paid()}/dispute")
        for status in ("under_review", "action_required", verdict):
            await shop.ask(f"/disputes/{dispute['id']}/decide", status=status)

    vendor = await v2(shop, "POST", "/accounts", **VENDOR)
    product = await v2(shop, "POST", f"/accounts/{vendor['id']}/products", product_name="route", tnc_accepted=True)
    await v2(shop, "PATCH", f"/accounts/{vendor['id']}/products/{product['id']}", settlements=BANK)
    await shop.sandbox.register(webhook_url=endpoint, transfer_mode="pending", transfer_delay_s=3_600)
    part = {"account": vendor["id"], "amount": 100, "currency": "INR"}
    transfers = await shop.made(f"/payments/{await shop.sandbox.paid()}/transfers", transfers=[part, part])
    for transfer, status in zip(transfers["items"], ("processed", "failed"), strict=True):
        await shop.ask(f"/transfers/{transfer['id']}/settle", status=status)


async def test_callbacks_look_like_the_samples(sandbox: "Sandbox", receiver: "Receiver", specs: Path) -> None:
    samples = json.loads((specs / "webhook-samples" / "razorpay.json").read_text())["events"]
    registered = await sandbox.register(webhook_url=receiver.url)
    await everything(Shop(sandbox), receiver.url)
    owed = (await sandbox.callbacks(limit=10_000))["data"]
    await receiver.wait(len(owed))
    payouts = {name for name in samples if name.startswith("payout.")}
    assert set(samples) - payouts - {"refund.failed", "refund.created", "refund.processed"} <= set(receiver.events)
    assert len({each.headers["x-razorpay-event-id"] for each in receiver.deliveries}) == len(owed)
    for delivery in receiver.deliveries:
        body = json.loads(delivery.body)
        assert delivery.headers["X-Razorpay-Signature"] == shapes.signature("sandbox_webhook_secret_01", delivery.body)
        if delivery.event.startswith("product.route."):
            entity = body["payload"]["merchant_product"]["entity"]
            assert body["account_id"] == entity["merchant_id"]
            assert delivery.event.endswith(entity["activation_status"])
            continue
        assert body["account_id"] == registered["account_id"]
        if delivery.event not in samples:
            assert delivery.event == "invoice.paid"
            continue
        sample = samples[delivery.event]
        assert (list(body), body["contains"]) == (list(sample), sample["contains"]), delivery.event
        for name, part in sample["payload"].items():
            shown = [key for key in body["payload"][name]["entity"] if key not in ("customer_id", "token_id")]
            expected = [key for key in part["entity"] if key not in ("customer_id", "token_id")]
            assert shown == expected, (delivery.event, name)


async def test_answers_have_what_the_fixtures_have(shop: Shop, specs: Path) -> None:
    def missing(answer: Any, name: str) -> set[str]:
        """Fields of the fixture that the answer lacks, by their path; lists are compared by their first items."""

        def lacks(shown: Any, sample: Any, path: str) -> set[str]:
            if isinstance(sample, list) and isinstance(shown, list) and sample and shown:
                return lacks(shown[0], sample[0], path)
            if not isinstance(sample, dict) or not isinstance(shown, dict) or path.endswith("notes."):
                return set()
            found = {f"{path}{key}" for key in sample if key not in shown and key not in OUTDATED}
            return found.union(*(lacks(shown[key], sample[key], f"{path}{key}.") for key in sample if key in shown))

        return lacks(answer, json.loads((specs / "razorpay-fixtures" / f"{name}.json").read_text()), "")

    plan = await shop.made("/plans", **PLAN)
    assert missing(plan, "py-fake_plan") == set()
    assert missing(await shop.got("/plans"), "py-plan_collection") == set()
    made = await shop.made("/subscriptions", plan_id=plan["id"], total_count=6)
    path = f"/subscriptions/{made['id']}"
    assert missing(made, "py-fake_subscription") == set()
    await shop.ask(f"{path}/authorize")
    assert missing(await shop.got("/subscriptions"), "py-subscription_collection") == set()
    assert missing(await shop.made(f"{path}/pause", pause_at="now"), "py-fake_subscription_paused") == set()
    assert missing(await shop.made(f"{path}/resume", resume_at="now"), "py-fake_subscription_resumed") == set()
    invoices = await shop.got(f"/invoices?subscription_id={made['id']}")
    details = "items.customer_details.customer_address"
    assert missing(invoices, "py-invoice_collection") == {details}  # billing_address today
    assert missing(await shop.made(f"{path}/cancel"), "py-fake_subscription_cancelled") == set()

    customer = await shop.made("/customers", **GAURAV)
    assert missing(await shop.got("/customers"), "py-customer_collection") == set()
    await shop.ask(f"/customers/{customer['id']}/tokens")
    assert missing(await shop.got(f"/customers/{customer['id']}/tokens"), "go-token_collection") == set()

    link = await shop.made("/payment_links", **LINK, reference_id="TS35", reminder_enable=True)
    assert missing(await shop.got("/payment_links"), "py-payment_link_collection") == set()
    await shop.ask(f"/payment_links/{link['id']}/pay")
    assert missing(await shop.got(f"/payment_links/{link['id']}"), "py-fake_payment_link") == set()

    told = json.loads((specs / "razorpay-fixtures" / "go-fake_account_request.json").read_text())
    no_route = {"apps", "brand", "contact_info"}
    asked = {name: value for name, value in told.items() if name not in no_route}
    vendor = await v2(shop, "POST", "/accounts", **asked, type="route")
    assert missing(vendor, "go-fake_account") == no_route
    product = await v2(shop, "POST", f"/accounts/{vendor['id']}/products", product_name="route", tnc_accepted=True)
    await v2(shop, "PATCH", f"/accounts/{vendor['id']}/products/{product['id']}", settlements=BANK)
    part = {"account": vendor["id"], "amount": 500, "currency": "INR"}
    payment_id = await shop.sandbox.paid()
    transfers = await shop.made(f"/payments/{payment_id}/transfers", transfers=[part])
    assert missing(transfers, "go-transfer_collection") == set()
    assert missing(transfers["items"][0], "go-fake_transfer") == set()
    reversal = await shop.made(f"/transfers/{transfers['items'][0]['id']}/reversals")
    assert missing(reversal, "go-fake_reverse") == set()
    await shop.ask(f"/payments/{payment_id}/dispute")
    assert missing(await shop.got("/disputes"), "py-dispute_collection") == set()
