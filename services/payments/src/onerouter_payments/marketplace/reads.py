"""Reads of split payments and of what they brought, on behalf of a tenant."""

from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import text

from onerouter_common.clock import isoformat
from onerouter_common.errors import NotFound
from onerouter_common.money import Money
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_payments.marketplace.split import items_of, standing_without_transfer, transfer_id_of
from onerouter_payments.payment.rows import payment_of
from onerouter_payments.payment.settlement import Views
from onerouter_payments.payment.state import Payment
from onerouter_payments.payment.tables import payments
from onerouter_payments.resource.rows import resource_of
from onerouter_payments.resource.state import Resource
from onerouter_payments.resource.tables import resources

View = dict[str, JsonValue]

# A payment whose money is there counts, as it was divided when it was made; what went back to payers is told beside it.
# Where another amount came in than was asked for, nothing was divided: it does not count (`Payment.amount_mismatch`; what
# was captured by hand in part is none there, but no split payment is). A fact is stored as `[rank, attempt, value]`.
# What the provider kept is a fact that comes when it tells, sometimes never, and may be of another currency.
_FEES: Final = text("""
    SELECT count(DISTINCT p.id) AS payments,
        coalesce(sum((item ->> 'amount_minor')::bigint), 0)::bigint AS gross,
        coalesce(sum((item ->> 'amount_minor')::bigint) FILTER (WHERE item ->> 'type' = 'vendor'), 0)::bigint AS vendor,
        coalesce(sum((item ->> 'amount_minor')::bigint) FILTER (WHERE item ->> 'type' = 'fee'), 0)::bigint AS fee,
        coalesce(sum((item ->> 'amount_minor')::bigint) FILTER (WHERE item ->> 'type' = 'tax'), 0)::bigint AS tax,
        coalesce(sum(p.amount_refunded_minor) FILTER (WHERE place = 1), 0)::bigint AS refunded,
        coalesce(sum((p.facts -> 'fee' -> 2 ->> 'amount_minor')::bigint) FILTER (
            WHERE place = 1 AND p.facts -> 'fee' -> 2 ->> 'currency' = p.currency), 0)::bigint AS provider_fee
    FROM payments p, jsonb_array_elements(p.split) WITH ORDINALITY AS part (item, place)
    WHERE p.split IS NOT NULL AND p.currency = :currency AND p.created_at >= :since AND p.created_at < :until
        AND p.status IN ('succeeded', 'partially_refunded', 'refunded')
        AND (p.facts -> 'received' IS NULL OR (
            (p.facts -> 'received' -> 2 ->> 'amount_minor')::bigint = coalesce(p.captured_minor, p.amount_minor)
            AND p.facts -> 'received' -> 2 ->> 'currency' = p.currency))
""")


class MarketplaceReads:
    def __init__(self, rows: TenantRows, views: Views) -> None:
        self._rows = rows
        self._views = views

    async def split(self, tenant: TenantContext, payment_id: str) -> View:
        """A split payment and what became of each part. Raises NotFound."""
        row = await self._rows.latest(tenant, payments, payments.c.id == payment_id, payments.c.split.is_not(None))
        if row is None:
            raise NotFound(f"There is no split payment {payment_id[:64]} in the {tenant.environment} environment.")
        payment = payment_of(row)
        found = await self._rows.fetch(
            tenant, resources.select().where(resources.c.kind == "transfer", resources.c.parent_id == payment_id)
        )
        return self.view(payment, {one.id: one for one in map(resource_of, found)})

    def view(self, payment: Payment, transfers: dict[str, Resource]) -> View:
        parts: list[JsonValue] = [
            _part(payment, place, transfers.get(transfer_id_of(payment.id, place)))
            for place in range(len(payment.split or ()))
        ]
        return {**self._views.of(payment), "object": "split_payment", "splits": parts}

    async def fees(self, tenant: TenantContext, currency: str, since: datetime, until: datetime) -> View:
        """Sums over the split payments created in the period. Amounts in major units, and in minor beside them."""
        asked = _FEES.bindparams(currency=currency, since=since, until=until)
        sums = (await self._rows.fetch(tenant, asked))[0]
        shown: View = {"object": "marketplace_fees", "currency": currency, "payments": sums["payments"]}
        for name in ("gross", "vendor", "fee", "tax", "refunded", "provider_fee"):
            shown[name] = Money(sums[name], currency).to_json_number()
            shown[f"{name}_minor"] = sums[name]
        return {**shown, "from": isoformat(since), "to": isoformat(until)}


def _part(payment: Payment, place: int, transfer: Resource | None) -> View:
    item = items_of(payment)[place]
    amount = Money(item.amount_minor, payment.currency)
    status = standing_without_transfer(payment) if transfer is None else transfer.status
    return {
        "type": item.type,
        "account_id": item.vendor_id or item.account_id,
        "amount": amount.to_json_number(),
        "amount_minor": item.amount_minor,
        "transfer_id": transfer_id_of(payment.id, place) if item.type == "vendor" else None,
        "status": status if item.type == "vendor" else None,
        "failure": dict(transfer.failure) if transfer is not None and transfer.failure else None,
    }
