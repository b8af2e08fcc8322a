"""What an operation finds done already is not done again: read from the resource alone."""

from datetime import timedelta
from typing import Any, Final

import pytest

from onerouter_common.contracts.payment_resources import (
    CancelPaymentLink,
    CancelSubscription,
    ChangeSubscriptionPlan,
    CreatePlan,
    DeletePaymentMethod,
    PauseSubscription,
    ResumeSubscription,
    UpdatePaymentMethod,
)
from onerouter_common.worker.handler import Handler, Succeeded
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.links import PaymentLinkCancel, PaymentMethodDelete, PaymentMethodUpdate
from onerouter_payments.resource.state import Resource
from onerouter_payments.resource.subscriptions import (
    PlanCreate,
    SubscriptionCancel,
    SubscriptionChangePlan,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, FixedClock, a_resource, an_operation

_CLOCK: Final = FixedClock(NOW + timedelta(hours=1))
_PLAN: Final = CreatePlan(name="Pro", amount_minor=500, currency="INR", interval="month")


def _at_provider(kind: str, status: str, **facts: Any) -> Resource:
    return observe(
        a_resource(KINDS[kind]), ResourceSnapshot(status, "provider_1", as_of=NOW, facts=facts), NOW
    ).resource


def _change(**wanted: Any) -> ChangeSubscriptionPlan:
    return ChangeSubscriptionPlan(subscription_id="sub_1", provider_plan_id="plan_B", plan_id="plan_ours", **wanted)


_SUBSCRIPTION: Final = {"subscription_id": "sub_1"}
_CASES: Final[list[tuple[Handler[Any, Any], Any, Resource, bool]]] = [
    (PlanCreate(_CLOCK), _PLAN, _at_provider("plan", "active"), True),
    (PlanCreate(_CLOCK), _PLAN, a_resource(KINDS["plan"]), False),
    (SubscriptionCancel(_CLOCK), CancelSubscription(**_SUBSCRIPTION), _at_provider("subscription", "canceled"), True),
    (SubscriptionCancel(_CLOCK), CancelSubscription(**_SUBSCRIPTION), _at_provider("subscription", "active"), False),
    (
        SubscriptionCancel(_CLOCK),
        CancelSubscription(**_SUBSCRIPTION, at_cycle_end=True),
        _at_provider("subscription", "active", cancel_at_cycle_end=True),
        True,
    ),
    (
        SubscriptionCancel(_CLOCK),
        CancelSubscription(**_SUBSCRIPTION),
        _at_provider("subscription", "active", cancel_at_cycle_end=True),
        False,
    ),
    (SubscriptionPause(_CLOCK), PauseSubscription(**_SUBSCRIPTION), _at_provider("subscription", "paused"), True),
    (SubscriptionPause(_CLOCK), PauseSubscription(**_SUBSCRIPTION), _at_provider("subscription", "active"), False),
    (SubscriptionResume(_CLOCK), ResumeSubscription(**_SUBSCRIPTION), _at_provider("subscription", "active"), True),
    (SubscriptionResume(_CLOCK), ResumeSubscription(**_SUBSCRIPTION), _at_provider("subscription", "paused"), False),
    (
        SubscriptionChangePlan(_CLOCK),
        _change(),
        _at_provider("subscription", "active", provider_plan_id="plan_B", quantity=1),
        True,
    ),
    (
        SubscriptionChangePlan(_CLOCK),
        _change(quantity=2),
        _at_provider("subscription", "active", provider_plan_id="plan_B", quantity=1),
        False,
    ),
    (
        SubscriptionChangePlan(_CLOCK),
        _change(),
        _at_provider("subscription", "active", provider_plan_id="plan_A", pending_provider_plan_id="plan_B"),
        True,
    ),
    (
        SubscriptionChangePlan(_CLOCK),
        _change(),
        _at_provider("subscription", "active", provider_plan_id="plan_A"),
        False,
    ),
    (
        PaymentLinkCancel(_CLOCK),
        CancelPaymentLink(payment_link_id="pl_1"),
        _at_provider("payment_link", "canceled"),
        True,
    ),
    (PaymentLinkCancel(_CLOCK), CancelPaymentLink(payment_link_id="pl_1"), _at_provider("payment_link", "paid"), False),
    (
        PaymentMethodDelete(_CLOCK),
        DeletePaymentMethod(payment_method_id="pm_1"),
        _at_provider("payment_method", "removed"),
        True,
    ),
    (
        PaymentMethodUpdate(_CLOCK),
        UpdatePaymentMethod(payment_method_id="pm_1", nickname="Old"),
        _at_provider("payment_method", "active"),
        False,
    ),
]


class TestHeld:
    @pytest.mark.parametrize(("handler", "command", "resource", "is_done"), _CASES)
    def test_only_what_the_resource_shows(
        self, handler: Handler[Any, Any], command: Any, resource: Resource, is_done: bool
    ) -> None:
        op = an_operation(handler.name, resource.id)
        assert (handler.held(op, command, resource) is not None) == is_done
        assert handler.held(op, command, None) is None

    @pytest.mark.parametrize(("handler", "command", "resource", "is_done"), [case for case in _CASES if case[3]])
    def test_is_answered_and_tells_the_resource_nothing_new(
        self, handler: Handler[Any, Any], command: Any, resource: Resource, is_done: bool
    ) -> None:
        op = an_operation(handler.name, resource.id)
        settled = handler.settle(op, command, resource, Succeeded(handler.held(op, command, resource)))
        assert settled.view is not None
        assert settled.view["status"] == resource.status
        after = settled.resource or resource
        assert (after.status, after.status_as_of, after.facts) == (resource.status, NOW, resource.facts)
        if isinstance(handler, SubscriptionChangePlan):  # what is ours to note is noted
            waits = resource.fact("pending_provider_plan_id") is not None
            assert settled.view["pending_plan_id" if waits else "plan_id"] == "plan_ours"
