"""A subscription's life on the account's own clock."""

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.stripe.conftest import Shop

DAY = 86_400
OURS = {"metadata[onerouter_id]": "sub_ours"}


async def later(shop: "Shop", days: float) -> None:
    await shop.ask(f"/stripe/accounts/{shop.account_id}/clock/advance", seconds=days * DAY)


async def price(shop: "Shop", amount: int = 1_000, interval: str = "month") -> str:
    form = {
        "currency": "usd",
        "unit_amount": str(amount),
        "recurring[interval]": interval,
        "product_data[name]": "Tea club",
        "metadata[onerouter_id]": f"plan_{amount}_{interval}",
    }
    return str((await shop.made("/prices", form))["id"])


async def customer(shop: "Shop", *, card: bool = True, decline: str | None = None) -> str:
    made = await shop.made("/customers", {"email": "asha@example.com", "metadata[onerouter_id]": "cus_ours"})
    if card:
        await shop.ask(f"/stripe/customers/{made['id']}/payment_methods", default=True, decline=decline)
    return str(made["id"])


async def subscribe(shop: "Shop", customer_id: str, price_id: str, **more: str) -> dict[str, Any]:
    return await shop.made("/subscriptions", {"customer": customer_id, "items[0][price]": price_id, **OURS, **more})


async def show(shop: "Shop", subscription: dict[str, Any]) -> dict[str, Any]:
    return await shop.got(f"/subscriptions/{subscription['id']}")


async def charged(shop: "Shop") -> list[tuple[str, int]]:
    return [(each["reference"], each["amount"]) for each in await shop.effects(kind="subscription.charged")]


async def kinds(shop: "Shop") -> list[str]:
    return [each["kind"] for each in await shop.effects() if each["kind"].startswith("subscription.")]


async def test_a_whole_life(shop: "Shop") -> None:
    small, big = await price(shop), await price(shop, 3_000)
    made = await subscribe(shop, await customer(shop), small, trial_period_days="7")
    assert (made["status"], made["pending_setup_intent"]) == ("trialing", None)
    assert made["items"]["data"][0]["current_period_end"] == made["trial_end"] == made["created"] + 7 * DAY

    await later(shop, 7)
    active = await show(shop, made)
    assert active["status"] == "active"
    assert active["items"]["data"][0]["current_period_start"] == made["trial_end"]
    await later(shop, 31)
    assert await charged(shop) == [("sub_ours:1", 1_000), ("sub_ours:2", 1_000)]

    paused = await shop.made(f"/subscriptions/{made['id']}", {"pause_collection[behavior]": "void"})
    assert (paused["status"], paused["pause_collection"]) == ("active", {"behavior": "void", "resumes_at": None})
    await later(shop, 31)
    assert len(await charged(shop)) == 2
    resumed = await shop.made(f"/subscriptions/{made['id']}", {"pause_collection": ""})
    assert resumed["pause_collection"] is None

    item = made["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][price]": big, "proration_behavior": "none"}
    changed = await shop.made(f"/subscriptions/{made['id']}", change)
    assert [each["price"]["id"] for each in changed["items"]["data"]] == [big]
    await later(shop, 31)
    assert (await charged(shop))[-1] == ("sub_ours:4", 3_000)

    ending = await shop.made(f"/subscriptions/{made['id']}", {"cancel_at_period_end": "true"})
    assert ending["cancel_at"] == ending["items"]["data"][0]["current_period_end"]
    await later(shop, 31)
    over = await show(shop, made)
    assert (over["status"], over["ended_at"]) == ("canceled", ending["cancel_at"])
    assert len(await charged(shop)) == 3
    again = await shop.api.delete(f"/subscriptions/{made['id']}")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "resource_missing")
    assert await kinds(shop) == [
        "subscription.created",
        "subscription.charged",
        "subscription.charged",
        "subscription.paused",
        "subscription.resumed",
        "subscription.plan_changed",
        "subscription.charged",
        "subscription.canceled",
    ]
    assert (await shop.control.get("/ledger/summary", params={"account": shop.account_id})).json()["repeated"] == []


class TestFirstPayment:
    async def test_waits_for_the_customer_who_leaves_the_method_for_later(self, shop: "Shop") -> None:
        made = await subscribe(
            shop,
            await customer(shop, card=False),
            await price(shop),
            **{
                "payment_behavior": "default_incomplete",
                "payment_settings[save_default_payment_method]": "on_subscription",
                "expand[]": "latest_invoice.confirmation_secret",
            },
        )
        invoice = made["latest_invoice"]
        assert (made["status"], invoice["status"], invoice["amount_due"]) == ("incomplete", "open", 1_000)
        assert invoice["confirmation_secret"]["client_secret"].startswith("pi_")
        page = await shop.control.get(invoice["hosted_invoice_url"])
        assert "$10.00" in page.text
        paid = await shop.control.post(f"{invoice['hosted_invoice_url']}/pay", data={"action": "success"})
        assert "Payment successful" in paid.text
        active = await show(shop, made)
        assert active["status"] == "active"
        method = await shop.got(f"/payment_methods/{active['default_payment_method']}")
        assert method["customer"] == made["customer"]
        await later(shop, 31)
        assert await charged(shop) == [("sub_ours:1", 1_000), ("sub_ours:2", 1_000)]

    async def test_expires_after_23_hours(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop, card=False), await price(shop))
        await later(shop, 1)
        over = await show(shop, made)
        assert over["status"] == "incomplete_expired"
        assert (await shop.got(f"/invoices/{made['latest_invoice']}"))["status"] == "void"

    async def test_can_be_required(self, shop: "Shop") -> None:
        customer_id = await customer(shop, decline="insufficient_funds")
        form = {
            "customer": customer_id,
            "items[0][price]": await price(shop),
            "payment_behavior": "error_if_incomplete",
        }
        refused = await shop.post("/subscriptions", form)
        assert (refused.status_code, refused.json()["error"]["decline_code"]) == (402, "insufficient_funds")
        assert (await shop.got("/subscriptions"))["data"] == []

    async def test_a_trial_asks_for_a_method_meanwhile(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop, card=False), await price(shop), trial_period_days="3")
        setup = made["pending_setup_intent"]
        saved = await shop.control.post(f"{shop.url}/stripe/checkout/{setup}/pay", data={"action": "success"})
        assert "Card saved" in saved.text
        approved = await show(shop, made)
        assert (approved["pending_setup_intent"], approved["status"]) == (None, "trialing")
        await later(shop, 3)
        assert await charged(shop) == [("sub_ours:1", 1_000)]

    async def test_an_anchor_prorates_the_beginning(self, shop: "Shop") -> None:
        now = (await shop.control.get(f"/stripe/accounts/{shop.account_id}/clock")).json()["now"]
        anchor = {"billing_cycle_anchor": str(int(now) + 7 * DAY)}
        customer_id, price_id = await customer(shop), await price(shop, 700, "week")
        free = await subscribe(shop, customer_id, price_id, proration_behavior="none", **anchor)
        assert (free["status"], await charged(shop)) == ("active", [])
        await subscribe(shop, customer_id, await price(shop, 1_400, "week"), **anchor)
        assert (await charged(shop))[0][1] == pytest.approx(1_400, abs=2)


class TestFailedRenewal:
    async def test_is_tried_again_then_given_up(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop), await price(shop))
        await shop.ask(f"/stripe/subscriptions/{made['id']}/next-charge", outcome="failure")
        await later(shop, 31)
        assert (await show(shop, made))["status"] == "past_due"
        await later(shop, 3)
        assert (await show(shop, made))["status"] == "active"
        assert await charged(shop) == [("sub_ours:1", 1_000), ("sub_ours:2", 1_000)]

    @pytest.mark.parametrize(("after", "status"), [("unpaid", "unpaid"), ("cancel", "canceled")])
    async def test_ends_as_the_account_says(self, shop: "Shop", after: str, status: str) -> None:
        await shop.register(after_retries=after, retry_days=(1, 2))
        customer_id = await customer(shop)
        made = await subscribe(shop, customer_id, await price(shop))
        method = (await shop.got(f"/customers/{customer_id}"))["invoice_settings"]["default_payment_method"]
        await shop.ask(f"/stripe/payment_methods/{method}/behave", decline="insufficient_funds")
        await later(shop, 31 + 1 + 2)
        assert (await show(shop, made))["status"] == status
        invoice = await shop.got(f"/invoices/{(await show(shop, made))['latest_invoice']}")
        assert (invoice["attempt_count"], invoice["next_payment_attempt"], invoice["status"]) == (3, None, "open")


class TestPlanChange:
    async def test_is_prorated_at_once_or_with_the_next_invoice(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop), await price(shop, 700, "week"))
        item = made["items"]["data"][0]["id"]
        await later(shop, 3.5)
        big = await price(shop, 1_400, "week")
        form = {"items[0][id]": item, "items[0][price]": big, "proration_behavior": "always_invoice"}
        await shop.made(f"/subscriptions/{made['id']}", form)
        assert (await charged(shop))[-1][1] == pytest.approx(350, abs=2)
        small = await price(shop, 770, "week")
        await shop.made(f"/subscriptions/{made['id']}", {"items[0][id]": item, "items[0][price]": small})
        await later(shop, 3.6)
        assert (await charged(shop))[-1][1] == pytest.approx(770 - 315, abs=2)

    async def test_without_the_items_id_adds_one(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop), await price(shop))
        form = {"items[0][price]": await price(shop, 2_000)}
        assert len((await shop.made(f"/subscriptions/{made['id']}", form))["items"]["data"]) == 2

    async def test_to_another_rhythm_begins_a_new_period(self, shop: "Shop") -> None:
        made = await subscribe(shop, await customer(shop), await price(shop, 700, "week"))
        await later(shop, 3.5)
        form = {"items[0][id]": made["items"]["data"][0]["id"], "items[0][price]": await price(shop, 9_000, "year")}
        changed = (await shop.made(f"/subscriptions/{made['id']}", form))["items"]["data"][0]
        assert changed["current_period_end"] - changed["current_period_start"] in (365 * DAY, 366 * DAY)
        assert (await charged(shop))[-1][1] == pytest.approx(9_000 - 350, abs=2)

    async def test_that_cannot_be_paid_changes_nothing(self, shop: "Shop") -> None:
        customer_id = await customer(shop)
        made = await subscribe(shop, customer_id, await price(shop))
        method = (await shop.got(f"/customers/{customer_id}"))["invoice_settings"]["default_payment_method"]
        await shop.ask(f"/stripe/payment_methods/{method}/behave", decline="insufficient_funds")
        form = {
            "items[0][id]": made["items"]["data"][0]["id"],
            "items[0][price]": await price(shop, 2_000),
            "proration_behavior": "always_invoice",
            "payment_behavior": "error_if_incomplete",
        }
        assert (await shop.post(f"/subscriptions/{made['id']}", form)).status_code == 402
        assert (await show(shop, made))["items"] == made["items"]


class TestRepeats:
    async def test_a_key_makes_one_and_without_it_there_are_two(self, shop: "Shop") -> None:
        form = {"customer": await customer(shop), "items[0][price]": await price(shop), **OURS}
        first = await shop.made("/subscriptions", form, idempotency_key="k1")
        assert (await shop.made("/subscriptions", form, idempotency_key="k1"))["id"] == first["id"]
        assert len(await shop.effects(kind="subscription.created", reference="sub_ours")) == 1
        await shop.made("/subscriptions", form)
        summary = (await shop.control.get("/ledger/summary", params={"account": shop.account_id})).json()
        assert "subscription.created" in [each["kind"] for each in summary["repeated"]]

    async def test_a_key_is_forgotten_a_day_later(self, shop: "Shop") -> None:
        first = await shop.made("/customers", {"name": "Asha"}, idempotency_key="k1")
        await later(shop, 1)
        assert (await shop.made("/customers", {"name": "Asha"}, idempotency_key="k1"))["id"] != first["id"]


async def test_events_tell_it(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url)
    customer_id = await customer(shop)
    made = await subscribe(shop, customer_id, await price(shop), trial_period_days="7")
    await later(shop, 7)
    await shop.made(f"/subscriptions/{made['id']}", {"pause_collection[behavior]": "void"})
    assert (await shop.api.delete(f"/subscriptions/{made['id']}")).json()["status"] == "canceled"
    callbacks = (await shop.control.get("/callbacks", params={"account": shop.account_id})).json()["data"]
    told = [json.loads(each["body"]) for each in callbacks]
    await receiver.wait(len(told))
    kinds = [each["type"] for each in told]
    for expected in (
        "payment_method.attached",
        "customer.subscription.created",
        "customer.subscription.trial_will_end",
        "customer.subscription.deleted",
    ):
        assert kinds.count(expected) == 1
    assert kinds.count("invoice.paid") == 2  # the trial's, of nothing, and the first period's
    updates = [
        (each["data"]["previous_attributes"].keys(), each["created"])
        for each in told
        if each["type"] == "customer.subscription.updated"
    ]
    assert ("status" in updates[0][0], updates[0][1]) == (True, made["trial_end"])
    assert updates[-1][0] == {"pause_collection"}
