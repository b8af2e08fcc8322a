"""The category's callback rules: each object to those of its kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.handler import Settled
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.resource import callbacks as resources
from onerouter_payments.store import OF_A_PAYMENT, Stored, find_keys


class Callbacks(CallbackRules[Stored]):
    """`apply` is pure: a late, doubled or reordered callback changes nothing."""

    def __init__(self, payments: PaymentCallbacks) -> None:
        self._payments = payments

    async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
        return await find_keys(connection, callbacks)

    def patience_s(self, callback: Callback) -> float:
        if callback.object.kind in OF_A_PAYMENT:
            return self._payments.patience_s(callback)
        return resources.PATIENCE_S

    def apply(self, callback: Callback, resource: Stored) -> Settled[Any]:
        if isinstance(resource, PaymentAggregate):
            return self._payments.apply(callback, resource)
        if callback.object.kind in OF_A_PAYMENT:
            return Settled(None)  # a payment link's: what becomes of the link is told in events of its own
        return resources.apply(callback, resource)
