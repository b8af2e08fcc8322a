"""What is done with subscriptions at once, and what waits for the end of their cycle."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onerouter_common.contracts.payment_resources import (
    CancelSubscription,
    ChangeSubscriptionPlan,
    PauseSubscription,
    ResumeSubscription,
)
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.worker.handler import Failed, Idempotency, Succeeded
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.state import Resource
from onerouter_payments.resource.subscriptions import (
    SubscriptionCancel,
    SubscriptionChangePlan,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_providers.resources import ResourceSnapshot, SubscriptionChange

from ..examples import NOW, FakeConnection, FixedClock, a_resource, an_operation

ENDS = "2026-03-31T00:00:00.000Z"
CLOCK = FixedClock(NOW)
NATIVE = FakeConnection(
    capabilities={
        "subscription.cancel": Idempotency.LOOKUP,
        "subscription.cancel_at_cycle_end": Idempotency.LOOKUP,
        "subscription.pause": Idempotency.LOOKUP,
    }
)
PLAIN = FakeConnection(
    capabilities={"subscription.cancel": Idempotency.LOOKUP, "subscription.pause": Idempotency.LOOKUP}
)


def told(status: str, **facts: Any) -> ResourceSnapshot:
    return ResourceSnapshot(status, "sub_at_provider", facts={"current_period_end": ENDS, **facts})


def subscription(status: str = "active", **facts: Any) -> Resource:
    word = replace(told(status, **facts), as_of=NOW - timedelta(seconds=1))
    return observe(a_resource(KINDS["subscription"]), word, NOW).resource


class Client:
    """Notes what it is asked."""

    def __init__(self, answer: ResourceSnapshot) -> None:
        self.answer = answer
        self.asked: list[tuple[str, object]] = []

    async def get_subscription(self, reference: object) -> ResourceSnapshot:
        self.asked.append(("get", reference))
        return self.answer

    async def _change(self, what: str, change: SubscriptionChange) -> ResourceSnapshot:
        self.asked.append((what, change))
        return self.answer

    async def cancel_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        return await self._change("cancel", change)

    async def pause_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        return await self._change("pause", change)

    async def resume_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        return await self._change("resume", change)


async def carried_out(
    handler: Any, command: Any, resource: Resource, connection: FakeConnection, client: Client
) -> Any:
    """Begin, call and settle, as the heart does."""
    op = an_operation(handler.name, resource.id)
    begun = handler.begin(op, command, resource, connection)
    result = await handler.call(client, begun.request, "key")
    return handler.settle(op, command, begun.resource, Succeeded(result))


class TestAtTheEndOfTheCycle:
    @pytest.mark.parametrize(
        ("handler", "command", "note"),
        [
            (SubscriptionCancel(CLOCK), CancelSubscription, "cancel_at"),
            (SubscriptionPause(CLOCK), PauseSubscription, "pause_at"),
        ],
    )
    async def test_what_the_provider_cannot_do_then_is_due_then_with_us(
        self, handler: Any, command: Any, note: str
    ) -> None:
        resource, client = subscription(), Client(told("active"))
        asked = command(subscription_id=resource.id, at_cycle_end=True, reason="moved")
        settled = await carried_out(handler, asked, resource, PLAIN, client)
        assert [what for what, _ in client.asked] == ["get"], "nothing may be changed yet"
        assert settled.view[note] == ENDS
        [follow] = settled.commands
        assert (follow.operation, follow.not_before.isoformat()) == (handler.name, "2026-03-30T23:45:00+00:00")
        assert follow.payload == command(subscription_id=resource.id, reason="moved", scheduled_for=ENDS)
        again = handler.settle(
            an_operation(handler.name, resource.id), asked, settled.resource, Succeeded(told("active"))
        )
        assert again.events == ()
        assert [draft.cause for draft in again.commands] != [follow.cause], "asked for anew, it is planned anew"

    async def test_what_the_provider_does_then_is_left_to_it(self) -> None:
        resource, client = subscription(), Client(told("active", cancel_at_cycle_end=True))
        asked = CancelSubscription(subscription_id=resource.id, at_cycle_end=True)
        settled = await carried_out(SubscriptionCancel(CLOCK), asked, resource, NATIVE, client)
        assert [what for what, _ in client.asked] == ["cancel"]
        assert settled.commands == ()
        assert (settled.view["cancel_at_cycle_end"], settled.view["cancel_at"]) == (True, None)

    async def test_when_it_is_due_it_is_done_and_the_note_goes(self) -> None:
        noted = replace(subscription(), data={"pause_at": ENDS})
        client = Client(told("paused"))
        due = PauseSubscription(subscription_id=noted.id, scheduled_for=ENDS)
        settled = await carried_out(SubscriptionPause(CLOCK), due, noted, PLAIN, client)
        assert [what for what, _ in client.asked] == ["pause"]
        assert (settled.view["status"], settled.view["pause_at"]) == ("paused", None)
        assert [event.type for event in settled.events] == ["subscription.paused"]

    @pytest.mark.parametrize("data", [{}, {"pause_at": "2026-04-30T00:00:00.000Z"}])
    def test_what_was_taken_back_or_moved_is_not_done(self, data: dict[str, str]) -> None:
        resource = replace(subscription(), data=data)
        due = PauseSubscription(subscription_id=resource.id, scheduled_for=ENDS)
        with pytest.raises(Conflict):
            SubscriptionPause(CLOCK).begin(an_operation("subscription.pause", resource.id), due, resource, PLAIN)

    def test_what_was_refused_when_it_was_due_is_not_planned_any_more(self) -> None:
        noted = replace(subscription(), data={"pause_at": ENDS})
        handler, op = SubscriptionPause(CLOCK), an_operation("subscription.pause", noted.id)
        due = PauseSubscription(subscription_id=noted.id, scheduled_for=ENDS)
        settled = handler.settle(op, due, noted, Failed(Conflict("no")))
        assert [event.type for event in settled.events] == ["subscription.updated"]
        assert (settled.events[0].data["pause_at"], settled.view) == (None, None)
        other = replace(noted, data={"pause_at": "2026-04-30T00:00:00.000Z"})
        assert handler.settle(op, due, other, Failed(Conflict("no"))).resource is None

    async def test_a_cycle_that_moved_meanwhile_is_waited_for(self) -> None:
        later = "2026-04-15T00:00:00.000Z"
        noted = replace(subscription(current_period_end=later), data={"pause_at": ENDS})
        client = Client(told("active", current_period_end=later))
        due = PauseSubscription(subscription_id=noted.id, scheduled_for=ENDS)
        settled = await carried_out(SubscriptionPause(CLOCK), due, noted, PLAIN, client)
        assert [what for what, _ in client.asked] == ["get"]
        assert (settled.view["status"], settled.view["pause_at"]) == ("active", later)
        assert [draft.payload.scheduled_for for draft in settled.commands] == [later]

    def test_an_end_that_nobody_knows_cannot_be_waited_for(self) -> None:
        word = ResourceSnapshot("active", "sub_at_provider", as_of=NOW)
        resource = observe(a_resource(KINDS["subscription"]), word, NOW).resource
        asked = CancelSubscription(subscription_id=resource.id, at_cycle_end=True)
        with pytest.raises(Conflict, match="does not say when"):
            SubscriptionCancel(CLOCK).begin(an_operation("subscription.cancel", resource.id), asked, resource, PLAIN)
        SubscriptionCancel(CLOCK).begin(an_operation("subscription.cancel", resource.id), asked, resource, NATIVE)

    async def test_one_paused_elsewhere_meanwhile_is_resumed(self) -> None:
        noted = replace(subscription(), data={"pause_at": ENDS})
        client = Client(told("paused"))
        await carried_out(SubscriptionResume(CLOCK), ResumeSubscription(subscription_id=noted.id), noted, PLAIN, client)
        assert [what for what, _ in client.asked] == ["get", "resume"]

    async def test_a_planned_pause_is_taken_back_without_asking_for_a_change(self) -> None:
        noted = replace(subscription(), data={"pause_at": ENDS})
        client = Client(told("active"))
        asked = ResumeSubscription(subscription_id=noted.id)
        settled = await carried_out(SubscriptionResume(CLOCK), asked, noted, PLAIN, client)
        assert [what for what, _ in client.asked] == ["get"]
        assert settled.view["pause_at"] is None


class TestRefusals:
    def begin(self, handler: Any, command: Any, resource: Resource | None) -> None:
        id_ = "sub_x" if resource is None else resource.id
        handler.begin(an_operation(handler.name, id_), command, resource, NATIVE)

    @pytest.mark.parametrize("status", ["canceled", "completed", "expired"])
    def test_what_has_ended_is_not_changed(self, status: str) -> None:
        resource = subscription(status)
        for handler, command in (
            (SubscriptionCancel(CLOCK), CancelSubscription(subscription_id=resource.id)),
            (SubscriptionPause(CLOCK), PauseSubscription(subscription_id=resource.id)),
            (SubscriptionResume(CLOCK), ResumeSubscription(subscription_id=resource.id)),
            (
                SubscriptionChangePlan(CLOCK),
                ChangeSubscriptionPlan(subscription_id=resource.id, provider_plan_id="plan_2"),
            ),
        ):
            with pytest.raises(Conflict):
                self.begin(handler, command, resource)

    def test_one_nobody_has_agreed_to_can_only_be_canceled_at_once(self) -> None:
        resource = subscription("pending_authorization")
        self.begin(SubscriptionCancel(CLOCK), CancelSubscription(subscription_id=resource.id), resource)
        with pytest.raises(Conflict):
            at_end = CancelSubscription(subscription_id=resource.id, at_cycle_end=True)
            self.begin(SubscriptionCancel(CLOCK), at_end, resource)
        with pytest.raises(Conflict):
            self.begin(SubscriptionPause(CLOCK), PauseSubscription(subscription_id=resource.id), resource)

    def test_what_is_not_paused_is_not_resumed(self) -> None:
        resource = subscription()
        with pytest.raises(Conflict, match="nothing to resume"):
            self.begin(SubscriptionResume(CLOCK), ResumeSubscription(subscription_id=resource.id), resource)

    def test_another_tenants_is_not_found(self) -> None:
        resource = replace(subscription(), tenant_id="ten_2")
        for found in (resource, None, a_resource(KINDS["plan"])):
            with pytest.raises(NotFound):
                self.begin(SubscriptionPause(CLOCK), PauseSubscription(subscription_id="sub_x"), found)


class TestChangeOfPlan:
    def settle(self, answer: ResourceSnapshot) -> Any:
        resource = replace(subscription(provider_plan_id="plan_1"), data={"plan_id": "plan_ours_1"})
        command = ChangeSubscriptionPlan(
            subscription_id=resource.id, provider_plan_id="plan_2", plan_id="plan_ours_2", prorate=False
        )
        handler = SubscriptionChangePlan(CLOCK)
        op = an_operation(handler.name, resource.id)
        return handler.settle(op, command, resource, Succeeded(replace(answer, as_of=NOW)))

    def test_it_holds_at_once(self) -> None:
        view = self.settle(told("active", provider_plan_id="plan_2")).view
        assert (view["plan_id"], view["pending_plan_id"], view["provider_plan_id"]) == ("plan_ours_2", None, "plan_2")

    def test_it_waits_for_the_payer_or_the_cycle(self) -> None:
        settled = self.settle(told("active", provider_plan_id="plan_1", pending_provider_plan_id="plan_2"))
        assert (settled.view["plan_id"], settled.view["pending_plan_id"]) == ("plan_ours_1", "plan_ours_2")
        word = replace(told("active", provider_plan_id="plan_2"), as_of=NOW + timedelta(days=3))
        later = observe(settled.resource, word, NOW).resource
        view = later.kind.view(later)
        assert (view["plan_id"], view["pending_plan_id"]) == ("plan_ours_2", None)

    def test_a_refusal_changes_nothing(self) -> None:
        resource = subscription()
        handler = SubscriptionChangePlan(CLOCK)
        command = ChangeSubscriptionPlan(subscription_id=resource.id, provider_plan_id="plan_2")
        op = an_operation(handler.name, resource.id)
        settled = handler.settle(op, command, resource, Failed(Conflict("no")))
        assert (settled.resource, settled.events) == (None, ())
