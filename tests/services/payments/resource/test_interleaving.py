"""A subscription at a provider, and ours: whatever is answered, called back, looked up and polled in whatever order, late
and twice, ours ends as the provider's is, and every version of it was told by one event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.payment_resources import (
    CancelSubscription,
    CreateSubscription,
    PauseSubscription,
    ResumeSubscription,
)
from onerouter_common.errors import CallerError, ProviderOutcomeUnknown, ProviderThrottled
from onerouter_common.worker.handler import Failed, Handler, Operation, Settled, Succeeded, Unknown
from onerouter_payments.resource.callbacks import apply
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.operations import Question
from onerouter_payments.resource.poller import is_overtaken
from onerouter_payments.resource.state import Resource, answered
from onerouter_payments.resource.subscriptions import (
    SubscriptionCancel,
    SubscriptionCreate,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, FakeConnection, FixedClock, a_callback, an_operation

BY_ITSELF: Final[Mapping[str, tuple[str, ...]]] = {
    "pending_authorization": ("trialing", "active", "expired"),
    "trialing": ("active", "past_due", "canceled"),
    "active": ("past_due", "paused", "canceled", "completed"),
    "past_due": ("active", "unpaid", "canceled"),
    "unpaid": ("active", "canceled"),
    "paused": ("active", "canceled"),
}
"""What payers, time and the provider's dashboard make of it."""
ID: Final = "sub_0123456789abcdefghjkmnpqrs"
CLOCK: Final = FixedClock()
CREATE: Final = SubscriptionCreate(CLOCK)
CHANGES: Final[Mapping[str, tuple[Handler[Any, Any], Any]]] = {
    "paused": (SubscriptionPause(CLOCK), PauseSubscription(subscription_id=ID)),
    "active": (SubscriptionResume(CLOCK), ResumeSubscription(subscription_id=ID)),
    "canceled": (SubscriptionCancel(CLOCK), CancelSubscription(subscription_id=ID)),
}
CREATED: Final = CreateSubscription(provider_plan_id="plan_B")


@dataclass
class Answer:
    """To an operation of ours, or (None) to a poll: given, and not applied yet."""

    op: tuple[Handler[Any, Any], Any, Operation] | None
    outcome: Succeeded | Failed | Unknown
    known: Resource | None = None
    """Of a poll: how ours stood when it was asked."""


class Subscriptions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = self.moved_at = NOW
        self.truth = "pending_authorization"
        self.seen = 0
        self.emitted: list[tuple[str, int, datetime]] = []
        self.delivered: set[int] = set()
        self.answers: list[Answer] = []
        self.asked: list[tuple[datetime, Resource]] = []
        self.is_open = False
        self.told: list[int] = []
        op = an_operation(CREATE.name, ID)
        begun = CREATE.begin(op, CREATED, None, FakeConnection())
        self.ours: Resource = begun.resource
        self._move(self.truth)
        self._answered((CREATE, CREATED, op), begun.request)
        self._move("active")

    # The provider's side.

    def _move(self, status: str) -> None:
        """Two changes never fall in one second: providers do not count finer, so nobody could tell which was first. An
        answer may fall in the second of a change.
        """
        self.now = max(
            self.now + timedelta(milliseconds=50), self.moved_at.replace(microsecond=0) + timedelta(seconds=1)
        )
        self.truth, self.seen, self.moved_at = status, self.seen + 1, self.now
        self.emitted.append((status, self.seen, self.now.replace(microsecond=0)))

    def _shown(self) -> ResourceSnapshot:
        return ResourceSnapshot(self.truth, "provider_1", facts={"quantity": self.seen})

    def _answered(self, op: tuple[Handler[Any, Any], Any, Operation], question: Question) -> None:
        self.now += timedelta(milliseconds=50)
        self.answers.append(Answer(op, Succeeded(answered(self._shown(), self.now, question.known_as_of))))

    @rule(data=st.data(), pause_ms=st.integers(0, 900))
    @precondition(lambda self: self.truth in BY_ITSELF)
    def something_happens_there(self, data: st.DataObject, pause_ms: int) -> None:
        self.now += timedelta(milliseconds=pause_ms)
        self._move(data.draw(st.sampled_from(BY_ITSELF[self.truth])))

    # Ours.

    def _take(self, settled: Settled[Resource]) -> None:
        before, self.ours = self.ours, settled.resource or self.ours
        sequences = [event.sequence for event in settled.events]
        assert sequences == list(range(before.version + 1, self.ours.version + 1))
        self.told += sequences

    @rule(
        wanted=st.sampled_from(sorted(CHANGES)),
        fate=st.sampled_from(["answered", "lost", "never arrived", "throttled", "said nothing happened"]),
    )
    def we_change_it(self, wanted: str, fate: str) -> None:
        """As the heart does: only where the rule allows it; a lost answer is looked up by another rule."""
        handler, command = CHANGES[wanted]
        op = an_operation(handler.name, ID)
        try:
            begun = handler.begin(op, command, self.ours, FakeConnection())
        except CallerError:
            return
        can_be_done = wanted in BY_ITSELF.get(self.truth, ()) or (wanted == "canceled" and self.truth in BY_ITSELF)
        if fate in ("answered", "lost", "said nothing happened") and can_be_done:
            self._move(wanted)
        if fate == "answered" and self.truth == wanted:
            self._answered((handler, command, op), begun.request)
        elif fate in ("throttled", "said nothing happened"):
            throttled = ProviderThrottled("Not now.", provider="razorpay")
            self.answers.append(Answer((handler, command, op), Failed(throttled)))
        else:
            unknown = ProviderOutcomeUnknown("No answer.", provider="razorpay")
            self.answers.append(Answer((handler, command, op), Unknown(unknown)))

    @rule(pause_ms=st.integers(1, 1_500))
    def we_poll(self, pause_ms: int) -> None:
        self.now += timedelta(milliseconds=pause_ms)
        self.asked.append((self.now, self.ours))

    @rule(data=st.data(), pause_ms=st.integers(0, 900))
    @precondition(lambda self: self.asked)
    def a_poll_is_answered(self, data: st.DataObject, pause_ms: int) -> None:
        """Whatever happened since it was asked."""
        self.now += timedelta(milliseconds=pause_ms)
        self._answer(*self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1))))

    def _answer(self, at: datetime, known: Resource) -> None:
        self.answers.append(Answer(None, Succeeded(answered(self._shown(), at, known.known_as_of)), known))

    @rule(data=st.data())
    @precondition(lambda self: self.answers)
    def an_answer_is_applied(self, data: st.DataObject) -> None:
        self._apply(self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1))))

    def _apply(self, answer: Answer) -> None:
        CLOCK.moment = self.now
        if answer.op is None:
            assert isinstance(answer.outcome, Succeeded)
            assert answer.known is not None
            change = observe(self.ours, answer.outcome.result, self.now)
            if not change.happened:
                self.is_open |= is_overtaken(answer.known, self.ours, answer.outcome.result)
            self.told += [item.resource.version for item in change.happened]
            self.ours = change.resource
            return
        handler, command, op = answer.op
        outcome, held = answer.outcome, handler.held(op, command, self.ours)
        if not isinstance(outcome, Succeeded) and held is not None:
            outcome = Succeeded(held)  # no retry and no look-up: it shows already
        status = self.ours.status
        self._take(handler.settle(op, command, self.ours, outcome))
        if outcome is not answer.outcome or not isinstance(outcome, Succeeded):
            assert self.ours.status == status  # what was not told changes nothing
        again = handler.settle(op, command, self.ours, outcome)
        assert again.events == ()

    @rule(data=st.data())
    def a_callback_comes(self, data: st.DataObject) -> None:
        """Any of all there were, also one that came before."""
        self._deliver(data.draw(st.integers(0, len(self.emitted) - 1)))

    def _deliver(self, number: int) -> None:
        status, seen, at = self.emitted[number]
        told = CallbackObject(
            kind="subscription", status=status, provider_id="provider_1", reference=ID, facts={"quantity": seen}
        )
        callback = a_callback(told).model_copy(update={"occurred_at": at, "received_at": self.now})
        self._take(apply(callback, self.ours))
        self.delivered.add(number)

    @invariant()
    def every_version_was_told_once(self) -> None:
        assert self.told == list(range(1, self.ours.version + 1))

    def teardown(self) -> None:
        """At last everything has come, the latest first; what was left open has been read again."""
        for asked in self.asked:
            self._answer(*asked)
        for answer in reversed(self.answers):
            self._apply(answer)
        for number in reversed(range(len(self.emitted))):
            if number not in self.delivered:
                self._deliver(number)
        if self.is_open:
            self.now += timedelta(seconds=2)
            self._answer(self.now, self.ours)
            self._apply(self.answers[-1])
        assert (self.ours.status, self.ours.fact("quantity")) == (self.truth, self.seen)
        assert self.told == list(range(1, self.ours.version + 1))


TestSubscriptions = Subscriptions.TestCase
TestSubscriptions.settings = settings(deadline=None, max_examples=150, stateful_step_count=25)
