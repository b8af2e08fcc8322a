"""The worker's SQL on payments and refunds: whole batches, all tenants, inside the heart's transactions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.contracts.callbacks import Callback
from onerouter_payments.payment import rows as payment_rows
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.payment.rows import payment_of, payment_row
from onerouter_payments.refund import rows as refund_rows
from onerouter_payments.refund.rows import refund_of, refund_row
from onerouter_payments.refund.state import Refund

_NEVER_CHANGE: Final = {"id", "payment_id", "tenant_id", "environment", "amount_minor", "currency", "created_at"}


def _upsert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in _NEVER_CHANGE)
    # The condition decides between two writers: `begin` saves what it read without a lock, and must not undo what a
    # callback has stored in between.
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) "  # noqa: S608 - made of constants
        f"ON CONFLICT (id) DO UPDATE SET {changes} "
        f"WHERE excluded.revision > {table}.revision AND excluded.tenant_id = {table}.tenant_id"
    )


_SAVE_PAYMENT: Final = _upsert("payments", payment_rows.COLUMNS)
_SAVE_REFUND: Final = _upsert("refunds", refund_rows.COLUMNS)
_PAYMENTS: Final = f"SELECT {', '.join(payment_rows.COLUMNS)} FROM payments WHERE id = ANY($1::text[]) ORDER BY id"  # noqa: S608
# The payment's lock is the lock of the whole aggregate: refunds are only written by who holds it, or who adds one.
_REFUNDS: Final = (
    f"SELECT {', '.join(refund_rows.COLUMNS)} FROM refunds WHERE payment_id = ANY($1::text[]) ORDER BY created_at, id"  # noqa: S608
)

# Every way a callback can name a payment, surest first. All are bound to the connection that was called back, so that
# no account can speak of another's payments.
_FIND_KEYS: Final = """
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        AS told (callback_id, connection_id, reference, order_id, payment_id, refund_id)
)
SELECT DISTINCT ON (callback_id) callback_id, key FROM (
    SELECT callback_id, 1 AS priority, p.id AS key
        FROM told JOIN payments p ON p.id = told.reference AND p.connection_id = told.connection_id
    UNION ALL
    SELECT callback_id, 2, r.payment_id
        FROM told JOIN refunds r ON r.id = told.reference AND r.connection_id = told.connection_id
    UNION ALL
    SELECT callback_id, 3, r.payment_id
        FROM told JOIN refunds r ON r.provider_refund_id = told.refund_id AND r.connection_id = told.connection_id
    UNION ALL
    SELECT callback_id, 4, p.id
        FROM told JOIN payments p ON p.provider_payment_id = told.payment_id AND p.connection_id = told.connection_id
    UNION ALL
    SELECT callback_id, 5, p.id
        FROM told JOIN payments p ON p.provider_order_id = told.order_id AND p.connection_id = told.connection_id
) found ORDER BY callback_id, priority
"""

_REFUNDS_UNDER_WAY: Final = """
SELECT DISTINCT payment_id FROM refunds
WHERE payment_id = ANY($1::text[]) AND status = 'pending' AND provider_refund_id IS NULL
"""


class PaymentStore:
    """The heart's store: aggregates by payment id."""

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, PaymentAggregate]:
        rows = await connection.fetch(_PAYMENTS + (" FOR UPDATE" if lock else ""), list(keys))
        if not rows:
            return {}
        refunds: dict[str, list[Refund]] = {row["id"]: [] for row in rows}
        for row in await connection.fetch(_REFUNDS, list(refunds)):
            refunds[row["payment_id"]].append(refund_of(row))
        return {row["id"]: PaymentAggregate(payment_of(row), tuple(refunds[row["id"]])) for row in rows}

    async def save(self, connection: Any, resources: Sequence[PaymentAggregate]) -> None:
        """Stores what was changed since it was loaded; in key order, so that two batches cannot wait for each other."""
        ordered = sorted(resources, key=lambda resource: resource.payment.id)
        payments = [r.payment for r in ordered if r.payment.revision > r.payment.stored_revision]
        refunds = [refund for r in ordered for refund in r.refunds if refund.revision > refund.stored_revision]
        if payments:
            await connection.executemany(_SAVE_PAYMENT, [payment_row(payment) for payment in payments])
        if refunds:
            await connection.executemany(_SAVE_REFUND, [refund_row(refund) for refund in refunds])


async def find_keys(connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
    """callback_id → payment id. Missing: not known yet.

    A refund we cannot place waits while one of ours is at the provider without a provider id: it may be that one, and
    taken for a refund made elsewhere it would count twice.
    """
    found = await connection.fetch(
        _FIND_KEYS,
        [callback.callback_id for callback in callbacks],
        [callback.connection_id for callback in callbacks],
        [callback.object.reference for callback in callbacks],
        [callback.object.order_id for callback in callbacks],
        [callback.object.payment_id for callback in callbacks],
        [callback.object.refund_id for callback in callbacks],
    )
    keys: dict[str, str] = {row["callback_id"]: row["key"] for row in found}
    loose = {
        callback.callback_id
        for callback in callbacks
        if callback.object.kind == "refund" and not callback.object.reference
    } & keys.keys()
    if not loose:
        return keys
    under_way = {
        row["payment_id"]
        for row in await connection.fetch(_REFUNDS_UNDER_WAY, sorted({keys[callback_id] for callback_id in loose}))
    }
    return {callback_id: key for callback_id, key in keys.items() if callback_id not in loose or key not in under_way}
