"""Where the heart finds what an operation speaks of: payments with their refunds, or one of the other resources."""

from collections.abc import Mapping, Sequence
from typing import Any

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.ids import PAYMENT
from onerouter_payments.payment import repository as payments
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.resource import repository as resources
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import Resource

Stored = PaymentAggregate | Resource
OF_A_PAYMENT = frozenset({"payment", "refund", "dispute"})
"""The kinds of callback objects that belong to a payment."""


class Store:
    """Told apart by the key: a payment's begins with its prefix."""

    def __init__(self) -> None:
        self._payments = PaymentStore()
        self._resources = ResourceStore()

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Stored]:
        of_payments = [key for key in keys if key.startswith(f"{PAYMENT}_")]
        others = [key for key in keys if not key.startswith(f"{PAYMENT}_")]
        found: dict[str, Stored] = {}
        # Always payments first: two batches cannot wait for each other.
        if of_payments:
            found |= await self._payments.load(connection, of_payments, lock=lock)
        if others:
            found |= await self._resources.load(connection, others, lock=lock)
        return found

    async def save(self, connection: Any, stored: Sequence[Stored]) -> None:
        of_payments = [one for one in stored if isinstance(one, PaymentAggregate)]
        others = [one for one in stored if isinstance(one, Resource)]
        if of_payments:
            await self._payments.save(connection, of_payments)
        if others:
            await self._resources.save(connection, others)


async def find_keys(connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
    """callback_id → key in the store. Missing: not known yet."""
    of_payments = [callback for callback in callbacks if callback.object.kind in OF_A_PAYMENT]
    others = [callback for callback in callbacks if callback.object.kind not in OF_A_PAYMENT]
    found: dict[str, str] = {}
    if of_payments:
        found |= await payments.find_keys(connection, of_payments)
        # Refunds and disputes wait until what was paid at a link is a payment of its own.
        strangers = [c for c in of_payments if c.object.kind == "payment" and c.callback_id not in found]
        found |= await resources.find_links(connection, strangers) if strangers else {}
    if others:
        found |= await resources.find_keys(connection, others)
    return found
