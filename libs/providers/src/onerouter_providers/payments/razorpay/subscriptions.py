"""Subscriptions. No call of theirs takes a key: a creation is found by its note, a change is told by the object itself."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.razorpay import fields, recurring
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.plans import PLANS
from onerouter_providers.payments.razorpay.wire import in_doubt, segment, strange
from onerouter_providers.resources import (
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
    SubscriptionStatus,
)

SUBSCRIPTIONS: Final = "/v1/subscriptions"
INVOICES: Final = "/v1/invoices"
NO_CHANGE: Final = (
    "Razorpay does not change a subscription that is paid by UPI, e-mandate or an Indian card: cancel it at the cycle's end "
    "and create one on the new plan. Stripe and PayPal change plans."
)
NO_PAUSE_AT_CYCLE_END: Final = "Razorpay pauses a subscription at once or not at all."


class Subscriptions(Part):
    async def create_subscription(self, request: SubscriptionRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Waits for the payer at `approve_url`."""
        deadline = self._wire.deadline()
        cycles = request.total_count or await self._most_cycles(request, deadline)
        body = recurring.subscription_body(request, total_count=cycles, now_s=self._now())
        made = await self._wire.post("subscription.create", SUBSCRIPTIONS, body, deadline)
        if not made.get("id"):
            raise strange("subscription.create", "a subscription without an id", effect=True)
        return recurring.subscription_snapshot(made)

    async def find_subscription(self, request: SubscriptionRequest) -> ResourceSnapshot | None:
        deadline = self._wire.deadline()
        params = {"plan_id": request.provider_plan_id}
        found = await self._noted("subscription.find", SUBSCRIPTIONS, params, request.subscription_id, deadline)
        return None if found is None else recurring.subscription_snapshot(found)

    async def get_subscription(self, reference: ResourceReference) -> ResourceSnapshot:
        """With the plan that waits, and the charges so far: what callbacks that never came would have told."""
        deadline = self._wire.deadline()
        shown = await self._read("subscription.get", reference, deadline)
        more: dict[str, Any] = {}
        pending = await self._pending("subscription.get", shown, reference, deadline)
        if pending is not None:
            more["pending_provider_plan_id"] = fields.text(pending, "plan_id")
        if fields.whole(shown, "paid_count"):
            params = {"subscription_id": reference.provider_id}
            invoices = await self._wire.page("subscription.get", INVOICES, params, deadline)
            charges = recurring.charges_of_invoices(list(invoices))
            # What a callback has told already it told better: of the payment itself.
            more |= {name: charge for name, charge in charges.items() if name not in reference.facts}
        return recurring.subscription_snapshot(shown, **fields.known(**more))

    async def cancel_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Razorpay shows nothing of a cancellation that waits for the cycle's end: that it was taken is all we know."""
        body = {"cancel_at_cycle_end": change.at_cycle_end}
        done = await self._change("subscription.cancel", change.subscription, "cancel", body, "canceled")
        if change.at_cycle_end and done.status != "canceled":
            return recurring.with_facts(done, cancel_at_cycle_end=True)
        return done

    async def pause_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """Only what is charged already can be paused: Razorpay takes the pause of one that has not begun as its end."""
        if change.at_cycle_end:
            raise CapabilityUnsupported(NO_PAUSE_AT_CYCLE_END)
        deadline = self._wire.deadline()
        shown = recurring.subscription_snapshot(await self._read("subscription.pause", change.subscription, deadline))
        if shown.status == "paused":
            return shown
        if shown.status != "active":
            raise Conflict(f"Razorpay pauses only an active subscription; this one is {shown.status}.")
        return await self._change("subscription.pause", change.subscription, "pause", {"pause_at": "now"}, "paused")

    async def resume_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        return await self._change("subscription.resume", change.subscription, "resume", {"resume_at": "now"}, "active")

    async def change_subscription_plan(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """At once, Razorpay settles the difference; without proration the new plan holds from the next cycle on.

        Back to the plan that still holds: the change that waits is taken back.
        """
        if change.provider_plan_id is None:
            raise InvalidRequest.of("new_plan_id", "is required")
        capability, deadline = "subscription.change_plan", self._wire.deadline()
        before = await self._read(capability, change.subscription, deadline)
        pending = await self._pending(capability, before, change.subscription, deadline)
        if _fits(change, pending or before):
            return self._changed(change, before)
        path = _path(change.subscription)
        if pending is not None and _fits(change, before):
            return self._changed(
                change, await self._wire.post(capability, f"{path}/cancel_scheduled_changes", {}, deadline)
            )
        body = {
            "plan_id": change.provider_plan_id,
            "schedule_change_at": "cycle_end" if change.at_cycle_end or not change.prorate else "now",
            **fields.known(quantity=change.quantity),
        }
        try:
            return self._changed(change, await self._wire.patch(capability, path, body, deadline))
        except ProviderDeclined as declined:
            if declined.reason != "unsupported_operation":
                raise
            raise CapabilityUnsupported(NO_CHANGE) from declined

    async def _change(
        self,
        capability: str,
        reference: ResourceReference,
        act: str,
        body: Mapping[str, Any],
        wanted: SubscriptionStatus,
    ) -> ResourceSnapshot:
        """Refused, but it is so already: that is the answer, whoever did it."""
        deadline = self._wire.deadline()
        path = f"{_path(reference)}/{act}"
        try:
            return recurring.subscription_snapshot(await self._wire.post(capability, path, body, deadline))
        except (ProviderDeclined, ProviderRefusedUs):
            try:
                shown = recurring.subscription_snapshot(await self._read(capability, reference, deadline))
            except (ProviderThrottled, ProviderUnavailable) as error:
                raise in_doubt(
                    error, "Razorpay refused, perhaps because it is so already, and cannot be asked."
                ) from error
            if shown.status != wanted:
                raise
            return shown

    def _changed(self, change: SubscriptionChange, after: Mapping[str, Any]) -> ResourceSnapshot:
        if after.get("plan_id") == change.provider_plan_id:
            return recurring.subscription_snapshot(after)
        return recurring.subscription_snapshot(after, pending_provider_plan_id=change.provider_plan_id)

    async def _read(self, capability: str, reference: ResourceReference, deadline: float) -> Mapping[str, Any]:
        return await self._wire.get(capability, _path(reference), deadline)

    async def _pending(
        self, capability: str, shown: Mapping[str, Any], reference: ResourceReference, deadline: float
    ) -> Mapping[str, Any] | None:
        """The subscription as a change that waits will make it; None when none waits."""
        if shown.get("has_scheduled_changes") is not True:
            return None
        return await self._wire.get(capability, f"{_path(reference)}/retrieve_scheduled_changes", deadline)

    async def _most_cycles(self, request: SubscriptionRequest, deadline: float) -> int:
        if request.plan is not None:
            return recurring.most_cycles(recurring.PERIODS[request.plan.interval], request.plan.interval_count)
        path = f"{PLANS}/{segment(request.provider_plan_id, 'plan')}"
        plan = await self._wire.get("subscription.create", path, deadline)
        return recurring.most_cycles(fields.text(plan, "period"), fields.whole(plan, "interval"))


def _path(reference: ResourceReference) -> str:
    return f"{SUBSCRIPTIONS}/{segment(reference.provider_id, 'subscription')}"


def _fits(change: SubscriptionChange, shown: Mapping[str, Any]) -> bool:
    """Whether a subscription is as the change wants it."""
    wanted = change.quantity
    same = wanted is None or fields.whole(shown, "quantity") == wanted
    return same and shown.get("plan_id") == change.provider_plan_id
