"""What a person says was done: compared with what the provider finds, reads or has told before."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from onerouter_common.contracts.payment_resources import (
    CancelSubscription,
    CreatePaymentMethod,
    CreatePlan,
    CreateSubscription,
    CreateTransfer,
)
from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    OneRouterError,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.worker.handler import Handler, Succeeded
from onerouter_payments.marketplace.operations import TransferCreate
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.links import PaymentMethodCreate
from onerouter_payments.resource.state import Resource
from onerouter_payments.resource.subscriptions import PlanCreate, SubscriptionCancel, SubscriptionCreate
from onerouter_providers.resources import ResourceReference, ResourceSnapshot

from ..examples import NOW, FakeConnection, FixedClock, a_resource, an_operation

_CLOCK: Final = FixedClock(NOW + timedelta(hours=1))
_NO_FIND: Final = CapabilityUnsupported("It cannot be found by our id.")
_NO_FIND_AT_PAYPAL: Final = ProviderUnavailable("Not by our id.", provider="paypal", reason="unsupported_operation")
_AWAY: Final = ProviderUnavailable("It is down.", provider="paypal")
_NOT_FOUND: Final = ProviderRefusedUs("Not known.", provider="paypal", reason="not_found")

_PLAN: Final = CreatePlan(name="Pro", amount_minor=500, currency="INR", interval="month")
_SUBSCRIPTION: Final = CreateSubscription(provider_plan_id="plan_A", quantity=2)
_METHOD: Final = CreatePaymentMethod(provider_method_id="pm_1")
_TRANSFER: Final = CreateTransfer(
    payment_id="pay_1",
    vendor_id="ven_1",
    connection_id="con_1",
    provider_account_id="acct_1",
    provider_payment_id="pay_A",
    payment_amount_minor=50_000,
    amount_minor=20_000,
    currency="INR",
)


@dataclass
class _Provider:
    """Finds by our reference what `found` says, and has under each id what `has` says."""

    found: ResourceSnapshot | OneRouterError | None = None
    has: dict[str, ResourceSnapshot] = field(default_factory=dict)
    asked_of: list[ResourceReference] = field(default_factory=list)

    async def find(self, _: Any) -> ResourceSnapshot | None:
        if isinstance(self.found, OneRouterError):
            raise self.found
        return self.found

    async def get(self, reference: ResourceReference) -> ResourceSnapshot:
        self.asked_of.append(reference)
        if reference.provider_id not in self.has:
            raise _NOT_FOUND
        return self.has[reference.provider_id]

    find_plan = find_subscription = find_transfer = find
    get_plan = get_subscription = get_transfer = get_payment_method = get


def _shown(status: str, provider_id: str = "theirs_1", **facts: Any) -> ResourceSnapshot:
    return ResourceSnapshot(status, provider_id, facts=facts)


async def _confirmed(
    handler: Handler[Any, Any],
    command: Any,
    provider: _Provider,
    *,
    provider_id: str = "theirs_1",
    resource: Resource | None = None,
) -> Any | None:
    kind = KINDS[handler.name.partition(".")[0]]
    resource = resource or a_resource(kind)
    connection = FakeConnection(client=provider, capabilities={})
    request = handler.request(an_operation(handler.name, resource.id), command, resource, connection)
    return await handler.confirm(provider, request, provider_id, "key")


class TestCreated:
    @pytest.mark.parametrize("found", [None, _NO_FIND, _NO_FIND_AT_PAYPAL])
    async def test_is_what_stands_under_the_id_where_nothing_is_found_by_ours(
        self, found: OneRouterError | None
    ) -> None:
        provider = _Provider(found, {"theirs_1": _shown("succeeded")})
        resource = a_resource(KINDS["transfer"])
        told = await _confirmed(TransferCreate(_CLOCK), _TRANSFER, provider, resource=resource)
        assert told == replace(_shown("succeeded"), as_of=_CLOCK.now())
        assert [(one.id, one.provider_id) for one in provider.asked_of] == [(resource.id, "theirs_1")]

    async def test_is_not_what_the_provider_does_not_have(self) -> None:
        with pytest.raises(ProviderRefusedUs):
            await _confirmed(PlanCreate(_CLOCK), _PLAN, _Provider(_NO_FIND))

    @pytest.mark.parametrize(("provider_id", "fits"), [("theirs_1", True), ("theirs_2", False)])
    async def test_is_what_the_provider_finds_by_our_reference(self, provider_id: str, fits: bool) -> None:
        provider = _Provider(_shown("active"), {"theirs_2": _shown("active", "theirs_2")})
        told = await _confirmed(PlanCreate(_CLOCK), _PLAN, provider, provider_id=provider_id)
        assert (told is not None) == fits
        assert provider.asked_of == []

    @pytest.mark.parametrize(
        ("shown", "fits"),
        [
            (_shown("active", provider_plan_id="plan_A", quantity=2), True),
            (_shown("active", provider_plan_id="plan_B", quantity=2), False),
            (_shown("active", provider_plan_id="plan_A", quantity=3), False),
            (_shown("active", "theirs_2"), False),  # its answer speaks of another
            (_shown("being_baked"), False),
        ],
    )
    async def test_is_nothing_that_contradicts_what_was_asked_for(self, shown: ResourceSnapshot, fits: bool) -> None:
        provider = _Provider(None, {"theirs_1": shown})
        told = await _confirmed(SubscriptionCreate(_CLOCK), _SUBSCRIPTION, provider)
        assert (told is not None) == fits

    async def test_cannot_be_said_while_the_look_up_is_away(self) -> None:
        provider = _Provider(_AWAY, {"theirs_1": _shown("active")})
        with pytest.raises(ProviderUnavailable):
            await _confirmed(PlanCreate(_CLOCK), _PLAN, provider)

    async def test_is_not_another_than_the_one_a_callback_named(self) -> None:
        at_provider = observe(a_resource(KINDS["plan"]), _shown("active", "theirs_9"), NOW).resource
        provider = _Provider(_NO_FIND, {"theirs_1": _shown("active")})
        assert await _confirmed(PlanCreate(_CLOCK), _PLAN, provider, resource=at_provider) is None

    @pytest.mark.parametrize(("status", "fits"), [("active", True), ("removed", False)])
    async def test_is_a_payment_method_that_is_kept(self, status: str, fits: bool) -> None:
        provider = _Provider(has={"pm_1": _shown(status, "pm_1")})
        told = await _confirmed(PaymentMethodCreate(_CLOCK), _METHOD, provider, provider_id="pm_1")
        assert (told is not None) == fits


class TestChanged:
    @pytest.mark.parametrize(
        ("status", "provider_id", "fits"),
        [("canceled", "theirs_1", True), ("active", "theirs_1", False), ("canceled", "theirs_2", False)],
    )
    async def test_is_what_is_read_as_the_change_would_leave_it(
        self, status: str, provider_id: str, fits: bool
    ) -> None:
        running = observe(a_resource(KINDS["subscription"]), _shown("active"), NOW).resource
        told = await _confirmed(
            SubscriptionCancel(_CLOCK),
            CancelSubscription(subscription_id=running.id),
            _Provider(has={"theirs_1": _shown(status)}),
            provider_id=provider_id,
            resource=running,
        )
        assert (told is not None) == fits


class TestBelieved:
    @pytest.mark.parametrize(
        ("handler", "command", "status"),
        [
            (PlanCreate(_CLOCK), _PLAN, "active"),
            (SubscriptionCreate(_CLOCK), _SUBSCRIPTION, "pending_authorization"),
            (TransferCreate(_CLOCK), _TRANSFER, "pending"),
        ],
    )
    def test_a_creation_begins_at_the_provider(self, handler: Handler[Any, Any], command: Any, status: str) -> None:
        resource = a_resource(KINDS[handler.name.partition(".")[0]])
        op = an_operation(handler.name, resource.id)
        settled = handler.settle(op, command, resource, Succeeded(handler.believed(op, command, resource, "theirs_1")))
        assert settled.resource is not None
        assert (settled.resource.status, settled.resource.provider_id) == (status, "theirs_1")
        assert settled.status == 201

    def test_a_change_leaves_the_resource_as_it_was_told_last(self) -> None:
        running = observe(a_resource(KINDS["subscription"]), _shown("active"), NOW).resource
        command, handler = CancelSubscription(subscription_id=running.id), SubscriptionCancel(_CLOCK)
        op = an_operation(handler.name, running.id)
        settled = handler.settle(op, command, running, Succeeded(handler.believed(op, command, running, "theirs_1")))
        assert (settled.resource or running).visible == running.visible
        assert settled.view is not None

    @pytest.mark.parametrize(
        ("handler", "command"),
        [
            (SubscriptionCreate(_CLOCK), _SUBSCRIPTION),
            (SubscriptionCancel(_CLOCK), CancelSubscription(subscription_id="sub_1")),
        ],
    )
    def test_no_other_id_than_the_provider_named_itself(self, handler: Handler[Any, Any], command: Any) -> None:
        running = observe(a_resource(KINDS["subscription"]), _shown("active"), NOW).resource
        with pytest.raises(InvalidRequest):
            handler.believed(an_operation(handler.name, running.id), command, running, "theirs_2")
