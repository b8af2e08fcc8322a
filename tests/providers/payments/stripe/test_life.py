"""Lives as Stripe tells them, over real HTTP, with callbacks and on the account's own clock."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.providers.payments.stripe.conftest import StripeLab

from onerouter_common.errors import ProviderDeclined
from onerouter_common.ids import PAYMENT_LINK, PLAN, SUBSCRIPTION, new_id
from onerouter_common.money import Money
from onerouter_providers.payments.stripe import webhook
from onerouter_providers.resources import (
    CHARGE,
    PaymentLinkRequest,
    PlanRequest,
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
)
from onerouter_providers.testing.payments_suite import new_key

PRICE, DEARER = Money(49_900, "USD"), Money(99_900, "USD")
DAY_S = 86_400


class Subscriber:
    """One subscription of the account, and what was told of it."""

    def __init__(self, lab: StripeLab, request: SubscriptionRequest, made: ResourceSnapshot) -> None:
        self.lab = lab
        self.request = request
        self.made = made
        self.change = SubscriptionChange(ResourceReference(request.subscription_id, made.provider_id, made.facts))

    @classmethod
    async def of(cls, lab: StripeLab, price: Money = PRICE, **changes: Any) -> "Subscriber":
        plan = PlanRequest(new_id(PLAN), "Gold", price, "month")
        made = await lab.client().create_plan(plan, key=new_key())
        customer = {"name": "Asha Rao", "email": "asha@customer.example"}
        request = SubscriptionRequest(new_id(SUBSCRIPTION), made.provider_id, plan, customer=customer, **changes)
        subscriber = cls(lab, request, await lab.client().create_subscription(request, key=new_key()))
        await lab.approve(subscriber.made)
        return subscriber

    async def shown(self) -> ResourceSnapshot:
        return await self.lab.client().get_subscription(self.change.subscription)

    async def days_pass(self, days: float) -> str:
        await self.lab.advance(days * DAY_S)
        return (await self.shown()).status

    async def charges(self) -> list[Mapping[str, Any]]:
        """In the order of time, by the callbacks alone; of several words about one the last."""
        facts: dict[str, Any] = {}
        told = await self.lab.told("subscription", self.made.provider_id)
        for event in sorted(told, key=lambda one: one.occurred_at):
            facts |= {name: value for name, value in event.object.facts.items() if name.startswith(CHARGE)}
        return sorted(facts.values(), key=lambda one: str(one["at"]))

    async def told(self) -> set[str]:
        return {event.object.status for event in await self.lab.told("subscription", self.made.provider_id)}


async def test_a_whole_life(called: StripeLab) -> None:
    client = called.client()
    one = await Subscriber.of(called, trial_days=7)
    assert (await one.shown()).status == "trialing"
    assert await one.charges() == []
    assert await one.days_pass(8) == "active"
    assert await one.days_pass(31) == "active"
    assert [each["amount_minor"] for each in await one.charges()] == [49_900, 49_900]

    await client.pause_subscription(one.change, key=new_key())
    assert await one.days_pass(62) == "paused"
    assert len(await one.charges()) == 2
    await client.resume_subscription(one.change, key=new_key())
    assert await one.days_pass(31) == "active"
    assert len(await one.charges()) == 3

    plan = await client.create_plan(PlanRequest(new_id(PLAN), "Platinum", DEARER, "month"), key=new_key())
    other = SubscriptionChange(one.change.subscription, provider_plan_id=plan.provider_id, prorate=False)
    changed = await client.change_subscription_plan(other, key=new_key())
    assert changed.facts["provider_plan_id"] == plan.provider_id
    assert await one.days_pass(31) == "active"
    assert (await one.charges())[-1]["amount_minor"] == DEARER.amount_minor

    done = await client.cancel_subscription(one.change, key=new_key())
    charged = await one.charges()
    assert done.status == "canceled"
    assert await one.days_pass(62) == "canceled"
    assert await one.charges() == charged
    assert await one.told() >= {"trialing", "active", "paused", "canceled", "unchanged"}


async def test_it_ends_when_all_its_cycles_were_charged(called: StripeLab) -> None:
    one = await Subscriber.of(called, total_count=3)
    assert await one.days_pass(33) == "active"
    assert await one.days_pass(150) == "completed"
    assert [each["status"] for each in await one.charges()] == ["succeeded"] * 3
    assert "completed" in await one.told()


async def test_a_charge_that_fails_and_then_goes_through(called: StripeLab) -> None:
    one = await Subscriber.of(called)
    await called.ask(f"/stripe/subscriptions/{one.made.provider_id}/next-charge", outcome="failure")
    assert await one.days_pass(32) == "past_due"
    assert [each["status"] for each in await one.charges()] == ["succeeded", "failed"]
    await called.ask(f"/stripe/subscriptions/{one.made.provider_id}/next-charge", outcome="success")
    assert await one.days_pass(10) == "active"
    assert [each["status"] for each in await one.charges()] == ["succeeded", "succeeded"]


async def test_a_dearer_plan_that_cannot_be_paid_is_declined_and_changes_nothing(called: StripeLab) -> None:
    one = await Subscriber.of(called)
    client = called.client()
    yearly = PlanRequest(new_id(PLAN), "Forever", Money(499_900, "USD"), "year")
    plan = await client.create_plan(yearly, key=new_key())
    await called.ask(f"/stripe/subscriptions/{one.made.provider_id}/next-charge", outcome="failure")
    change = SubscriptionChange(one.change.subscription, provider_plan_id=plan.provider_id)
    with pytest.raises(ProviderDeclined) as caught:
        await client.change_subscription_plan(change, key=new_key())
    assert caught.value.reason == "card_declined"
    assert (await one.shown()).facts["provider_plan_id"] == one.request.provider_plan_id


@pytest.mark.parametrize(("outcome", "status"), [("success", "paid"), ("failure", "canceled")])
async def test_a_link_paid_from_a_bank_account_waits_for_the_bank(called: StripeLab, outcome: str, status: str) -> None:
    request = PaymentLinkRequest(new_id(PAYMENT_LINK), PRICE, "A chair")
    made = await called.client().create_payment_link(request, key=new_key())
    reference = ResourceReference(request.link_id, made.provider_id)
    visit = await called.ask(f"/stripe/payment_links/{made.provider_id}/pay", outcome="processing")
    waiting = await called.client().get_payment_link(reference)
    assert (waiting.status, "amount_paid_minor" in waiting.facts) == ("created", False)
    await called.ask(f"/stripe/payments/{visit['session']}/pay", outcome=outcome)
    shown = await called.client().get_payment_link(reference)
    assert shown.status == status
    assert status in {event.object.status for event in await called.told("payment_link", made.provider_id)}


async def test_a_dispute_is_opened_and_lost(called: StripeLab) -> None:
    payment = await called.paid_payment(PRICE)
    opened = await called.ask(f"/stripe/payments/{payment.provider_payment_id}/dispute", reason="fraudulent")
    await called.ask(f"/stripe/disputes/{opened['id']}/resolve", status="lost")
    told = sorted(await called.told("dispute", opened["id"]), key=lambda one: one.occurred_at)
    assert {event.object.payment_id for event in told} == {payment.provider_payment_id}
    assert {event.object.status for event in told} == {"needs_response", "lost"}
    assert {event.object.facts["reason"] for event in told} == {"fraudulent"}


async def test_each_event_of_a_life_is_followed_or_left_on_purpose(called: StripeLab) -> None:
    """What the manifest asks to be sent is what is read, and nothing that is sent cannot be read."""
    one = await Subscriber.of(called)
    await called.client().cancel_subscription(one.change, key=new_key())
    await called.told("subscription", one.made.provider_id)
    came = called.inbox.came[called.account_id]
    kinds = {webhook.identify(body, headers)[1] for headers, body in came}
    assert {"customer.subscription.created", "customer.subscription.deleted", "invoice.paid"} <= kinds
    for headers, body in came:
        webhook.parse(body, headers)
