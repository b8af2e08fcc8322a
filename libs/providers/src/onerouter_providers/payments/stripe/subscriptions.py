"""Subscriptions: made incomplete, agreed to by the payer on Stripe's page or in its elements, changed by updates.

Each change first reads the subscription: what is so already is the answer, and what is over is refused here.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
)
from onerouter_providers.payments.stripe import subscribing
from onerouter_providers.payments.stripe.customers import CUSTOMERS, details_params
from onerouter_providers.payments.stripe.doubt import looked_up, made_before
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.plans import PRICES
from onerouter_providers.payments.stripe.things import flag, number, part, text
from onerouter_providers.payments.stripe.wire import segment, strange
from onerouter_providers.resources import (
    ResourceReference,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
)

SUBSCRIPTIONS: Final = "/v1/subscriptions"
META_OF: Final = "onerouter_subscription_id"
"""In a customer's metadata: made for this subscription, and no customer of ours."""
_OVER: Final = frozenset({"canceled", "completed", "expired"})
_SHOW: Final = {f"expand[{place}]": name for place, name in enumerate(subscribing.SHOWN)}
Thing = Mapping[str, Any]


class Subscriptions(Part):
    """`RunsSubscriptions`, without pausing at a cycle's end."""

    async def create_subscription(self, request: SubscriptionRequest, *, key: str) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        cycle = await self._cycle(request, deadline)
        subscribing.create_params(request, "", cycle, self._now())  # what is refused is, before a customer is made
        customer_id = request.provider_customer_id or await self._make_payer(request, deadline, key=f"{key}-customer")
        params = subscribing.create_params(request, customer_id, cycle, self._now())

        async def look() -> Thing | None:
            return await self._find(request, deadline)

        made = await self._make("subscription.create", SUBSCRIPTIONS, params, deadline, key=key, look=look)
        return _shown(made, "subscription.create", effect=True)

    async def find_subscription(self, request: SubscriptionRequest) -> ResourceSnapshot | None:
        found = await self._find(request, self._wire.deadline())
        return None if found is None else _shown(found, "subscription.find")

    async def get_subscription(self, reference: ResourceReference) -> ResourceSnapshot:
        found = await self._read("subscription.get", reference.provider_id, self._wire.deadline())
        return _shown(found, "subscription.get")

    async def cancel_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        if change.at_cycle_end:
            params: dict[str, Value] = {"cancel_at_period_end": True, **_because(change)}
            return await self._update("subscription.cancel_at_cycle_end", change, params, _is_ending, key=key)
        return await self._end("subscription.cancel", change)

    async def pause_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        if change.at_cycle_end:
            raise CapabilityUnsupported("Stripe pauses a subscription at once, not at the end of its cycle.")
        params: dict[str, Value] = {"pause_collection": {"behavior": "void"}}
        return await self._update("subscription.pause", change, params, _is_paused, key=key)

    async def resume_subscription(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        """Also one that Stripe itself paused, because its trial ended and nobody had given a method to charge."""
        return await self._update("subscription.resume", change, {"pause_collection": ""}, _is_running, key=key)

    async def change_subscription_plan(self, change: SubscriptionChange, *, key: str) -> ResourceSnapshot:
        if change.at_cycle_end:
            raise CapabilityUnsupported(
                "Stripe changes the plan of a subscription at once, not at the end of its cycle."
            )
        if change.provider_plan_id is None and change.quantity is None:
            raise InvalidRequest.of("new_plan_id", "is required")

        def is_changed(subscription: Thing) -> bool:
            return subscribing.is_changed(change, subscription)

        return await self._update("subscription.change_plan", change, None, is_changed, key=key)

    async def _update(
        self,
        capability: str,
        change: SubscriptionChange,
        params: dict[str, Value] | None,
        is_done: Callable[[Thing], bool],
        *,
        key: str,
    ) -> ResourceSnapshot:
        """`params` None: those of another plan, which need the subscription's item."""
        deadline = self._wire.deadline()
        look = self._look(capability, change, is_done, deadline)
        current = await self._read(capability, change.subscription.provider_id, deadline)
        if subscribing.status_of(current) in _OVER:
            raise Conflict("The subscription has ended at Stripe.")
        if not is_done(current):
            path = f"{SUBSCRIPTIONS}/{segment(change.subscription.provider_id)}"
            params = subscribing.change_params(change, current) if params is None else params
            by = ""
            if capability == "subscription.resume" and current.get("status") == "paused":
                by, params = "/resume", {"billing_cycle_anchor": "unchanged"}
            shown = {**params, "expand": subscribing.SHOWN}
            current = await self._change(capability, path, shown, deadline, key=key, look=look, by=by)
        return _shown(current, capability, effect=True)

    async def _end(self, capability: str, change: SubscriptionChange) -> ResourceSnapshot:
        deadline = self._wire.deadline()
        look = self._look(capability, change, _is_over, deadline)
        ended = await look()
        if ended is None:
            path = f"{SUBSCRIPTIONS}/{segment(change.subscription.provider_id)}"
            try:
                ended = await self._wire.delete(capability, path, _because(change), deadline)
            except ProviderOutcomeUnknown as doubt:
                ended = await looked_up(doubt, look)
            except ProviderRefusedUs as refused:
                if refused.reason not in ("not_found", "invalid_request"):
                    raise
                ended = await made_before(refused, look)
        return _shown(ended, capability, effect=True)

    def _look(
        self, capability: str, change: SubscriptionChange, is_done: Callable[[Thing], bool], deadline: float
    ) -> Callable[[], Awaitable[Thing | None]]:
        async def look() -> Thing | None:
            current = await self._read(capability, change.subscription.provider_id, deadline)
            return current if is_done(current) else None

        return look

    async def _read(self, capability: str, subscription_id: object, deadline: float) -> Thing:
        return await self._wire.get(capability, f"{SUBSCRIPTIONS}/{segment(subscription_id)}", deadline, _SHOW)

    async def _find(self, request: SubscriptionRequest, deadline: float) -> Thing | None:
        query = {"status": "all", "price": request.provider_plan_id}
        if request.provider_customer_id:
            query["customer"] = request.provider_customer_id
        found = await self._finder.named(
            "subscription.find",
            SUBSCRIPTIONS,
            request.subscription_id,
            deadline,
            query,
            searchable=not request.provider_customer_id,
        )
        return None if found is None else await self._read("subscription.find", found.get("id"), deadline)

    async def _cycle(self, request: SubscriptionRequest, deadline: float) -> tuple[str, int]:
        """The plan's interval and its count; of a plan that was made at Stripe, as Stripe knows them."""
        if request.plan is not None:
            return request.plan.interval, request.plan.interval_count
        if request.total_count is None:
            return "month", 1  # not needed
        price = await self._wire.get("subscription.create", f"{PRICES}/{segment(request.provider_plan_id)}", deadline)
        recurring = part(price, "recurring")
        interval, count = text(recurring, "interval"), number(recurring, "interval_count")
        if interval is None or not count:
            raise InvalidRequest.of("plan_id", "is a price at Stripe that does not recur")
        return interval, count

    async def _make_payer(self, request: SubscriptionRequest, deadline: float, *, key: str) -> str:
        """A customer to hold the method that is charged: Stripe has no subscription without."""
        params: dict[str, Value] = {
            **details_params({name: request.customer.get(name) for name in ("name", "email", "phone")}),
            "metadata": {META_OF: request.subscription_id},
        }
        made = await self._wire.make("subscription.create", CUSTOMERS, params, deadline, key=key)
        return str(made["id"])


def _shown(subscription: Thing, capability: str, *, effect: bool = False) -> ResourceSnapshot:
    status = subscribing.status_of(subscription)
    if status is None:
        raise strange(capability, "a subscription in a status we do not know", effect=effect)
    return subscribing.snapshot(subscription, status)


def _because(change: SubscriptionChange) -> dict[str, Value]:
    return {"cancellation_details": {"comment": change.reason[:500]}} if change.reason else {}


def _is_over(subscription: Thing) -> bool:
    return subscribing.status_of(subscription) in _OVER


def _is_ending(subscription: Thing) -> bool:
    return flag(subscription, "cancel_at_period_end") is True


def _is_paused(subscription: Thing) -> bool:
    return subscribing.status_of(subscription) == "paused"


def _is_running(subscription: Thing) -> bool:
    return not _is_paused(subscription)
