"""Where a provider does not take an approved payment by itself, we do: as an operation like any other.

Whoever hears that the payer approved (a callback, a poll) has `payment.complete` published with its own commit; from there
the heart gives it what every effect has: one at a time for each payment, an attempt on record, look-ups, retries.
"""

from typing import Final, cast

from typing_extensions import override

from onerouter_common.contracts.payments import CompletePayment
from onerouter_common.errors import Conflict, ProviderDeclined
from onerouter_common.worker.handler import (
    Begun,
    CommandDraft,
    Connection,
    Failed,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_payments.payment import confirmation
from onerouter_payments.payment.aggregate import PaymentAggregate, fail_payment, observe_payment
from onerouter_payments.payment.operations import PaymentHandler, owned
from onerouter_payments.payment.settlement import failure_of, settled
from onerouter_payments.payment.state import CAPTURED, RANK, Payment
from onerouter_providers.capability import (
    CompletesPayments,
    CompletionRequest,
    PaymentProvider,
    PaymentSnapshot,
)

COMPLETE: Final = "payment.complete"


def completion_after(payment: Payment, told: PaymentSnapshot, *, cause: str) -> tuple[CommandDraft, ...]:
    """What has to follow when the provider says that it waits for us. `cause` tells one approval from another: after a
    decline the payer may approve again."""
    if not told.awaits_completion or not _is_open(payment):
        return ()
    return (CommandDraft(COMPLETE, payment.id, CompletePayment(payment_id=payment.id), cause),)


@operation(COMPLETE)
class PaymentComplete(PaymentHandler[CompletePayment]):
    command = CompletePayment

    @override
    def shows(self, payment: Payment, command: CompletePayment) -> bool:
        return payment.status in CAPTURED or payment.status == "authorized"

    @override
    def hint(self, op: Operation, command: CompletePayment, resource: PaymentAggregate | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).payment.connection_id)

    @override
    def begin(
        self, op: Operation, command: CompletePayment, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        aggregate = owned(op, resource)
        if not _is_open(aggregate.payment):
            raise Conflict(f"Payment {aggregate.payment.id} is already {aggregate.payment.status}.")
        return Begun(_request(aggregate.payment), aggregate)

    @override
    def request(
        self, op: Operation, command: CompletePayment, resource: PaymentAggregate | None, connection: Connection
    ) -> CompletionRequest:
        return _request(owned(op, resource).payment)

    @override
    async def call(self, client: PaymentProvider, request: CompletionRequest, provider_key: str) -> PaymentSnapshot:
        return await cast(CompletesPayments, client).complete_payment(request, key=provider_key)

    @override
    async def lookup(
        self, client: PaymentProvider, request: CompletionRequest, provider_key: str
    ) -> PaymentSnapshot | None:
        return await cast(CompletesPayments, client).find_completion(request)

    @override
    async def confirm(
        self, client: PaymentProvider, request: CompletionRequest, provider_id: str, provider_key: str
    ) -> PaymentSnapshot | None:
        return await confirmation.of_change(client, request.payment, provider_id, {*CAPTURED, "authorized"})

    @override
    def believed(
        self, op: Operation, command: CompletePayment, resource: PaymentAggregate | None, provider_id: str
    ) -> PaymentSnapshot:
        is_held = resource is not None and resource.payment.capture == "manual"
        return PaymentSnapshot("authorized" if is_held else "succeeded")

    @override
    def settle(
        self, op: Operation, command: CompletePayment, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        if resource is None:
            return Settled(None)
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            change = observe_payment(resource, outcome.result, now)
            return settled(resource, change, self._views, shown=change.aggregate.payment)
        if isinstance(outcome, Failed):
            if not _is_decline(op, outcome):
                return Settled(None)
            return settled(resource, fail_payment(resource, *failure_of(outcome.error), now), self._views)
        return Settled(None, view=self._views.of(resource.payment), status=202)


def _is_open(payment: Payment) -> bool:
    """Whether the money was neither taken nor held yet. A failed payment is open: its payer may try again."""
    return RANK[payment.status] < RANK["authorized"]


def _is_decline(op: Operation, outcome: Failed) -> bool:
    """A payer who has to approve once more has not failed: unless we asked before and never heard the answer. What was
    approved then and is not any more was declined, and nobody will tell of it again."""
    if not isinstance(outcome.error, ProviderDeclined):
        return False
    return outcome.error.reason != "authentication_required" or op.attempts > 1


def _request(payment: Payment) -> CompletionRequest:
    return CompletionRequest(payment.reference, "manual" if payment.capture == "manual" else "automatic")
