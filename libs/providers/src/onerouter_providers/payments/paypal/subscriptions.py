"""PayPal's subscriptions: the payer agrees on PayPal's page, also to another plan; PayPal charges by itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, ProviderDeclined, ProviderRefusedUs
from onerouter_providers.payments.paypal import billing
from onerouter_providers.payments.paypal.part import Part, after_refusal, after_success
from onerouter_providers.payments.paypal.wire import segment, strange
from onerouter_providers.resources import (
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
)

_SUBSCRIPTIONS: Final = "/v1/billing/subscriptions"
_AT_ONCE: Final = "PayPal cancels and pauses subscriptions at once, never at the end of a cycle."


class Subscriptions(Part):
    """`RunsSubscriptions`, without changes at a cycle's end."""

    async def create_subscription(self, request: SubscriptionRequest, *, key: str) -> ResourceSnapshot:
        """One that waits for the payer's agreement at `approve_url`."""
        deadline = self._wire.deadline()
        sequence: int | None = None
        if billing.needs_plan(request):
            path = f"/v1/billing/plans/{segment(request.provider_plan_id, 'plan')}"
            sequence = billing.regular_sequence(await self._wire.get("subscription.create", path, deadline))
        body = billing.subscription_body(request, datetime.now(UTC), sequence)
        made = await self._wire.post("subscription.create", _SUBSCRIPTIONS, body, deadline, key=key)
        if not made.get("id"):
            raise strange("subscription.create", "a subscription without an id")
        return billing.subscription_snapshot(made)

    async def find_subscription(self, request: SubscriptionRequest) -> ResourceSnapshot | None:
        """Among those to its plan, by our id. One that the list lacks is as good as none: nobody can agree to it without
        the link that came with the answer."""
        deadline = self._wire.deadline()
        window = {"plan_ids": request.provider_plan_id}
        async for page in self._wire.pages("subscription.create", _SUBSCRIPTIONS, "subscriptions", window, deadline):
            for one in page:
                if billing.may_be_ours(request, one) and not await self._has_own_prices(one, deadline):
                    return billing.subscription_snapshot(one)
        return None

    async def _has_own_prices(self, found: Mapping[str, Any], deadline: float) -> bool:
        """Of one that overrides its plan: whether also the prices, which we never do."""
        if found.get("plan_overridden") is not True:
            return False
        plan_path = f"/v1/billing/plans/{segment(found.get('plan_id'), 'plan')}"
        plan = await self._wire.get("subscription.create", plan_path, deadline)
        path = f"{_SUBSCRIPTIONS}/{segment(found.get('id'), 'subscription')}"
        shown = await self._wire.get("subscription.create", path, deadline, {"fields": "plan"})
        return billing.has_own_prices(shown, plan)

    async def get_subscription(self, reference: ResourceReference) -> ResourceSnapshot:
        return await self._subscription("subscription.get", reference, self._wire.deadline())

    async def cancel_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        return await self._change("subscription.cancel", "cancel", change, ("canceled",))

    async def pause_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        return await self._change("subscription.pause", "suspend", change, ("paused", "unpaid"))

    async def resume_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        return await self._change("subscription.resume", "activate", change, ("active", "trialing", "past_due"))

    async def change_subscription_plan(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """It waits until the payer agrees at `approve_url`, and holds from the next cycle on: PayPal prorates nothing.

        Asked for again, it just waits anew.
        """
        body, deadline = billing.revision_body(change), self._wire.deadline()
        current = await self._subscription("subscription.change_plan", change.subscription, deadline)
        same_quantity = change.quantity in (None, current.facts.get("quantity"))
        if current.facts.get("provider_plan_id") == change.provider_plan_id and same_quantity:
            return current
        path = f"{_SUBSCRIPTIONS}/{segment(change.subscription.provider_id, 'subscription')}/revise"
        revision = await self._wire.post("subscription.change_plan", path, body, deadline)
        return billing.revision_snapshot(change, current.status, revision)

    async def _change(
        self, capability: str, act: str, change: SubscriptionChange, stands: Sequence[str]
    ) -> ResourceSnapshot:
        """None of these calls knows a key: PayPal refuses what was done already, and then it is read."""
        if change.at_cycle_end:
            raise CapabilityUnsupported(_AT_ONCE)
        body, deadline = billing.reason_body(change), self._wire.deadline()
        path = f"{_SUBSCRIPTIONS}/{segment(change.subscription.provider_id, 'subscription')}/{act}"
        try:
            await self._wire.post(capability, path, body, deadline)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason != "invalid_state":
                raise
            shown = await after_refusal(self._subscription(capability, change.subscription, deadline), refused)
            if shown.status not in stands:
                raise
            return shown
        done = ResourceSnapshot(status=stands[0], provider_id=change.subscription.provider_id)
        return await after_success(self._subscription(capability, change.subscription, deadline), done)

    async def _subscription(self, capability: str, reference: ResourceReference, deadline: float) -> ResourceSnapshot:
        path = f"{_SUBSCRIPTIONS}/{segment(reference.provider_id, 'subscription')}"
        return billing.subscription_snapshot(await self._wire.get(capability, path, deadline))
