"""Plans and subscriptions: what is refused, and a subscription's life on its app's own time."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from .billing import (
    PLANS,
    SUBSCRIPTIONS,
    a_plan,
    a_product,
    a_subscription,
    active,
    cycle,
    plan_body,
    usd,
)
from .conftest import issue_of, link_of

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Shop

DAY = 86_400


def kinds(effects: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["kind"] for one in effects)


async def info(shop: "Shop", path: str) -> dict[str, Any]:
    return dict((await shop.got(f"{path}?fields=last_failed_payment"))["billing_info"])


def executed(billing: dict[str, Any]) -> list[int]:
    return [one["cycles_completed"] for one in billing["cycle_executions"]]


class TestPlans:
    @pytest.mark.parametrize(
        ("cycles", "changes", "issue"),
        [
            ([cycle(None, 1, trial=True, total=1)], {}, "MISSING_REGULAR_BILLING_CYCLE"),
            ([cycle("1.00", 1), cycle("1.00", 2)], {}, "MULTIPLE_REGULAR_BILLING_CYCLES_NOT_SUPPORTED"),
            ([cycle("1.00", 1), cycle("1.00", 2, trial=True, total=1)], {}, "INVALID_BILLING_CYCLE_SEQUENCE"),
            ([cycle("1.00", 2)], {}, "INVALID_BILLING_CYCLE_SEQUENCE"),
            ([cycle(None, 1, trial=True), cycle("1.00", 2)], {}, "INVALID_TRIAL_BILLING_TOTAL_CYCLES"),
            ([], {"payment_preferences": {"setup_fee": {"currency_code": "EUR", "value": "1"}}}, "CURRENCY_MISMATCH"),
            ([], {"name": "x" * 128}, "INVALID_STRING_MAX_LENGTH"),
            ([], {"product_id": None}, "MISSING_REQUIRED_PARAMETER"),
            ([cycle("1.001", 1)], {}, "INVALID_PARAMETER_VALUE"),
            ([cycle(None, 1)], {}, "MISSING_REQUIRED_PARAMETER"),
            ([], {"product_id": "PROD-NOBODYS"}, "INVALID_RESOURCE_ID"),
        ],
    )
    async def test_what_they_refuse(self, shop: "Shop", cycles: Any, changes: dict[str, Any], issue: str) -> None:
        product = await a_product(shop)
        assert issue_of(await shop.post(PLANS, {**plan_body(product, *cycles), **changes}))[1] == issue
        assert "plan.created" not in kinds(await shop.effects())

    async def test_they_are_switched_on_and_off(self, shop: "Shop") -> None:
        plan = await a_plan(shop, status="CREATED")
        path = f"{PLANS}/{plan['id']}"
        assert issue_of(await shop.post(SUBSCRIPTIONS, {"plan_id": plan["id"]})) == (422, "PLAN_STATUS_INVALID")
        assert issue_of(await shop.post(f"{path}/deactivate")) == (422, "PLAN_STATUS_INVALID")
        assert (await shop.post(f"{path}/activate")).status_code == 204
        assert (await shop.got(path))["status"] == "ACTIVE"
        assert issue_of(await shop.post(f"{path}/activate")) == (422, "PLAN_STATUS_INVALID")
        assert (await shop.post(f"{path}/deactivate")).status_code == 204
        assert (await shop.got(path))["status"] == "INACTIVE"

    async def test_they_are_found_by_product(self, shop: "Shop") -> None:
        product = await a_product(shop)
        made = [(await a_plan(shop, product=product, name=f"Plan {number}"))["id"] for number in range(3)]
        await a_plan(shop)
        listed = await shop.got(f"{PLANS}?product_id={product}&page_size=2&total_required=true")
        assert [one["id"] for one in listed["plans"]] == made[:2]
        assert (listed["total_items"], listed["total_pages"]) == (3, 2)
        following = await shop.api.get(link_of(listed, "next") + f"&product_id={product}")
        assert [one["id"] for one in following.json()["plans"]] == made[2:]

    async def test_a_product_may_bring_its_own_id_once(self, shop: "Shop") -> None:
        body = {"id": f"own-{shop.client_id[:20]}", "name": "Tickets", "type": "SERVICE"}
        assert (await shop.asked("/v1/catalogs/products", body))["id"] == body["id"]
        again = await shop.post("/v1/catalogs/products", body)
        assert issue_of(again) == (422, "DUPLICATE_RESOURCE_IDENTIFIER")
        reserved = await shop.post("/v1/catalogs/products", {**body, "id": "PROD-MINE"})
        assert issue_of(reserved) == (400, "INVALID_PARAMETER_SYNTAX")


class TestRepeats:
    @pytest.mark.parametrize("kind", ["product", "plan", "subscription"])
    async def test_one_request_id_makes_one_thing_for_72_hours(self, shop: "Shop", kind: str) -> None:
        product, plan = await a_product(shop), await a_plan(shop)
        path, body = {
            "product": ("/v1/catalogs/products", {"name": "Tickets", "type": "SERVICE"}),
            "plan": (PLANS, plan_body(product)),
            "subscription": (SUBSCRIPTIONS, {"plan_id": plan["id"], "custom_id": "sub_7"}),
        }[kind]
        before = kinds(await shop.effects())[f"{kind}.created"]
        first = await shop.asked(path, body, key="key-1")
        assert (await shop.asked(path, body, key="key-1", status=200))["id"] == first["id"]
        assert kinds(await shop.effects())[f"{kind}.created"] == before + 1
        await shop.advance(3.01)
        assert (await shop.asked(path, body, key="key-1"))["id"] != first["id"]
        await shop.asked(path, body)
        assert kinds(await shop.effects())[f"{kind}.created"] == before + 3


class TestCreate:
    async def test_it_waits_for_the_payer(self, shop: "Shop") -> None:
        plan = await a_plan(shop)
        made = await a_subscription(shop, plan["id"])
        assert (made["status"], made["custom_id"]) == ("APPROVAL_PENDING", "sub_1")
        path = f"{SUBSCRIPTIONS}/{made['id']}"
        for act in ("suspend", "cancel", "activate"):
            answer = await shop.post(f"{path}/{act}", {"reason": "None"})
            assert issue_of(answer) == (422, "SUBSCRIPTION_STATUS_INVALID")
        url = link_of(made, "approve")
        assert "USD 10.00 / 1 month" in (await shop.control.get(url)).text
        back = await shop.decide(url, "cancel")
        assert "https://shop.example/back?subscription_id=" in back.text
        assert (await shop.got(path))["status"] == "APPROVAL_PENDING"
        assert "https://shop.example/done?subscription_id=" in (await shop.decide(url, "approve")).text
        assert (await shop.decide(url, "approve")).status_code == 409
        shown = await shop.got(path)
        assert shown["status"] == "ACTIVE"
        assert shown["billing_info"]["last_payment"]["amount"] == usd("10.00")
        assert (await shop.control.get(url.replace("BA-", "BA-X"))).status_code == 404

    async def test_with_continue_the_merchant_begins_it(self, shop: "Shop") -> None:
        plan = await a_plan(shop)
        context = {"return_url": "https://shop.example/done", "cancel_url": "https://shop.example/b"}
        path = await active(shop, plan["id"], application_context={**context, "user_action": "CONTINUE"})
        assert (await shop.got(path))["status"] == "APPROVED"
        assert (await shop.post(f"{path}/activate", {"reason": "Go"})).status_code == 204
        assert (await shop.got(path))["status"] == "ACTIVE"
        assert kinds(await shop.effects())["subscription.charged"] == 1

    @pytest.mark.parametrize(
        ("changes", "status", "issue"),
        [
            ({"plan_id": "P-NOBODYS"}, 404, "INVALID_RESOURCE_ID"),
            ({"plan_id": None}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"start_time": "2020-01-01T00:00:00Z"}, 400, "INVALID_PARAMETER_VALUE"),
            ({"start_time": "tomorrow"}, 400, "INVALID_PARAMETER_SYNTAX"),
            ({"quantity": "2"}, 422, "SUBSCRIPTION_CANNOT_HAVE_QUANTITY"),
            ({"custom_id": "x" * 128}, 400, "INVALID_STRING_MAX_LENGTH"),
            ({"application_context": {"return_url": "https://a.example"}}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"plan": {"billing_cycles": [{"sequence": 9}]}}, 422, "INVALID_BILLING_CYCLE_SEQUENCE"),
        ],
    )
    async def test_what_it_refuses(self, shop: "Shop", changes: dict[str, Any], status: int, issue: str) -> None:
        plan = await a_plan(shop)
        answer = await shop.post(SUBSCRIPTIONS, {"plan_id": plan["id"], **changes})
        assert issue_of(answer) == (status, issue)

    async def test_a_subscription_may_have_terms_of_its_own(self, shop: "Shop") -> None:
        plan = await a_plan(shop, quantity_supported=True, taxes={"percentage": "10", "inclusive": False})
        cycles = [{"sequence": 1, "pricing_scheme": {"fixed_price": usd("7.00")}, "total_cycles": 2}]
        path = await active(shop, plan["id"], quantity="3", plan={"billing_cycles": cycles})
        shown = await shop.got(f"{path}?fields=plan")
        assert shown["plan_overridden"] is True
        assert shown["billing_info"]["last_payment"]["amount"] == usd("23.10")
        assert shown["plan"]["billing_cycles"][0]["total_cycles"] == 2
        assert "plan" not in await shop.got(path)

    async def test_they_are_listed_by_when_they_were_made(self, shop: "Shop") -> None:
        plan = await a_plan(shop)
        old = await a_subscription(shop, plan["id"])
        await shop.advance(2)
        new = await a_subscription(shop, plan["id"], custom_id="sub_2")

        async def listed(query: str) -> list[str]:
            return [one["custom_id"] for one in (await shop.got(f"{SUBSCRIPTIONS}?{query}"))["subscriptions"]]

        assert await listed(f"created_after={new['create_time']}") == ["sub_2"]
        assert await listed(f"created_before={old['create_time']}") == ["sub_1"]
        assert await listed(f"plan_ids={plan['id']}&statuses=APPROVAL_PENDING,ACTIVE") == ["sub_1", "sub_2"]
        assert await listed("statuses=ACTIVE") == []
        assert await listed("page_size=1&page=2") == ["sub_2"]


class TestLife:
    async def test_trial_renewals_pause_resume_change_and_end(self, shop: "Shop", receiver: "Receiver") -> None:
        await shop.register(webhook_url=receiver.url)
        product = await a_product(shop)
        trial = cycle(None, 1, trial=True, unit="WEEK", total=1)
        plan = await a_plan(shop, trial, cycle("10.00", 2), product=product)
        dearer = await a_plan(shop, cycle("25.00", 1), product=product)
        path = await active(shop, plan["id"])
        begun = await info(shop, path)
        assert executed(begun) == [1, 0]
        assert "last_payment" not in begun
        await shop.advance(7)
        assert executed(await info(shop, path)) == [1, 1]
        await shop.advance(31)
        assert executed(await info(shop, path)) == [1, 2]
        assert (await shop.post(f"{path}/suspend", {"reason": "Holiday"})).status_code == 204
        await shop.advance(70)
        assert executed(await info(shop, path)) == [1, 2]
        assert (await shop.post(f"{path}/activate", {"reason": "Back"})).status_code == 204
        await shop.advance(31)
        assert executed(await info(shop, path)) == [1, 3]
        revised = await shop.asked(f"{path}/revise", {"plan_id": dearer["id"]}, status=200)
        assert (await shop.got(path))["plan_id"] == plan["id"]
        await shop.decide(link_of(revised, "approve"), "approve")
        shown = await shop.got(path)
        assert shown["plan_id"] == dearer["id"]
        assert executed(shown["billing_info"]) == [1, 0]
        await shop.advance(31)
        assert (await info(shop, path))["last_payment"]["amount"] == usd("25.00")
        assert (await shop.post(f"{path}/cancel", {"reason": "Enough"})).status_code == 204
        assert issue_of(await shop.post(f"{path}/cancel", {"reason": "Again"})) == (422, "SUBSCRIPTION_STATUS_INVALID")
        await shop.advance(90)
        effects = await shop.effects()
        charged = [one for one in effects if one["kind"] == "subscription.charged"]
        assert [(one["reference"], one["amount"]) for one in charged] == [
            ("sub_1:1", 1_000),
            ("sub_1:2", 1_000),
            ("sub_1:3", 1_000),
            ("sub_1:4", 2_500),
        ]
        for kind in ("created", "paused", "resumed", "plan_changed", "canceled"):
            assert kinds(effects)[f"subscription.{kind}"] == 1
        await receiver.wait(10)
        events = [json.loads(one.body) for one in receiver.deliveries]
        assert sorted(Counter(one["event_type"] for one in events).items()) == [
            ("BILLING.SUBSCRIPTION.ACTIVATED", 2),
            ("BILLING.SUBSCRIPTION.CANCELLED", 1),
            ("BILLING.SUBSCRIPTION.CREATED", 1),
            ("BILLING.SUBSCRIPTION.SUSPENDED", 1),
            ("BILLING.SUBSCRIPTION.UPDATED", 1),
            ("PAYMENT.SALE.COMPLETED", 4),
        ]
        sales = [one["resource"] for one in events if one["resource_type"] == "sale"]
        assert {one["custom"] for one in sales} == {"sub_1"}
        assert {one["billing_agreement_id"] for one in sales} == {path.rpartition("/")[2]}
        span = "start_time=2020-01-01T00:00:00Z&end_time=2099-01-01T00:00:00Z"
        listed = (await shop.got(f"{path}/transactions?{span}"))["transactions"]
        assert {one["id"] for one in listed} == {one["id"] for one in sales}
        assert listed[0]["amount_with_breakdown"]["fee_amount"] == usd("0.84")

    async def test_it_begins_when_it_is_asked_to_and_expires_after_its_last_cycle(self, shop: "Shop") -> None:
        plan = await a_plan(shop, cycle("10.00", 1, unit="DAY", total=3))
        now = (await shop.control.get(f"/paypal/accounts/{shop.client_id}/clock")).json()["now"]
        start = datetime.fromtimestamp(int(now) + 5 * DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = await active(shop, plan["id"], start_time=start)
        shown = await shop.got(path)
        assert (shown["status"], shown["start_time"]) == ("ACTIVE", start)
        assert shown["billing_info"]["next_billing_time"] == start
        await shop.advance(4.9)
        assert executed(await info(shop, path)) == [0]
        await shop.advance(2.5)
        assert executed(await info(shop, path)) == [3]
        assert (await shop.got(path))["status"] == "ACTIVE"
        await shop.advance(1)
        assert (await shop.got(path))["status"] == "EXPIRED"
        assert kinds(await shop.effects())["subscription.charged"] == 3

    async def test_failures_are_tried_again_and_suspend_at_the_threshold(
        self, shop: "Shop", receiver: "Receiver"
    ) -> None:
        await shop.register(webhook_url=receiver.url)
        plan = await a_plan(shop)
        path = await active(shop, plan["id"])
        control = f"/paypal/subscriptions/{path.rpartition('/')[2]}"
        await shop.ask(f"{control}/fail-next", times=1, reason="PAYER_CANNOT_PAY")
        await shop.advance(31)
        failed = await info(shop, path)
        assert (failed["failed_payments_count"], failed["outstanding_balance"]) == (1, usd("10.00"))
        assert failed["last_failed_payment"]["reason_code"] == "PAYER_CANNOT_PAY"
        await shop.advance(5)
        paid = await info(shop, path)
        assert (paid["failed_payments_count"], paid["outstanding_balance"]) == (0, usd("0.00"))
        await shop.ask(f"{control}/fail-next", times=2)
        await shop.advance(40)
        assert (await shop.got(path))["status"] == "SUSPENDED"
        answer = await shop.post(f"{path}/activate", {"reason": "Please"})
        assert issue_of(answer) == (422, "SUBSCRIPTION_CANNOT_BE_ACTIVATED")

        async def capture(value: str, key: str | None = None) -> Any:
            body = {"note": "Owed", "capture_type": "OUTSTANDING_BALANCE", "amount": usd(value)}
            return await shop.post(f"{path}/capture", body, key=key)

        assert issue_of(await capture("10.01")) == (422, "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE")
        first, second = await capture("10.00", "key-1"), await capture("10.00", "key-1")
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        assert issue_of(await capture("10.00")) == (422, "ZERO_OUTSTANDING_BALANCE")
        assert (await shop.post(f"{path}/activate", {"reason": "Paid"})).status_code == 204
        references = [one["reference"] for one in await shop.effects(kind="subscription.charged")]
        assert references == ["sub_1:1", "sub_1:2", "sub_1:outstanding:key-1"]
        await receiver.wait(10)
        counted = Counter(json.loads(one.body)["event_type"] for one in receiver.deliveries)
        assert counted["BILLING.SUBSCRIPTION.PAYMENT.FAILED"] == 3
        assert counted["BILLING.SUBSCRIPTION.SUSPENDED"] == 1

    async def test_what_stayed_unpaid_is_taken_with_the_next_cycle(self, shop: "Shop") -> None:
        plan = await a_plan(shop, payment_preferences={"payment_failure_threshold": 0, "setup_fee": usd("3.00")})
        path = await active(shop, plan["id"])
        control = f"/paypal/subscriptions/{path.rpartition('/')[2]}"
        await shop.ask(f"{control}/fail-next", times=3)
        await shop.advance(32)
        await shop.advance(12)
        assert (await info(shop, path))["failed_payments_count"] == 3
        charged = await shop.ask(f"{control}/charge")
        assert charged["billing_info"]["last_payment"]["amount"] == usd("20.00")
        amounts = [(one["reference"], one["amount"]) for one in await shop.effects(kind="subscription.charged")]
        assert amounts == [("sub_1:setup", 300), ("sub_1:1", 1_000), ("sub_1:3", 2_000)]

    async def test_a_change_stays_within_the_product(self, shop: "Shop") -> None:
        plan, other = await a_plan(shop), await a_plan(shop)
        path = await active(shop, plan["id"])
        answer = await shop.post(f"{path}/revise", {"plan_id": other["id"]})
        assert issue_of(answer) == (422, "PLAN_PRODUCT_NOT_COMPATIBLE")
        assert issue_of(await shop.post(f"{path}/revise", {"plan_id": "P-NOBODYS"}))[0] == 404
        revised = await shop.asked(f"{path}/revise", {"plan_id": plan["id"]}, status=200)
        url = link_of(revised, "approve")
        await shop.decide(url, "cancel")
        assert (await shop.decide(url, "approve")).status_code == 200
        assert (await shop.control.get(url)).status_code == 404
