"""What split payments brought, summed over real rows."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool
from onerouter_common.money import Money
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_payments.marketplace.reads import MarketplaceReads
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.repository import PaymentStore
from onerouter_providers.capability import PaymentSnapshot

from ..examples import NOW, VIEWS, a_payment

SPLIT = [
    {"type": "vendor", "amount_minor": 40_000, "vendor_id": "ven_1", "account_id": "acc_1"},
    {"type": "fee", "amount_minor": 7_000},
    {"type": "tax", "amount_minor": 3_000},
]
TENANT = TenantContext("ten_1", "test")


async def paid(pool: Pool, received_minor: int | None, **told: Any) -> None:
    captured = None if received_minor is None else Money(received_minor, told.pop("currency", "INR"))
    word = PaymentSnapshot("succeeded", "order_1", "pay_1", captured=captured, **told)
    aggregate = observe_payment(PaymentAggregate(a_payment(split=SPLIT)), word, NOW).aggregate
    async with pool.acquire() as connection, connection.transaction():
        await PaymentStore().save(connection, [aggregate])


async def test_fees_are_of_what_came_in_as_it_was_asked_for(pool: Pool, engine: AsyncEngine) -> None:
    await paid(pool, 50_000, fee_minor=1_000)
    await paid(pool, None, fee_minor=11, fee_currency="USD", amount_refunded_minor=500)
    await paid(pool, 49_999, fee_minor=5)  # not divided
    await paid(pool, 50_000, currency="USD")
    reads = MarketplaceReads(TenantRows(engine), VIEWS)
    sums = await reads.fees(TENANT, "INR", NOW.replace(year=2000), NOW.replace(year=2100))
    assert {name: sums[name] for name in sums if name.endswith(("_minor", "payments"))} == {
        "payments": 2,
        "gross_minor": 100_000,
        "vendor_minor": 80_000,
        "fee_minor": 14_000,
        "tax_minor": 6_000,
        "refunded_minor": 500,
        "provider_fee_minor": 1_000,
    }
    assert sums["provider_fee"] == 10
