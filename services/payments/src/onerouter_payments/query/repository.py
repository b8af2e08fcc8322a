"""Reads of payments and refunds on behalf of a tenant."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.errors import NotFound
from onerouter_common.ids import PAYMENT, is_id
from onerouter_common.reads.paging import Page, list_view
from onerouter_common.reads.rows import Row, TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_payments.payment.rows import payment_of
from onerouter_payments.payment.settlement import Views
from onerouter_payments.payment.tables import payments
from onerouter_payments.refund.rows import refund_of
from onerouter_payments.refund.tables import refunds

View = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    status: str | None = None
    provider: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundFilter:
    status: str | None = None
    provider: str | None = None
    payment_id: str | None = None


class Reads:
    def __init__(self, engine: AsyncEngine, views: Views) -> None:
        self._rows = TenantRows(engine)
        self._views = views

    async def payment(self, tenant: TenantContext, payment_id: str) -> View:
        """By our id, the provider's order id or the provider's payment id. Raises NotFound."""
        if is_id(PAYMENT, payment_id):
            wanted: ColumnElement[bool] = payments.c.id == payment_id
        else:
            wanted = or_(payments.c.provider_order_id == payment_id, payments.c.provider_payment_id == payment_id)
        row = await self._rows.latest(tenant, payments, wanted)
        if row is None:
            raise _missing("payment", payment_id, tenant, code="PAYMENT_NOT_FOUND")
        return self._views.of(payment_of(row))

    async def payments(self, tenant: TenantContext, wanted: PaymentFilter, page: Page) -> View:
        rows = await self._rows.page(
            tenant,
            payments,
            page,
            (payments.c.status, wanted.status),
            (payments.c.provider, wanted.provider),
            (payments.c.customer_id, wanted.customer_id),
        )
        return list_view(rows, page, lambda row: self._views.of(payment_of(row)), _key)

    async def refund(self, tenant: TenantContext, refund_id: str) -> View:
        """By our id or the provider's. Raises NotFound."""
        wanted = or_(refunds.c.id == refund_id, refunds.c.provider_refund_id == refund_id)
        row = await self._rows.latest(tenant, refunds, wanted)
        if row is None:
            raise _missing("refund", refund_id, tenant)
        return self._views.of(refund_of(row))

    async def refunds(self, tenant: TenantContext, wanted: RefundFilter, page: Page) -> View:
        rows = await self._rows.page(
            tenant,
            refunds,
            page,
            (refunds.c.status, wanted.status),
            (refunds.c.provider, wanted.provider),
            (refunds.c.payment_id, wanted.payment_id),
        )
        return list_view(rows, page, lambda row: self._views.of(refund_of(row)), _key)


def _key(row: Row) -> tuple[datetime, str]:
    return row["created_at"], row["id"]


def _missing(kind: str, id_: str, tenant: TenantContext, *, code: str | None = None) -> NotFound:
    return NotFound(f"There is no {kind} {id_[:64]} in the {tenant.environment} environment.", code=code)
