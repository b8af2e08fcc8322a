"""A payment that nobody asked us for by itself: a subscription's charge, or what was paid at a link; told by the provider.

Whoever hears of the charge has `payment.adopt` published with its own commit. It reads the payment, so that method, fee and
what went back already are known; should that be impossible, the charge itself is word enough.
"""

from typing_extensions import override

from onerouter_common.contracts.payments import AdoptPayment
from onerouter_common.errors import ProviderRefusedUs
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.operations import PaymentHandler
from onerouter_payments.payment.settlement import settled
from onerouter_payments.payment.state import CAPTURED, Payment
from onerouter_payments.resource.charges import ADOPT
from onerouter_providers.capability import PaymentProvider, PaymentReference, PaymentSnapshot


@operation(ADOPT, capability="payment.get")
class PaymentAdopt(PaymentHandler[AdoptPayment]):
    command = AdoptPayment

    @override
    def hint(self, op: Operation, command: AdoptPayment, resource: PaymentAggregate | None) -> RouteHint:
        return RouteHint(connection_id=command.connection_id)

    @override
    def begin(
        self, op: Operation, command: AdoptPayment, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        aggregate = resource or PaymentAggregate(_payment(op, command))
        return Begun(_reference(aggregate.payment, command), aggregate)

    @override
    async def call(self, client: PaymentProvider, request: PaymentReference, provider_key: str) -> PaymentSnapshot:
        try:
            return await client.get_payment(request)
        except ProviderRefusedUs:  # not among the payments it shows (an invoice's at PayPal): its own word has to do
            return PaymentSnapshot(
                "succeeded",
                provider_payment_id=request.provider_payment_id,
                amount=request.amount,
                captured=request.amount,
            )

    @override
    async def lookup(self, client: PaymentProvider, request: PaymentReference, provider_key: str) -> PaymentSnapshot:
        return await self.call(client, request, provider_key)

    @override
    def settle(
        self, op: Operation, command: AdoptPayment, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        aggregate = resource or PaymentAggregate(_payment(op, command))
        if not isinstance(outcome, Succeeded | Failed):
            return Settled(None, view=self._views.of(aggregate.payment), status=202)
        change = observe_payment(aggregate, _told(aggregate.payment, command, outcome), self._clock.now())
        # Also where the read failed: the money was taken, and the answer of the operation says why no more is known.
        shown = change.aggregate.payment if isinstance(outcome, Succeeded) else None
        return settled(aggregate, change, self._views, shown=shown, status=201)


def _payment(op: Operation, command: AdoptPayment) -> Payment:
    return Payment(
        id=op.resource_id,
        tenant_id=op.tenant_id,
        environment=op.environment,
        connection_id=command.connection_id,
        provider=command.provider,
        amount_minor=command.amount_minor,
        currency=command.currency,
        created_at=op.created_at,
        updated_at=op.created_at,
        customer=None if command.customer_id is None else {"id": command.customer_id},
        receipt=command.payment_link_id,
        subscription_id=command.subscription_id,
    )


def _reference(payment: Payment, command: AdoptPayment) -> PaymentReference:
    return PaymentReference(
        payment.id,
        payment.amount,
        provider_payment_id=command.provider_charge_id,
        of_subscription=command.subscription_id is not None,
    )


def _told(payment: Payment, command: AdoptPayment, outcome: Succeeded | Failed) -> PaymentSnapshot:
    """What the provider says, where it says that money was taken; else what it has said of the charge."""
    told = outcome.result if isinstance(outcome, Succeeded) else None
    if isinstance(told, PaymentSnapshot) and told.status in CAPTURED:
        return told
    return PaymentSnapshot(
        "succeeded", provider_payment_id=command.provider_charge_id, amount=payment.amount, captured=payment.amount
    )
