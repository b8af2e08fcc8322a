"""However answers, callbacks and polls are mixed, doubled and late: a resource ends as the provider has it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.state import Resource, answered
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, a_resource

unhurried = settings(deadline=None)  # a busy machine is no reason to fail

# What can become of what: the provider's own truth, from which each life is drawn.
LIVES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "subscription": {
        "pending_authorization": ("trialing", "active", "expired", "canceled"),
        "trialing": ("active", "past_due", "paused", "canceled"),
        "active": ("past_due", "paused", "canceled", "completed"),
        "past_due": ("active", "unpaid", "canceled"),
        "unpaid": ("active", "canceled"),
        "paused": ("active", "canceled"),
    },
    "payment_link": {
        "created": ("partially_paid", "paid", "canceled", "expired"),
        "partially_paid": ("paid", "canceled", "expired"),
    },
    "transfer": {
        "pending": ("unclaimed", "succeeded", "failed"),
        "unclaimed": ("succeeded", "canceled"),
        "succeeded": ("partially_reversed", "reversed"),
        "partially_reversed": ("reversed",),
    },
    "vendor": {"pending": ("active", "rejected"), "active": ("restricted",), "restricted": ("active",)},
    "payment_method": {"active": ("removed",)},
    "customer": {"active": ("deleted",)},
    "plan": {"active": ("inactive",), "inactive": ("active",)},
}


@st.composite
def lives(draw: st.DrawFn) -> tuple[Kind, list[tuple[str, datetime]]]:
    """A kind, and the states it went through with the moments they began."""
    kind = KINDS[draw(st.sampled_from(sorted(LIVES)))]
    graph = LIVES[kind.name]
    status = next(iter(graph))
    life, at = [(status, NOW)], NOW
    for _ in range(draw(st.integers(0, 6))):
        if not graph.get(status):
            break
        status = draw(st.sampled_from(graph[status]))
        at += timedelta(seconds=draw(st.integers(1, 100_000)))
        life.append((status, at))
    return kind, life


def word(status: str, at: datetime, **more: Any) -> ResourceSnapshot:
    return ResourceSnapshot(status, "provider_1", as_of=at, facts={"seen": status}, **more)


def told(resource: Resource, words: Sequence[ResourceSnapshot]) -> Resource:
    for number, one in enumerate(words):
        resource = observe(resource, one, NOW + timedelta(seconds=number)).resource
    return resource


def essence(resource: Resource) -> object:
    return resource.status, resource.provider_id, resource.status_as_of, resource.facts, resource.failure


@unhurried
@given(lives(), st.data())
def test_it_ends_as_the_provider_has_it_in_any_order(
    lived: tuple[Kind, list[tuple[str, datetime]]], data: st.DataObject
) -> None:
    kind, life = lived
    words = [word(status, at) for status, at in life]
    # Polls and answers read what was true at some moment between two changes.
    for status, at in data.draw(st.lists(st.sampled_from(life), max_size=3)):
        words.append(word(status, at + timedelta(milliseconds=data.draw(st.integers(1, 900)))))
    doubled = words + data.draw(st.lists(st.sampled_from(words), max_size=4))
    in_some_order = data.draw(st.permutations(doubled))
    in_another = data.draw(st.permutations(doubled))
    start = a_resource(kind)
    first, second = told(start, in_some_order), told(start, in_another)
    assert first.status == life[-1][0]
    assert first.fact("seen") == life[-1][0]
    assert essence(first) == essence(second)


@unhurried
@given(lives(), st.data())
def test_each_version_is_one_event_and_nothing_new_is_none(
    lived: tuple[Kind, list[tuple[str, datetime]]], data: st.DataObject
) -> None:
    kind, life = lived
    words = data.draw(st.lists(st.sampled_from([word(status, at) for status, at in life]), max_size=8))
    resource = a_resource(kind)
    for number, one in enumerate(words):
        before = resource
        change = observe(before, one, NOW + timedelta(seconds=number))
        resource = change.resource
        versions = [item.resource.version for item in change.happened]
        assert versions == list(range(before.version + 1, resource.version + 1))
        assert observe(resource, one, NOW).happened == ()


@unhurried
@given(lives())
def test_what_is_final_stays(lived: tuple[Kind, list[tuple[str, datetime]]]) -> None:
    kind, life = lived
    if life[-1][0] not in kind.final:
        return
    resource = told(a_resource(kind), [word(status, at) for status, at in life])
    much_later = life[-1][1] + timedelta(days=400)
    assert told(resource, [word(status, much_later) for status, _ in life]).status == life[-1][0]


@pytest.mark.parametrize("ahead_s", [-30, 0, 30])
def test_an_answer_counts_even_when_the_providers_clock_is_ahead(ahead_s: int) -> None:
    kind = KINDS["subscription"]
    active = told(a_resource(kind), [word("active", NOW + timedelta(seconds=ahead_s))])
    answer = answered(ResourceSnapshot("paused", "provider_1"), NOW + timedelta(seconds=1), active.known_as_of)
    paused = observe(active, answer, NOW).resource
    assert paused.status == "paused"
    late = word("active", NOW + timedelta(seconds=ahead_s))
    assert observe(paused, late, NOW).resource.status == "paused"


def test_an_answer_that_is_applied_late_does_not_undo_what_came_after_it() -> None:
    kind = KINDS["subscription"]
    active = told(a_resource(kind), [word("active", NOW)])
    answer = answered(ResourceSnapshot("paused", "provider_1"), NOW + timedelta(seconds=1), active.known_as_of)
    resumed = told(active, [word("paused", NOW + timedelta(seconds=1)), word("active", NOW + timedelta(seconds=5))])
    assert observe(resumed, answer, NOW + timedelta(seconds=9)).resource.status == "active"


class TestCharges:
    KIND = KINDS["subscription"]

    def charge(self, number: int, status: str, at: datetime) -> ResourceSnapshot:
        paid: dict[str, JsonValue] = {"amount_minor": 500, "currency": "INR", "at": at.isoformat(), "status": status}
        return ResourceSnapshot("unchanged", "provider_1", as_of=at, facts={f"charge:pay_{number}": paid})

    def test_each_is_told_once_in_any_order(self) -> None:
        resource = told(a_resource(self.KIND), [word("active", NOW)])
        types = []
        for number in (2, 1, 2, 1):
            change = observe(resource, self.charge(number, "succeeded", NOW + timedelta(days=number)), NOW)
            resource = change.resource
            types += [item.type for item in change.happened]
        assert types == ["subscription.renewed"] * 2
        assert resource.status == "active"

    def test_one_that_failed_can_still_succeed(self) -> None:
        resource = told(a_resource(self.KIND), [word("active", NOW)])
        failed = observe(resource, self.charge(1, "failed", NOW + timedelta(days=1)), NOW)
        paid = observe(failed.resource, self.charge(1, "succeeded", NOW + timedelta(days=2)), NOW)
        assert [item.type for item in (*failed.happened, *paid.happened)] == [
            "subscription.payment_failed",
            "subscription.renewed",
        ]
