from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.services.sandbox.razorpay.conftest import DAY, Shop

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

MONTH = 31 * DAY


async def a_plan(shop: Shop, amount: int = 100_000, **changes: Any) -> str:
    item = {"name": "Monthly", "amount": amount, "currency": "INR"}
    plan = await shop.made(
        "/plans", **{"period": "monthly", "interval": 1, "item": item, "notes": {"onerouter_id": "plan_1"}, **changes}
    )
    return str(plan["id"])


async def a_subscription(shop: Shop, plan_id: str | None = None, **changes: Any) -> dict[str, Any]:
    plan_id = plan_id or await a_plan(shop)
    wanted = {"plan_id": plan_id, "total_count": 12, "notes": {"onerouter_id": "sub_1"}, **changes}
    return await shop.made("/subscriptions", **wanted)


async def an_active(shop: Shop, **changes: Any) -> dict[str, Any]:
    made = await a_subscription(shop, **changes)
    return await shop.ask(f"/subscriptions/{made['id']}/authorize")


class TestPlans:
    async def test_made_listed_and_without_idempotency(self, shop: Shop) -> None:
        first = await a_plan(shop)
        second = await a_plan(shop)
        listed = (await shop.got("/plans"))["items"]
        assert [each["id"] for each in listed] == [second, first]
        assert await shop.got(f"/plans/{first}") == listed[1]
        assert await shop.effects("plan.created") == ["plan_1", "plan_1"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"period": "hourly"}, "Not a valid period"),
            ({"period": "daily", "interval": 1}, "at least 7"),
            ({"item": {"name": "x", "amount": 99, "currency": "INR"}}, "less than minimum"),
            ({"offer_id": "offer_1"}, "should not be sent"),
        ],
    )
    async def test_what_is_refused(self, shop: Shop, change: dict[str, Any], words: str) -> None:
        body = {"period": "monthly", "interval": 1, "item": {"name": "x", "amount": 100, "currency": "INR"}, **change}
        assert words in await shop.refused("POST", "/plans", **body)


class TestLife:
    async def test_charged_at_once_then_by_the_clock_until_it_is_complete(self, shop: Shop) -> None:
        made = await a_subscription(shop, total_count=3, quantity=2)
        assert (made["status"], made["remaining_count"], made["charge_at"]) == ("created", 3, None)
        path = f"/subscriptions/{made['id']}"
        active = await shop.ask(f"{path}/authorize")
        assert (active["status"], active["paid_count"], active["remaining_count"]) == ("active", 1, 2)
        assert (active["charge_at"], active["customer_id"][:5]) == (active["current_end"], "cust_")
        await shop.advance(MONTH)
        assert (await shop.got(path))["paid_count"] == 2
        await shop.advance(MONTH)
        done = await shop.got(path)
        assert (done["status"], done["paid_count"], done["remaining_count"]) == ("completed", 3, 0)
        assert (done["ended_at"], done["charge_at"]) == (done["end_at"], None)
        await shop.advance(12 * MONTH)
        assert await shop.events(made["id"]) == [
            "subscription.authenticated",
            "subscription.activated",
            "subscription.charged",
            "subscription.charged",
            "subscription.charged",
            "subscription.completed",
        ]
        assert await shop.effects("subscription.charged") == ["sub_1:1", "sub_1:2", "sub_1:3"]
        invoices = (await shop.got(f"/invoices?subscription_id={made['id']}"))["items"]
        assert [(each["status"], each["amount_paid"]) for each in invoices] == [("paid", 200_000)] * 3
        payment = await shop.got(f"/payments/{invoices[0]['payment_id']}")
        assert (payment["invoice_id"], payment["fee"], payment["tax"]) == (invoices[0]["id"], 4_720, 720)
        assert invoices[0] == await shop.got(f"/invoices/{invoices[0]['id']}")
        assert "completed status" in await shop.refused("POST", f"{path}/cancel")

    async def test_a_trial_starts_later_with_an_upfront_amount(self, shop: Shop) -> None:
        start = await shop.now() + 14 * DAY
        addons = [{"item": {"name": "Delivery", "amount": 3_000, "currency": "INR"}}]
        made = await a_subscription(shop, start_at=start, addons=addons, customer_notify=False)
        path = f"/subscriptions/{made['id']}"
        async with httpx.AsyncClient(timeout=60) as person:
            shown = (await person.get(made["short_url"])).text
            assert "₹30.00 now" in shown
            assert "₹1,000.00" in shown
            declined = await person.post(f"{made['short_url']}/authorize", data={"action": "fail"})
            assert "Authorization failed" in declined.text
            assert (await shop.got(path))["status"] == "created"
            agreed = await person.post(f"{made['short_url']}/authorize", data={"action": "success", "method": "upi"})
            assert "This subscription is authenticated" in agreed.text
        trial = await shop.got(path)
        assert (trial["status"], trial["paid_count"], trial["charge_at"]) == ("authenticated", 0, start)
        assert [each["amount"] for each in await shop.sandbox.effects(kind="payment.captured")] == [3_000]
        await shop.advance(14 * DAY)
        running = await shop.got(path)
        assert (running["status"], running["paid_count"], running["current_start"]) == ("active", 1, start)
        assert await shop.events(made["id"]) == [
            "subscription.authenticated",
            "subscription.activated",
            "subscription.charged",
        ]

    async def test_expires_when_nobody_authorizes(self, shop: Shop) -> None:
        now = await shop.now()
        by_start = await a_subscription(shop, start_at=now + DAY)
        by_deadline = await a_subscription(shop, expire_by=now + DAY)
        await shop.advance(DAY)
        for made in (by_start, by_deadline):
            path = f"/subscriptions/{made['id']}"
            assert (await shop.got(path))["status"] == "expired"
            assert (await shop.sandbox.control.post(f"/razorpay{path}/authorize")).status_code == 409
            assert "expired status" in await shop.refused("POST", f"{path}/cancel")

    async def test_failing_charges_are_retried_for_three_days_then_it_is_halted(self, shop: Shop) -> None:
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        await shop.ask(f"{path}/next_charges", outcome="failure", times=1)
        await shop.advance_to(active["current_end"])
        pending = await shop.got(path)
        assert (pending["status"], pending["auth_attempts"]) == ("pending", 1)
        await shop.advance(DAY)
        running = await shop.got(path)
        assert (running["status"], running["current_start"]) == ("active", active["current_end"])
        assert await shop.effects("subscription.charged") == ["sub_1:1", "sub_1:2"]

        await shop.ask(f"{path}/next_charges", outcome="failure")
        await shop.advance_to(running["current_end"] + 3 * DAY)
        halted = await shop.got(path)
        assert (halted["status"], halted["paid_count"]) == ("halted", 2)
        await shop.advance_to(halted["current_end"])
        still = await shop.got(path)
        assert (still["status"], still["remaining_count"]) == ("halted", 8)
        await shop.ask(f"{path}/next_charges", outcome="success")
        recovered = await shop.ask(f"{path}/retry")
        assert (recovered["status"], recovered["payment_status"], recovered["paid_count"]) == ("active", "captured", 3)
        events = (await shop.events(active["id"]))[3:]
        assert events == [
            "subscription.pending",
            "subscription.activated",
            "subscription.charged",
            *["subscription.pending"] * 3,
            "subscription.halted",
            "subscription.activated",
            "subscription.charged",
        ]
        reasons = [each["error_reason"] for each in (await shop.got("/payments?count=100"))["items"]]
        assert reasons.count("insufficient_funds") == 5


class TestChanges:
    async def test_cancel_now(self, shop: Shop) -> None:
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        cancelled = await shop.made(f"{path}/cancel", cancel_at_cycle_end=False)
        assert (cancelled["status"], cancelled["charge_at"], cancelled["ended_at"] > 0) == ("cancelled", None, True)
        assert "cancelled status" in await shop.refused("POST", f"{path}/cancel")
        await shop.advance(2 * MONTH)
        assert await shop.effects("subscription.canceled") == ["sub_1"]
        assert await shop.effects("subscription.charged") == ["sub_1:1"]
        assert (await shop.events(active["id"]))[-1] == "subscription.cancelled"

    async def test_cancel_at_cycle_end(self, shop: Shop) -> None:
        created = await a_subscription(shop)
        assert "no billing cycle" in await shop.refused(
            "POST", f"/subscriptions/{created['id']}/cancel", cancel_at_cycle_end=True
        )
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        for _ in range(2):
            leaving = await shop.made(f"{path}/cancel", cancel_at_cycle_end=1)
            assert (leaving["status"], leaving["end_at"]) == ("active", active["current_end"])
        await shop.advance_to(active["current_end"])
        left = await shop.got(path)
        assert (left["status"], left["ended_at"], left["paid_count"]) == ("cancelled", active["current_end"], 1)
        assert await shop.effects("subscription.canceled") == ["sub_1"]

    async def test_pause_and_resume(self, shop: Shop) -> None:
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        assert "pause_at" in await shop.refused("POST", f"{path}/pause", pause_at="cycle_end")
        paused = await shop.made(f"{path}/pause", pause_at="now")
        assert (paused["status"], paused["charge_at"], paused["paused_at"] > 0) == ("paused", None, True)
        assert "paused status" in await shop.refused("POST", f"{path}/pause", pause_at="now")
        await shop.advance(2 * MONTH)
        resumed = await shop.made(f"{path}/resume", resume_at="now")
        assert (resumed["status"], resumed["paid_count"], resumed["remaining_count"]) == ("active", 1, 11)
        assert resumed["charge_at"] > await shop.now()
        await shop.advance(MONTH)
        assert await shop.effects("subscription.charged") == ["sub_1:1", "sub_1:2"]
        assert [*await shop.effects("subscription.paused"), *await shop.effects("subscription.resumed")] == [
            "sub_1",
            "sub_1",
        ]
        assert "active status" in await shop.refused("POST", f"{path}/resume", resume_at="now")

    async def test_a_pause_before_the_start_cancels(self, shop: Shop) -> None:
        made = await a_subscription(shop, start_at=await shop.now() + DAY)
        await shop.ask(f"/subscriptions/{made['id']}/authorize")
        assert (await shop.made(f"/subscriptions/{made['id']}/pause", pause_at="now"))["status"] == "cancelled"

    async def test_a_dearer_plan_now_is_charged_for_the_days_left(self, shop: Shop) -> None:
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        days = round((active["current_end"] - active["current_start"]) / DAY)
        await shop.advance(10 * DAY)
        dearer = await a_plan(shop, 200_000)
        changed = await shop.call("PATCH", path, plan_id=dearer, schedule_change_at="now")
        assert (changed["plan_id"], changed["current_end"]) == (dearer, active["current_end"])
        amounts = [each["amount"] for each in await shop.sandbox.effects(kind="payment.captured")]
        assert amounts == [100_000, round(100_000 * (days - 10) / days)]
        back = await shop.call("PATCH", path, plan_id=active["plan_id"])
        assert back["plan_id"] == active["plan_id"]
        assert [each["amount"] for each in await shop.sandbox.effects(kind="refund.created")] == amounts[1:]
        assert (await shop.events(active["id"]))[-2:] == ["subscription.updated"] * 2
        assert "at least 50" in await shop.refused("PATCH", path, plan_id=await a_plan(shop))
        await shop.ask(f"{path}/next_charges", outcome="failure")
        assert "not updated" in await shop.refused("PATCH", path, plan_id=dearer)
        assert (await shop.got(path))["plan_id"] == active["plan_id"]

    async def test_a_change_that_waits_for_the_cycles_end(self, shop: Shop) -> None:
        active = await an_active(shop)
        path = f"/subscriptions/{active['id']}"
        assert "no scheduled" in await shop.refused("GET", f"{path}/retrieve_scheduled_changes")
        yearly = await a_plan(shop, 900_000, period="yearly")
        wanted = {"plan_id": yearly, "quantity": 2, "remaining_count": 3, "schedule_change_at": "cycle_end"}
        waiting = await shop.call("PATCH", path, **wanted)
        assert (waiting["plan_id"], waiting["has_scheduled_changes"]) == (active["plan_id"], True)
        assert waiting["change_scheduled_at"] == active["current_end"]
        later = await shop.got(f"{path}/retrieve_scheduled_changes")
        assert (later["plan_id"], later["quantity"], later["remaining_count"]) == (yearly, 2, 3)
        assert (await shop.made(f"{path}/cancel_scheduled_changes"))["has_scheduled_changes"] is False
        await shop.call("PATCH", path, **wanted)
        await shop.advance_to(active["current_end"])
        changed = await shop.got(path)
        assert (changed["plan_id"], changed["paid_count"], changed["has_scheduled_changes"]) == (yearly, 2, False)
        assert (changed["remaining_count"], changed["current_end"] - changed["current_start"] > 364 * DAY) == (2, True)
        assert (await shop.sandbox.effects(kind="payment.captured"))[-1]["amount"] == 1_800_000
        assert (await shop.events(active["id"]))[-2:] == ["subscription.updated", "subscription.charged"]

    async def test_what_cannot_be_changed(self, shop: Shop) -> None:
        for method, words in (("upi", "payment mode is UPI"), ("domestic_card", "domestic cards")):
            made = await a_subscription(shop)
            path = f"/subscriptions/{made['id']}"
            assert "Authenticated or Active" in await shop.refused("PATCH", path, quantity=2)
            await shop.ask(f"{path}/authorize", method=method)
            assert words in await shop.refused("PATCH", path, quantity=2)


async def test_listed_by_plan_and_found_by_its_notes(shop: Shop) -> None:
    first, second = await a_plan(shop), await a_plan(shop)
    made = await a_subscription(shop, first)
    await a_subscription(shop, second)
    listed = (await shop.got(f"/subscriptions?plan_id={first}&count=100"))["items"]
    assert listed == [made]
    assert listed[0]["notes"] == {"onerouter_id": "sub_1"}
    assert "does not exist" in await shop.refused("POST", "/subscriptions", plan_id="plan_none", total_count=1)
    assert "total count" in await shop.refused("POST", "/subscriptions", plan_id=first)


async def test_a_restart_loses_no_charge(running: Any, receiver: "Receiver", tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox:
        await sandbox.register()
        shop = Shop(sandbox)
        active = await an_active(shop, total_count=2)
        link = await shop.made("/payment_links", amount=100, currency="INR", reference_id="plink_1")
        key_id = sandbox.key_id
    async with running(**settings) as sandbox:
        assert sandbox.key_id == key_id
        shop = Shop(sandbox)
        assert "already attempted" in await shop.refused(
            "POST", "/payment_links", amount=100, currency="INR", reference_id="plink_1"
        )
        await shop.advance(7 * MONTH)
        assert (await shop.got(f"/subscriptions/{active['id']}"))["status"] == "completed"
        assert (await shop.got(f"/payment_links/{link['id']}"))["status"] == "expired"
