"""What a provider's callback makes of a payment, its refunds and its disputes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

import structlog

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.ids import REFUND, derive_id
from onerouter_common.money import Money
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.handler import Settled
from onerouter_payments.dispute import state as disputes
from onerouter_payments.payment.aggregate import (
    Change,
    PaymentAggregate,
    add_refund,
    observe_dispute,
    observe_payment,
    observe_refund,
)
from onerouter_payments.payment.completion import completion_after
from onerouter_payments.payment.repository import find_keys
from onerouter_payments.payment.settlement import Views, settled
from onerouter_payments.refund.state import Refund
from onerouter_providers.capability import PaymentSnapshot, PaymentStatus, RefundSnapshot, RefundStatus

log = structlog.get_logger()

# Not a secret: it only makes the same refund at the provider the same row here, whoever hears of it first.
_ELSEWHERE: Final = b"onerouter.refund-made-elsewhere"


_PAYMENT_APPEARS_S: Final = 3_600.0
_REFUND_APPEARS_S: Final = 3 * 86_400.0


class PaymentCallbacks(CallbackRules[PaymentAggregate]):
    """The category's callback rules. `apply` is pure: a late, doubled or reordered callback changes nothing."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
        return await find_keys(connection, callbacks)

    def patience_s(self, callback: Callback) -> float:
        """A payment is stored before its provider is called, so one that is unknown for long was made elsewhere on the
        same account. A refund may be one of ours whose outcome is being found out. Both are polled besides.
        A dispute may be of a charge of a subscription that we have not asked about yet.
        """
        return _PAYMENT_APPEARS_S if callback.object.kind == "payment" else _REFUND_APPEARS_S

    def apply(self, callback: Callback, resource: PaymentAggregate) -> Settled[PaymentAggregate]:
        if callback.connection_id != resource.payment.connection_id:
            return Settled(None)  # an account speaks of its own payments only
        told, at = callback.object, callback.received_at
        if told.kind == "refund":
            return settled(resource, _apply_refund(callback, resource, at), self._views)
        if told.kind == "dispute":
            return settled(resource, _apply_dispute(callback, resource, at), self._views)
        snapshot = payment_snapshot(told, resource.payment.currency)
        commands = completion_after(resource.payment, snapshot, cause=f"callback {callback.provider_event_id}")
        return settled(resource, observe_payment(resource, snapshot, at), self._views, commands=commands)


def payment_snapshot(told: CallbackObject, currency: str) -> PaymentSnapshot:
    """The callback's object in the form in which answers and polls come, so that one rule serves all three."""
    return PaymentSnapshot(
        status=cast(PaymentStatus, told.status),
        provider_order_id=told.order_id,
        provider_payment_id=told.payment_id,
        amount=None if told.amount_minor is None else Money(told.amount_minor, told.currency or currency),
        captured=(
            None if told.amount_captured_minor is None else Money(told.amount_captured_minor, told.currency or currency)
        ),
        amount_refunded_minor=told.amount_refunded_minor or 0,
        method=told.method,
        method_details=told.method_details,
        fee_minor=told.fee_minor,
        fee_currency=told.fee_currency,
        awaits_completion=told.awaits_completion,
        error_reason=told.error_reason,
        error_code=told.error_code,
        error_message=told.error_message,
    )


def refund_made_elsewhere(
    resource: PaymentAggregate, provider_refund_id: str, amount_minor: int, at: datetime
) -> Refund:
    """A refund that was not asked of us (the provider's dashboard): a row of its own, so that the totals are right."""
    payment = resource.payment
    return Refund(
        id=derive_id(REFUND, _ELSEWHERE, payment.connection_id, provider_refund_id),
        payment_id=payment.id,
        tenant_id=payment.tenant_id,
        environment=payment.environment,
        connection_id=payment.connection_id,
        provider=payment.provider,
        amount_minor=amount_minor,
        currency=payment.currency,
        created_at=at,
        updated_at=at,
        provider_refund_id=provider_refund_id,
        effect_guarantee=payment.effect_guarantee,
    )


def _apply_refund(callback: Callback, resource: PaymentAggregate, at: datetime) -> Change:
    told = callback.object
    if told.refund_id is None:
        log.warning("callback.refund.without_id", callback_id=callback.callback_id, provider=callback.provider)
        return Change(resource)
    # Amounts refunded in total are left to payment objects: here they may include refunds still under way.
    snapshot = RefundSnapshot(cast(RefundStatus, told.status), told.refund_id, error_reason=told.error_reason)
    refund = resource.find_refund(told.reference or "") or resource.find_refund_at_provider(told.refund_id)
    if refund is None:
        if not told.amount_minor:
            log.warning("callback.refund.without_amount", callback_id=callback.callback_id, provider=callback.provider)
            return Change(resource)
        refund = refund_made_elsewhere(resource, told.refund_id, told.amount_minor, callback.occurred_at)
        resource = add_refund(resource, refund)
    return observe_refund(resource, refund.id, snapshot, at)


def _apply_dispute(callback: Callback, resource: PaymentAggregate, at: datetime) -> Change:
    dispute_id = callback.object.provider_id
    if dispute_id is None:
        log.warning("callback.dispute.without_id", callback_id=callback.callback_id, provider=callback.provider)
        return Change(resource)
    payment = resource.payment
    unheard = disputes.unheard(callback, payment.id, dispute_id)
    return observe_dispute(resource, unheard, disputes.snapshot_of(callback, payment.currency), at)
