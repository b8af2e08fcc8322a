"""What is Razorpay's own of subscriptions: trials by the start, no endless one, pauses that would end, plans that wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderRefusedUs,
)
from onerouter_common.ids import PLAN, SUBSCRIPTION, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.razorpay import recurring
from onerouter_providers.resources import (
    PlanRequest,
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
)
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import RazorpayLab

DAY_S = 86_400
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def plan(**changes: Any) -> PlanRequest:
    given = {"plan_id": new_id(PLAN), "name": "Gold", "amount": Money(49_900, "INR"), "interval": "month"}
    return PlanRequest(**{**given, **changes})


def subscription(**changes: Any) -> SubscriptionRequest:
    given = {"subscription_id": new_id(SUBSCRIPTION), "provider_plan_id": "plan_1", "total_count": 12}
    return SubscriptionRequest(**{**given, **changes})


async def made_in(
    lab: "RazorpayLab", *, authorize: str | None = "card", **changes: Any
) -> tuple[SubscriptionChange, ResourceSnapshot]:
    """A subscription whose payer has agreed, unless `authorize` (with which method) says otherwise."""
    price = await lab.client().create_plan(plan(), key=new_key())
    wanted = subscription(provider_plan_id=price.provider_id, **changes)
    made = await lab.client().create_subscription(wanted, key=new_key())
    if authorize is not None:
        await lab.ask(f"/razorpay/subscriptions/{made.provider_id}/authorize", method=authorize)
    return SubscriptionChange(ResourceReference(wanted.subscription_id, made.provider_id)), made


class TestStartAt:
    @pytest.mark.parametrize(
        ("request_", "after"),
        [
            (subscription(), None),
            (subscription(trial_days=7), timedelta(days=7)),
            (subscription(plan=plan(trial_days=14)), timedelta(days=14)),
            (subscription(plan=plan(trial_days=14), trial_days=3), timedelta(days=3)),
            (subscription(start_at=NOW + timedelta(days=2)), timedelta(days=2)),
            (subscription(start_at=NOW + timedelta(days=2), trial_days=7), timedelta(days=9)),
            (subscription(start_at=NOW - timedelta(days=2)), None),
            (subscription(start_at=NOW - timedelta(days=2), trial_days=7), timedelta(days=7)),
        ],
    )
    def test_free_days_count_from_the_start(self, request_: SubscriptionRequest, after: timedelta | None) -> None:
        begins = recurring.start_at(request_, NOW.timestamp())
        assert begins == (None if after is None else int((NOW + after).timestamp()))


class TestPlanBody:
    def test_it_says_what_is_charged_and_how_often(self) -> None:
        wanted = plan(interval="week", interval_count=2, description="Chairs", notes={"tier": "1"}, trial_days=7)
        assert recurring.plan_body(wanted) == {
            "period": "weekly",
            "interval": 2,
            "item": {"name": "Gold", "amount": 49_900, "currency": "INR", "description": "Chairs"},
            "notes": {"onerouter_id": wanted.plan_id, "tier": "1"},
        }

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"interval": "day", "interval_count": 6}, "interval_count"),
            ({"amount": Money(99, "INR")}, "amount"),
            ({"notes": {"onerouter_id": "forged"}}, "notes"),
        ],
    )
    def test_what_razorpay_does_not_take_is_named(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            recurring.plan_body(plan(**changes))
        assert caught.value.errors[0].field == field


class TestCreateSubscription:
    @pytest.mark.parametrize(
        ("period", "interval", "cycles"),
        [("daily", 7, 5_214), ("weekly", 1, 5_200), ("monthly", 3, 400), ("yearly", 1, 100), ("yearly", 200, 1)],
    )
    def test_the_longest_runs_for_a_century(self, period: str, interval: int, cycles: int) -> None:
        assert recurring.most_cycles(period, interval) == cycles

    @pytest.mark.parametrize("knows_plan", [True, False])
    async def test_one_without_an_end_gets_the_longest(self, lab: "RazorpayLab", knows_plan: bool) -> None:
        price = plan(interval_count=3)
        made = await lab.client().create_plan(price, key=new_key())
        wanted = subscription(provider_plan_id=made.provider_id, total_count=None, plan=price if knows_plan else None)
        shown = await lab.client().create_subscription(wanted, key=new_key())
        assert shown.facts["remaining_count"] == 400

    async def test_a_trial_begins_when_the_payer_agrees_and_ends_at_the_start(self, lab: "RazorpayLab") -> None:
        change, made = await made_in(lab, trial_days=7)
        shown = await lab.client().get_subscription(change.subscription)
        assert shown.status == "trialing"
        ends = datetime.fromisoformat(str(shown.facts["trial_end"]))
        assert abs(ends - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
        assert made.status == "pending_authorization"


class TestPauseSubscription:
    async def test_one_that_has_not_begun_is_not_paused_as_that_would_end_it(self, lab: "RazorpayLab") -> None:
        change, _ = await made_in(lab, trial_days=7)
        with pytest.raises(Conflict, match="trialing"):
            await lab.client().pause_subscription(change, key=new_key())
        assert (await lab.client().get_subscription(change.subscription)).status == "trialing"

    async def test_the_cycles_end_is_not_a_moment_razorpay_knows(self, lab: "RazorpayLab") -> None:
        change, _ = await made_in(lab, authorize=None)
        with pytest.raises(CapabilityUnsupported):
            await lab.client().pause_subscription(replace(change, at_cycle_end=True), key=new_key())


class TestChangeSubscriptionPlan:
    async def test_without_proration_it_waits_for_the_cycles_end(self, lab: "RazorpayLab") -> None:
        change, made = await made_in(lab)
        dearer = await lab.client().create_plan(plan(amount=Money(99_900, "INR")), key=new_key())
        wanted = replace(change, provider_plan_id=dearer.provider_id, prorate=False)
        done = await lab.client().change_subscription_plan(wanted, key=new_key())
        assert done.facts["provider_plan_id"] == made.facts["provider_plan_id"]
        assert done.facts["pending_provider_plan_id"] == dearer.provider_id
        again = await lab.client().change_subscription_plan(wanted, key=new_key())
        shown = await lab.client().get_subscription(change.subscription)
        assert again.facts["pending_provider_plan_id"] == shown.facts["pending_provider_plan_id"] == dearer.provider_id
        assert await lab.effects("subscription.change_plan", change.subscription.id) == 1
        await lab.advance(32 * DAY_S)
        assert (await lab.client().get_subscription(change.subscription)).facts[
            "provider_plan_id"
        ] == dearer.provider_id

    async def test_back_to_the_plan_that_holds_nothing_waits_any_more(self, lab: "RazorpayLab") -> None:
        change, made = await made_in(lab)
        client, first = lab.client(), str(made.facts["provider_plan_id"])
        dearer = await client.create_plan(plan(amount=Money(99_900, "INR")), key=new_key())
        later = replace(change, provider_plan_id=dearer.provider_id, at_cycle_end=True)
        await client.change_subscription_plan(later, key=new_key())
        for _ in range(2):
            done = await client.change_subscription_plan(replace(later, provider_plan_id=first), key=new_key())
            assert done.facts["provider_plan_id"] == first
            assert "pending_provider_plan_id" not in done.facts
        await lab.advance(32 * DAY_S)
        shown = await client.get_subscription(change.subscription)
        assert (shown.facts["provider_plan_id"], shown.facts["paid_count"]) == (first, 2)

    @pytest.mark.parametrize("method", ["upi", "domestic_card"])
    async def test_a_mandate_that_cannot_be_changed_says_what_to_do(self, lab: "RazorpayLab", method: str) -> None:
        change, _ = await made_in(lab, authorize=method)
        dearer = await lab.client().create_plan(plan(amount=Money(99_900, "INR")), key=new_key())
        wanted = replace(change, provider_plan_id=dearer.provider_id)
        with pytest.raises(CapabilityUnsupported, match="Stripe and PayPal"):
            await lab.client().change_subscription_plan(wanted, key=new_key())

    async def test_one_that_nobody_agreed_to_cannot_be_changed(self, lab: "RazorpayLab") -> None:
        change, _ = await made_in(lab, authorize=None)
        dearer = await lab.client().create_plan(plan(amount=Money(99_900, "INR")), key=new_key())
        with pytest.raises(ProviderDeclined) as caught:
            await lab.client().change_subscription_plan(
                replace(change, provider_plan_id=dearer.provider_id), key=new_key()
            )
        assert caught.value.reason == "invalid_state"


class TestGetSubscription:
    async def test_charges_that_no_callback_told_are_read_and_those_that_one_did_are_left(
        self, lab: "RazorpayLab"
    ) -> None:
        change, _ = await made_in(lab)
        await lab.advance(32 * DAY_S)
        shown = await lab.client().get_subscription(change.subscription)
        charges = {name: fact for name, fact in shown.facts.items() if name.startswith("charge:")}
        assert len(charges) == 2
        told = replace(change.subscription, facts=dict(list(charges.items())[:1]))
        again = await lab.client().get_subscription(told)
        assert {name for name in again.facts if name.startswith("charge:")} == set(charges) - set(told.facts)

    async def test_a_failed_renewal_is_past_due_then_unpaid(self, lab: "RazorpayLab") -> None:
        change, made = await made_in(lab)
        await lab.ask(f"/razorpay/subscriptions/{made.provider_id}/next_charges")
        await lab.advance(31 * DAY_S)
        statuses = {(await lab.client().get_subscription(change.subscription)).status}
        await lab.advance(5 * DAY_S)
        statuses.add((await lab.client().get_subscription(change.subscription)).status)
        assert statuses <= {"past_due", "unpaid"}
        assert "unpaid" in statuses
        told = [event.object for event in await lab.told("subscription", made.provider_id)]
        assert {"past_due", "unpaid"} <= {each.status for each in told}


class TestCancelSubscription:
    async def test_what_is_over_already_says_so(self, lab: "RazorpayLab") -> None:
        change, _ = await made_in(lab, total_count=1)
        await lab.advance(40 * DAY_S)
        assert (await lab.client().get_subscription(change.subscription)).status == "completed"
        with pytest.raises((ProviderDeclined, ProviderRefusedUs)):
            await lab.client().cancel_subscription(change, key=new_key())


class TestLife:
    async def test_from_trial_to_end_answers_and_callbacks_agree(self, lab: "RazorpayLab") -> None:
        """Trial, first charge, renewal, pause, resumption, another plan, the end of its last cycle."""
        change, made = await made_in(lab, trial_days=7)
        client, seen = lab.client(), ["trialing"]

        async def see() -> ResourceSnapshot:
            shown = await client.get_subscription(change.subscription)
            seen.append(shown.status)
            return shown

        await lab.advance(8 * DAY_S)
        assert (await see()).facts["paid_count"] == 1
        await lab.advance(31 * DAY_S)
        assert (await see()).facts["paid_count"] == 2
        await client.pause_subscription(change, key=new_key())
        await lab.advance(40 * DAY_S)
        assert (await see()).facts["paid_count"] == 2
        await client.resume_subscription(change, key=new_key())
        dearer = await client.create_plan(plan(amount=Money(99_900, "INR")), key=new_key())
        await client.change_subscription_plan(replace(change, provider_plan_id=dearer.provider_id), key=new_key())
        assert (await see()).facts["provider_plan_id"] == dearer.provider_id
        await client.cancel_subscription(replace(change, at_cycle_end=True), key=new_key())
        await see()
        await lab.advance(32 * DAY_S)
        await see()
        assert seen == ["trialing", "active", "active", "paused", "active", "active", "canceled"]
        told = await lab.told("subscription", made.provider_id)
        assert {event.object.reference for event in told} == {change.subscription.id, None}
        moves = [event for event in told if event.type not in ("subscription.charged", "invoice.paid")]
        assert [event.object.status for event in moves] == [
            "trialing",
            "active",
            "paused",
            "active",
            "active",
            "canceled",
        ]
        charged = {name for event in told for name in event.object.facts if name.startswith("charge:")}
        assert len(charged) == 3  # two cycles, and the difference between the plans
        assert charged == {name for name in (await see()).facts if name.startswith("charge:")}
