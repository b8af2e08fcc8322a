"""What Stripe remembers outlives the process."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.services.sandbox.stripe.conftest import speak_to

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

GOOD = {"amount": "1299", "currency": "usd"}


async def test_everything_survives_a_restart(running: Any, receiver: "Receiver", tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        await shop.register(webhook_url="http://127.0.0.1:9/")  # nobody is there yet
        made = await shop.made("/payment_intents", GOOD, idempotency_key="k1")
        await shop.pay(made["id"])
        await shop.ask("/faults", kind="refund_pending", delay_s=0.05, times=1)
        refund = await shop.made("/refunds", {"payment_intent": made["id"], "amount": "500"})
        session = await shop.session()
        account_id, secret_key = shop.account_id, shop.secret_key

    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        shop.account_id, shop.secret_key = account_id, secret_key
        shop.api.headers["Authorization"] = f"Bearer {secret_key}"
        again = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
        assert again.json() == made
        assert again.headers["idempotent-replayed"] == "true"
        shown = await shop.got(f"/payment_intents/{made['id']}", **{"expand[]": "latest_charge"})
        assert (shown["status"], shown["latest_charge"]["amount_refunded"]) == ("succeeded", 500)
        assert (await shop.got(f"/checkout/sessions/{session['id']}"))["status"] == "open"
        while (await shop.got(f"/refunds/{refund['id']}"))["status"] != "succeeded":
            continue
        await shop.register(webhook_url=receiver.url)
        await receiver.wait(6)


async def test_what_time_was_to_bring_comes_after_a_restart(running: Any, tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        await shop.register()
        clock = f"/stripe/accounts/{shop.account_id}/clock/advance"
        customer = (await shop.made("/customers", {"name": "Asha"}))["id"]
        await shop.ask(f"/stripe/customers/{customer}/payment_methods", default=True)
        price = {"currency": "usd", "unit_amount": "1000", "recurring[interval]": "month", "product_data[name]": "Tea"}
        form = {"customer": customer, "items[0][price]": (await shop.made("/prices", price))["id"]}
        made = await shop.made("/subscriptions", {**form, "metadata[onerouter_id]": "sub_1"})
        await shop.ask(f"/stripe/subscriptions/{made['id']}/next-charge", outcome="failure")
        await shop.ask(clock, seconds=31 * 86_400)
        vendor = await shop.made("/accounts", {"type": "express"})
        await shop.ask(f"/stripe/vendors/{vendor['id']}/become", state="active")
        payout = await shop.made("/payouts", {"amount": "500", "currency": "usd"}, Stripe_Account=vendor["id"])
        authorization = shop.api.headers["Authorization"]

    async with running(**settings) as sandbox, speak_to(sandbox.url) as shop:
        shop.api.headers["Authorization"] = authorization
        assert (await shop.got(f"/subscriptions/{made['id']}"))["status"] == "past_due"
        await shop.ask(clock, seconds=3 * 86_400)  # the retry
        shown = await shop.api.get(f"/payouts/{payout['id']}", headers={"Stripe-Account": vendor["id"]})
        assert shown.json()["status"] == "paid"
        assert (await shop.got(f"/subscriptions/{made['id']}"))["status"] == "active"
        await shop.ask(clock, seconds=28 * 86_400)  # the next renewal
        charged = (await shop.control.get("/ledger", params={"kind": "subscription.charged"})).json()["data"]
        assert [each["reference"] for each in charged] == ["sub_1:1", "sub_1:2", "sub_1:3"]
