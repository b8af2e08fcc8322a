"""What can be done with a refund: create it."""

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.payments import CreateRefund
from onerouter_common.errors import ProviderDeclined
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Handler,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_payments.payment import confirmation
from onerouter_payments.payment.aggregate import (
    PaymentAggregate,
    add_refund,
    check_refund,
    fail_refund,
    observe_refund,
)
from onerouter_payments.payment.operations import guarantee_of, owned
from onerouter_payments.payment.settlement import Views, failure_of, settled
from onerouter_payments.refund.state import EffectGuarantee, Refund
from onerouter_providers.capability import PaymentProvider, RefundRequest, RefundSnapshot


@operation("refund.create")
class RefundCreate(Handler[CreateRefund, PaymentAggregate]):
    command = CreateRefund

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock

    @override
    def hint(self, op: Operation, command: CreateRefund, resource: PaymentAggregate | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).payment.connection_id)

    @override
    def begin(
        self, op: Operation, command: CreateRefund, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        aggregate = owned(op, resource)
        refund = aggregate.find_refund(op.resource_id)
        if refund is None:
            # From here the amount is reserved, so that no other refund can take it while the provider is asked.
            refund = _new_refund(op, command, aggregate, guarantee_of(connection, self.capability))
            aggregate = add_refund(aggregate, refund)
        return Begun(_request(refund, aggregate), aggregate)

    @override
    def held(self, op: Operation, command: CreateRefund, resource: PaymentAggregate | None) -> RefundSnapshot | None:
        refund = None if resource is None else resource.find_refund(op.resource_id)
        if refund is None or refund.provider_refund_id is None:
            return None
        return RefundSnapshot("pending", refund.provider_refund_id)

    @override
    async def call(self, client: PaymentProvider, request: RefundRequest, provider_key: str) -> RefundSnapshot:
        try:
            return await client.create_refund(request, key=provider_key)
        except ProviderDeclined as error:
            if error.error_code == ProviderDeclined.code:  # the code of a declined payment is another
                error.error_code = "REFUND_FAILED"
            raise

    @override
    async def lookup(self, client: PaymentProvider, request: RefundRequest, provider_key: str) -> RefundSnapshot | None:
        return await client.find_refund(request)

    @override
    async def confirm(
        self, client: PaymentProvider, request: RefundRequest, provider_id: str, provider_key: str
    ) -> RefundSnapshot | None:
        return await confirmation.of_refund(client, request, provider_id)

    @override
    def believed(
        self, op: Operation, command: CreateRefund, resource: PaymentAggregate | None, provider_id: str
    ) -> RefundSnapshot:
        return RefundSnapshot("succeeded", provider_id)

    @override
    def settle(
        self, op: Operation, command: CreateRefund, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        refund = None if resource is None else resource.find_refund(op.resource_id)
        if resource is None or refund is None:
            return Settled(None)
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            change = observe_refund(resource, refund.id, outcome.result, now)
            shown = change.aggregate.find_refund(refund.id)
            return settled(resource, change, self._views, shown=shown, status=201)
        if isinstance(outcome, Failed):
            if refund.provider_refund_id is not None:  # a callback proved the error wrong
                return Settled(None)
            return settled(resource, fail_refund(resource, refund.id, *failure_of(outcome.error), now), self._views)
        return Settled(None, view=self._views.of(refund), status=202)


def _new_refund(
    op: Operation, command: CreateRefund, aggregate: PaymentAggregate, guarantee: EffectGuarantee
) -> Refund:
    amount = check_refund(aggregate, command.amount_minor)
    payment = aggregate.payment
    return Refund(
        id=op.resource_id,
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        environment=payment.environment,
        connection_id=payment.connection_id,
        provider=payment.provider,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        created_at=op.created_at,
        updated_at=op.created_at,
        reason=command.reason,
        speed=command.speed,
        notes=command.notes,
        effect_guarantee=guarantee,
    )


def _request(refund: Refund, aggregate: PaymentAggregate) -> RefundRequest:
    return RefundRequest(
        refund_id=refund.id,
        payment=aggregate.payment.reference,
        amount=refund.amount,
        speed=refund.speed,
        reason=refund.reason,
        notes=refund.notes,
    )
