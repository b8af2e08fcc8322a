"""What can be done with a payment: create, capture, cancel."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final, Generic, TypeVar

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.payments import (
    AdoptPayment,
    CancelPayment,
    CapturePayment,
    CompletePayment,
    CreatePayment,
)
from onerouter_common.errors import CapabilityUnsupported, Conflict, InvalidRequest, NotFound
from onerouter_common.money import Money
from onerouter_common.routing.route import Facts
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Handler,
    Idempotency,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_payments.payment import confirmation
from onerouter_payments.payment.aggregate import PaymentAggregate, fail_payment, observe_payment
from onerouter_payments.payment.settlement import Views, failure_of, settled
from onerouter_payments.payment.state import CAPTURED, OPEN, EffectGuarantee, Payment
from onerouter_providers.capability import (
    CaptureRequest,
    PaymentProvider,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
)

PaymentCommand = TypeVar("PaymentCommand", CreatePayment, CapturePayment, CancelPayment, CompletePayment, AdoptPayment)


def owned(op: Operation, aggregate: PaymentAggregate | None) -> PaymentAggregate:
    """The payment the operation speaks of. Raises NotFound, also for another tenant's or environment's."""
    if aggregate is None or (aggregate.tenant_id, aggregate.environment) != (op.tenant_id, op.environment):
        raise NotFound(
            f"There is no payment {op.ordering_key} in the {op.environment} environment.", code="PAYMENT_NOT_FOUND"
        )
    return aggregate


def guarantee_of(connection: Connection, capability: str) -> EffectGuarantee:
    """Exactly once where a repeat is safe or the provider can be asked; else at most once, and then a person decides."""
    safe = connection.idempotency_of(capability) in (Idempotency.NATIVE, Idempotency.LOOKUP)
    return "exactly_once" if safe else "at_most_once"


_NOTHING_NEW: Final = PaymentSnapshot("created")
"""What is told of a payment whose own record shows more already."""


class PaymentHandler(Handler[PaymentCommand, PaymentAggregate], Generic[PaymentCommand]):
    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock

    def shows(self, payment: Payment, command: PaymentCommand) -> bool:  # noqa: ARG002
        """Whether the payment is as this operation would leave it. False where only the provider can tell."""
        return False

    @override
    def held(self, op: Operation, command: PaymentCommand, resource: PaymentAggregate | None) -> PaymentSnapshot | None:
        return _NOTHING_NEW if resource is not None and self.shows(resource.payment, command) else None

    @override
    def ids_of(self, result: PaymentSnapshot) -> Collection[str]:
        return [id for id in (result.provider_order_id, result.provider_payment_id) if id is not None]


@operation("payment.create")
class PaymentCreate(PaymentHandler[CreatePayment]):
    command = CreatePayment

    @override
    def shows(self, payment: Payment, command: CreatePayment) -> bool:
        return payment.is_at_provider

    @override
    def hint(self, op: Operation, command: CreatePayment, resource: PaymentAggregate | None) -> RouteHint:
        amount = Money(command.amount_minor, command.currency)
        facts = Facts(
            currency=command.currency,
            amount=amount.major,
            country=command.country,
            method=command.method,
            channel=command.channel,
            metadata=command.metadata,
        )
        if command.connection_id is not None:
            return RouteHint(connection_id=command.connection_id)
        return RouteHint(provider=command.provider, facts=facts)

    @override
    def begin(
        self, op: Operation, command: CreatePayment, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        if command.save_card and connection.idempotency_of("payment_method.get") is None:
            # Refused rather than dropped: the caller would count on a card that was never saved.
            raise CapabilityUnsupported(f"Saving a card is not offered with {connection.provider}.")
        aggregate = resource or PaymentAggregate(_new_payment(op, command, connection))
        payment = aggregate.payment
        if payment.connection_id != connection.id and payment.version == 0:
            # The connection chosen before surely did nothing; this one takes its place.
            payment = replace(
                payment,
                connection_id=connection.id,
                provider=connection.provider,
                effect_guarantee=guarantee_of(connection, self.capability),
                revision=payment.revision + 1,
            )
        return Begun(_payment_request(payment, command, connection), replace(aggregate, payment=payment))

    @override
    async def call(self, client: PaymentProvider, request: PaymentRequest, provider_key: str) -> PaymentSnapshot:
        return await client.create_payment(request, key=provider_key)

    @override
    async def lookup(
        self, client: PaymentProvider, request: PaymentRequest, provider_key: str
    ) -> PaymentSnapshot | None:
        return await client.find_payment(request)

    @override
    async def confirm(
        self, client: PaymentProvider, request: PaymentRequest, provider_id: str, provider_key: str
    ) -> PaymentSnapshot | None:
        return await confirmation.of_payment(client, request, provider_id)

    @override
    def believed(
        self, op: Operation, command: CreatePayment, resource: PaymentAggregate | None, provider_id: str
    ) -> PaymentSnapshot:
        return PaymentSnapshot("created", provider_order_id=provider_id)

    @override
    def settle(
        self, op: Operation, command: CreatePayment, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        if resource is None:
            return Settled(None)
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            change = observe_payment(resource, outcome.result, now)
            return settled(resource, change, self._views, shown=change.aggregate.payment, status=201)
        if isinstance(outcome, Failed):
            if resource.payment.is_at_provider:  # a callback proved the error wrong
                return Settled(None)
            return settled(resource, fail_payment(resource, *failure_of(outcome.error), now), self._views)
        return Settled(None, view=self._views.of(resource.payment), status=202)


@operation("payment.capture")
class PaymentCapture(PaymentHandler[CapturePayment]):
    command = CapturePayment

    @override
    def shows(self, payment: Payment, command: CapturePayment) -> bool:
        """Not where another amount was taken: that was somebody else."""
        asked = Money(command.amount_minor or payment.amount_minor, payment.currency)
        return payment.status in CAPTURED and payment.told_received in (None, asked)

    @override
    def hint(self, op: Operation, command: CapturePayment, resource: PaymentAggregate | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).payment.connection_id)

    @override
    def begin(
        self, op: Operation, command: CapturePayment, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        aggregate = owned(op, resource)
        _check_capture(aggregate.payment, command)
        return Begun(_capture_request(aggregate.payment, command), aggregate)

    @override
    def request(
        self, op: Operation, command: CapturePayment, resource: PaymentAggregate | None, connection: Connection
    ) -> CaptureRequest:
        return _capture_request(owned(op, resource).payment, command)

    @override
    async def call(self, client: PaymentProvider, request: CaptureRequest, provider_key: str) -> PaymentSnapshot:
        return await client.capture_payment(request, key=provider_key)

    @override
    async def lookup(
        self, client: PaymentProvider, request: CaptureRequest, provider_key: str
    ) -> PaymentSnapshot | None:
        return await client.find_capture(request)

    @override
    async def confirm(
        self, client: PaymentProvider, request: CaptureRequest, provider_id: str, provider_key: str
    ) -> PaymentSnapshot | None:
        return await confirmation.of_change(client, request.payment, provider_id, CAPTURED)

    @override
    def believed(
        self, op: Operation, command: CapturePayment, resource: PaymentAggregate | None, provider_id: str
    ) -> PaymentSnapshot:
        return PaymentSnapshot("succeeded")

    @override
    def settle(
        self, op: Operation, command: CapturePayment, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        if resource is None or isinstance(outcome, Failed):
            return Settled(None)
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=self._views.of(resource.payment), status=202)
        captured = command.amount_minor or resource.payment.amount_minor
        change = observe_payment(resource, outcome.result, self._clock.now(), captured_minor=captured)
        return settled(resource, change, self._views, shown=change.aggregate.payment)


@operation("payment.cancel")
class PaymentCancel(PaymentHandler[CancelPayment]):
    command = CancelPayment

    @override
    def shows(self, payment: Payment, command: CancelPayment) -> bool:
        return payment.status == "canceled"

    @override
    def hint(self, op: Operation, command: CancelPayment, resource: PaymentAggregate | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).payment.connection_id)

    @override
    def begin(
        self, op: Operation, command: CancelPayment, resource: PaymentAggregate | None, connection: Connection
    ) -> Begun[PaymentAggregate]:
        aggregate = owned(op, resource)
        _check_cancel(aggregate.payment)
        return Begun(aggregate.payment.reference, aggregate)

    @override
    def request(
        self, op: Operation, command: CancelPayment, resource: PaymentAggregate | None, connection: Connection
    ) -> PaymentReference:
        return owned(op, resource).payment.reference

    @override
    async def call(self, client: PaymentProvider, request: PaymentReference, provider_key: str) -> PaymentSnapshot:
        return await client.cancel_payment(request, key=provider_key)

    @override
    async def lookup(
        self, client: PaymentProvider, request: PaymentReference, provider_key: str
    ) -> PaymentSnapshot | None:
        found = await client.get_payment(request)
        return found if found.status == "canceled" else None

    @override
    async def confirm(
        self, client: PaymentProvider, request: PaymentReference, provider_id: str, provider_key: str
    ) -> PaymentSnapshot | None:
        return await confirmation.of_change(client, request, provider_id, {"canceled"})

    @override
    def believed(
        self, op: Operation, command: CancelPayment, resource: PaymentAggregate | None, provider_id: str
    ) -> PaymentSnapshot:
        return PaymentSnapshot("canceled")

    @override
    def settle(
        self, op: Operation, command: CancelPayment, resource: PaymentAggregate | None, outcome: Outcome
    ) -> Settled[PaymentAggregate]:
        if resource is None or isinstance(outcome, Failed):
            return Settled(None)
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=self._views.of(resource.payment), status=202)
        change = observe_payment(resource, outcome.result, self._clock.now())
        return settled(resource, change, self._views, shown=change.aggregate.payment)


def _new_payment(op: Operation, command: CreatePayment, connection: Connection) -> Payment:
    return Payment(
        id=op.resource_id,
        tenant_id=op.tenant_id,
        environment=op.environment,
        connection_id=connection.id,
        provider=connection.provider,
        amount_minor=command.amount_minor,
        currency=command.currency,
        created_at=op.created_at,
        updated_at=op.created_at,
        effect_guarantee=guarantee_of(connection, "payment.create"),
        capture=command.capture,
        method=command.method,
        method_details=command.method_details,
        receipt=command.receipt,
        description=command.description,
        notes=command.notes,
        metadata=command.metadata,
        customer=None if command.customer is None else command.customer.model_dump(exclude_none=True),
        split=[item.model_dump(exclude_none=True) for item in command.split] or None,
    )


def _payment_request(payment: Payment, command: CreatePayment, connection: Connection) -> PaymentRequest:
    is_known_there = command.customer_connection_id == connection.id
    return PaymentRequest(
        payment_id=payment.id,
        amount=payment.amount,
        capture=command.capture,
        method=command.method,
        method_details=command.method_details,
        receipt=command.receipt,
        description=command.description,
        notes=command.notes,
        customer=payment.customer or {},
        return_url=command.return_url,
        cancel_url=command.cancel_url,
        provider_customer_id=command.provider_customer_id if is_known_there else None,
        save_card=command.save_card,
    )


def _capture_request(payment: Payment, command: CapturePayment) -> CaptureRequest:
    return CaptureRequest(payment.reference, Money(command.amount_minor or payment.amount_minor, payment.currency))


def _check_capture(payment: Payment, command: CapturePayment) -> None:
    if payment.status in CAPTURED:
        raise Conflict(f"Payment {payment.id} is already captured.")
    if payment.status != "authorized":
        raise Conflict(f"Payment {payment.id} is {payment.status}: only an authorized payment can be captured.")
    if payment.split and command.amount_minor not in (None, payment.amount_minor):
        raise InvalidRequest.of("amount", "must be the whole: the parts of a split payment are fixed")
    if command.amount_minor is not None and command.amount_minor > payment.amount_minor:
        asked = Money(command.amount_minor, payment.currency)
        raise InvalidRequest.of(
            "amount",
            f"is {asked.major} {asked.currency}, but only {payment.amount.major} {asked.currency} is authorized",
        )


def _check_cancel(payment: Payment) -> None:
    if payment.status in CAPTURED:
        raise Conflict(f"Payment {payment.id} is {payment.status}: what was captured can only be refunded.")
    if payment.status not in OPEN:
        raise Conflict(f"Payment {payment.id} is already {payment.status}.")
    if not payment.is_at_provider:
        raise Conflict(f"Payment {payment.id} is still being created at {payment.provider}: try again when it is.")
