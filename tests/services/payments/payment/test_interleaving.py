"""A payment at a provider, and ours: whatever is answered, called back and polled in whatever order, late and twice, ours
ends as the provider's is, never returns more than was taken, and tells every version by one event.
"""

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.payments import CapturePayment, CreatePayment, CreateRefund
from onerouter_common.errors import CallerError, ProviderOutcomeUnknown, ProviderThrottled
from onerouter_common.ids import new_id
from onerouter_common.worker.handler import Failed, Handler, Operation, Settled, Succeeded, Unknown
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.operations import PaymentCapture, PaymentCreate
from onerouter_payments.payment.state import Payment
from onerouter_payments.refund.operations import RefundCreate
from onerouter_payments.refund.state import Refund
from onerouter_providers.capability import PaymentSnapshot, RefundSnapshot

from ..examples import NOW, VIEWS, FakeConnection, FixedClock, a_callback, an_operation

ID: Final = "pay_0123456789abcdefghjkmnpqrs"
AMOUNT: Final = 50_000
CLOCK: Final = FixedClock()
CREATE: Final = PaymentCreate(VIEWS, CLOCK)
CAPTURE: Final = PaymentCapture(VIEWS, CLOCK)
REFUND: Final = RefundCreate(VIEWS, CLOCK)
RULES: Final = PaymentCallbacks(VIEWS)
CREATED: Final = CreatePayment(amount_minor=AMOUNT, currency="INR", capture="manual")
UNKNOWN: Final = Unknown(ProviderOutcomeUnknown("No answer.", provider="razorpay"))
THROTTLED: Final = Failed(ProviderThrottled("Not now.", provider="razorpay"))
FATES: Final = ("answered", "lost", "said nothing happened", "throttled")

Asked = tuple[Handler[Any, Any], Any, Operation]


@dataclass
class Answer:
    """Given, and not applied yet. `asked` None: to a poll."""

    asked: Asked | None
    outcome: Succeeded | Failed | Unknown


class Payments(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.status = "created"
        self.refunds: dict[str, int] = {}
        self.emitted: list[CallbackObject] = []
        self.delivered: set[int] = set()
        self.answers: list[Answer] = []
        self.told: dict[str, list[int]] = {}
        op = an_operation(CREATE.name, ID)
        self.ours: PaymentAggregate = CREATE.begin(op, CREATED, None, FakeConnection()).resource
        self.answers.append(Answer((CREATE, CREATED, op), Succeeded(self._shown())))

    # The provider's side.

    @property
    def returned(self) -> int:
        return sum(self.refunds.values())

    def _shown(self) -> PaymentSnapshot:
        status = self.status
        if status == "succeeded" and self.returned:
            status = "refunded" if self.returned == AMOUNT else "partially_refunded"
        paid = None if status == "created" else ("pay_bad" if status == "failed" else "pay_good")
        return PaymentSnapshot(
            status,  # type: ignore[arg-type]
            provider_order_id="order_1",
            provider_payment_id=paid,
            amount_refunded_minor=self.returned,
        )

    def _move(self, status: str) -> None:
        self.status = status
        shown = self._shown()
        self.emitted.append(
            CallbackObject(
                kind="payment", status=shown.status, order_id="order_1", payment_id=shown.provider_payment_id
            )
        )

    def _return(self, refund_id: str, minor: int, reference: str | None) -> None:
        self.refunds[refund_id] = minor
        for status in ("pending", "succeeded"):
            self.emitted.append(
                CallbackObject(
                    kind="refund",
                    status=status,
                    payment_id="pay_good",
                    order_id="order_1",
                    refund_id=refund_id,
                    reference=reference,
                    amount_minor=minor,
                )
            )

    @rule(status=st.sampled_from(["failed", "authorized"]))
    @precondition(lambda self: self.status in ("created", "failed"))
    def the_payer_tries(self, status: str) -> None:
        self._move(status)

    @rule()
    @precondition(lambda self: self.status == "authorized")
    def it_is_captured_there(self) -> None:
        self._move("succeeded")

    @rule(minor=st.integers(1, AMOUNT))
    @precondition(lambda self: self.status == "succeeded")
    def it_is_refunded_there(self, minor: int) -> None:
        if minor <= AMOUNT - self.returned:
            self._return(f"rfnd_{len(self.refunds)}", minor, None)

    # Ours.

    def _begun(self, handler: Handler[Any, Any], command: Any, op: Operation) -> bool:
        """As the heart does: only where the rule allows it."""
        try:
            self.ours = handler.begin(op, command, self.ours, FakeConnection()).resource
        except CallerError:
            return False
        return True

    def _ended(self, asked: Asked, fate: str, result: Any) -> None:
        """`result` None: the provider refuses it, as it has changed meanwhile."""
        if fate == "answered" and result is not None:
            self.answers.append(Answer(asked, Succeeded(result)))
        else:
            self.answers.append(Answer(asked, UNKNOWN if fate == "lost" else THROTTLED))

    @rule(fate=st.sampled_from(FATES))
    def we_capture(self, fate: str) -> None:
        command, op = CapturePayment(payment_id=ID), an_operation(CAPTURE.name, ID)
        if not self._begun(CAPTURE, command, op):
            return
        can_be_done = self.status == "authorized"
        if can_be_done and fate != "throttled":
            self._move("succeeded")
        self._ended((CAPTURE, command, op), fate, self._shown() if can_be_done else None)

    @rule(fate=st.sampled_from(FATES), minor=st.integers(1, AMOUNT))
    def we_refund(self, fate: str, minor: int) -> None:
        command = CreateRefund(payment_id=ID, amount_minor=minor)
        op = an_operation(REFUND.name, new_id("re"), ID)
        if not self._begun(REFUND, command, op):
            return
        can_be_done = self.status == "succeeded" and minor <= AMOUNT - self.returned
        id_ = f"rfnd_{len(self.refunds)}"
        if can_be_done and fate != "throttled":
            self._return(id_, minor, op.resource_id)
        self._ended((REFUND, command, op), fate, RefundSnapshot("succeeded", id_) if can_be_done else None)

    @rule()
    def we_poll(self) -> None:
        self.answers.append(Answer(None, Succeeded(self._shown())))

    @rule(data=st.data())
    @precondition(lambda self: self.answers)
    def an_answer_is_applied(self, data: st.DataObject) -> None:
        self._apply(self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1))))

    def _apply(self, answer: Answer) -> None:
        if answer.asked is None:
            assert isinstance(answer.outcome, Succeeded)
            change = observe_payment(self.ours, answer.outcome.result, NOW)
            for item in change.happened:
                self.told.setdefault(item.resource.id, []).append(item.resource.version)
            self.ours = change.aggregate
            return
        handler, command, op = answer.asked
        held = handler.held(op, command, self.ours)
        outcome = answer.outcome if held is None or isinstance(answer.outcome, Succeeded) else Succeeded(held)
        self._take(handler.settle(op, command, self.ours, outcome))
        assert handler.settle(op, command, self.ours, outcome).events == ()

    def _take(self, settled: Settled[PaymentAggregate]) -> None:
        self.ours = settled.resource or self.ours
        for event in settled.events:
            self.told.setdefault(event.resource_id, []).append(event.sequence)

    @rule(data=st.data())
    @precondition(lambda self: self.emitted)
    def a_callback_comes(self, data: st.DataObject) -> None:
        """Any of all there were, also one that came before."""
        self._deliver(data.draw(st.integers(0, len(self.emitted) - 1)))

    def _deliver(self, number: int) -> None:
        self._take(RULES.apply(a_callback(self.emitted[number]), self.ours))
        self.delivered.add(number)

    @invariant()
    def every_version_was_told_once(self) -> None:
        records: list[Payment | Refund] = [self.ours.payment, *self.ours.refunds]
        for one in records:
            assert self.told.get(one.id, []) == list(range(1, one.version + 1))

    @invariant()
    def never_more_is_returned_than_was_taken(self) -> None:
        assert self.ours.payment.amount_refunded_minor <= AMOUNT

    def teardown(self) -> None:
        """At last everything has come, the latest first."""
        for answer in reversed(self.answers):
            self._apply(answer)
        for number in reversed(range(len(self.emitted))):
            if number not in self.delivered:
                self._deliver(number)
        shown, payment = self._shown(), self.ours.payment
        assert (payment.status, payment.amount_refunded_minor) == (shown.status, self.returned)
        made = {one.provider_refund_id: one.amount_minor for one in self.ours.refunds if one.status == "succeeded"}
        assert made == self.refunds
        self.every_version_was_told_once()


TestPayments = Payments.TestCase
TestPayments.settings = settings(deadline=None, max_examples=150, stateful_step_count=25)
