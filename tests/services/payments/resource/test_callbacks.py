"""Providers count in seconds: what they tell of the second in which we were answered."""

from datetime import timedelta
from typing import Final

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_payments.resource.callbacks import apply
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.state import Resource, answered
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, a_callback, a_resource

_ANSWERED: Final = NOW + timedelta(milliseconds=350)


def told(resource: Resource, status: str) -> Resource:
    """By a callback that happened at `NOW`, a whole second."""
    object_ = CallbackObject(kind=resource.kind.name, status=status, provider_id="provider_1")
    return apply(a_callback(object_), resource).resource or resource


class TestTheSecondOfAnAnswer:
    def test_what_happened_in_it_came_after_the_answer(self) -> None:
        made = answered(ResourceSnapshot("pending", "provider_1"), _ANSWERED, NOW - timedelta(seconds=60))
        vendor = observe(a_resource(KINDS["vendor"]), made, _ANSWERED).resource
        assert told(vendor, "active").status == "active"

    def test_what_was_known_before_the_question_does_not(self) -> None:
        active = told(a_resource(KINDS["subscription"]), "active")
        pause = answered(ResourceSnapshot("paused", "provider_1"), _ANSWERED, active.known_as_of)
        paused = observe(active, pause, _ANSWERED).resource
        assert paused.status == "paused"
        assert told(paused, "active").status == "paused"


class TestWithoutAStatus:
    """PayPal tells that a vendor has signed up, and not whether it can be paid."""

    def test_what_waits_is_read_at_once(self) -> None:
        made = answered(ResourceSnapshot("pending", "provider_1"), _ANSWERED, NOW - timedelta(seconds=60))
        vendor = observe(a_resource(KINDS["vendor"]), made, _ANSWERED).resource
        assert vendor.poll_at == _ANSWERED + timedelta(minutes=1)
        facts = {"provider_merchant_id": "M1"}
        signed_up = CallbackObject(kind="vendor", status="unchanged", provider_id="provider_1", facts=facts)
        after = apply(a_callback(signed_up), vendor).resource
        assert after is not None
        assert (after.status, after.poll_at) == ("pending", NOW)
        assert apply(a_callback(signed_up), after).resource is None

    def test_what_does_not_wait_is_left_alone(self) -> None:
        active = told(a_resource(KINDS["vendor"]), "active")
        signed_up = CallbackObject(kind="vendor", status="unchanged", provider_id="x", facts={"requirements": ["y"]})
        after = apply(a_callback(signed_up), active).resource
        assert after is not None
        assert after.poll_at is None
