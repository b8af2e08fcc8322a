"""Providers count in seconds: what they tell of the second in which we were answered."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

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

    def test_what_comes_and_goes_in_it_is_read_at_once(self) -> None:
        """The pause is told of after its end was answered, in the same second."""
        active = told(a_resource(KINDS["subscription"]), "active")
        resume = answered(ResourceSnapshot("active", "provider_1"), NOW, NOW - timedelta(seconds=60))
        resumed = replace(observe(active, resume, NOW).resource, status_as_of=NOW + timedelta(microseconds=1))
        after = told(resumed, "paused")
        assert after.poll_at == NOW
        assert told(after, "paused") == after

    def test_what_moves_on_in_it_is_not(self) -> None:
        made = answered(ResourceSnapshot("pending_authorization", "provider_1"), _ANSWERED, NOW - timedelta(seconds=60))
        subscription = observe(a_resource(KINDS["subscription"]), made, _ANSWERED).resource
        after = told(subscription, "active")
        assert after.status == "active"
        assert after.poll_at is None


class TestStepBack:
    """A vendor that is reviewed and activated at once: the answer says `active`, then the review is told of."""

    @pytest.mark.parametrize(
        "answered_at", [_ANSWERED, NOW - timedelta(seconds=30)], ids=["same second", "clock ahead"]
    )
    def test_is_not_shown_but_read(self, answered_at: datetime) -> None:
        made = answered(ResourceSnapshot("active", "provider_1"), answered_at, NOW - timedelta(seconds=60))
        vendor = observe(a_resource(KINDS["vendor"]), made, answered_at).resource
        after = told(vendor, "pending")
        assert (after.status, after.version, after.poll_at) == ("active", vendor.version, NOW)
        assert told(after, "active").status == "active"
        assert told(after, "restricted").status == "restricted"

    def test_what_is_read_then_holds(self) -> None:
        made = answered(ResourceSnapshot("active", "provider_1"), _ANSWERED, NOW - timedelta(seconds=60))
        vendor = told(observe(a_resource(KINDS["vendor"]), made, _ANSWERED).resource, "pending")
        read = answered(ResourceSnapshot("pending", "provider_1"), _ANSWERED, vendor.known_as_of)
        assert observe(vendor, read, _ANSWERED).resource.status == "pending"


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
