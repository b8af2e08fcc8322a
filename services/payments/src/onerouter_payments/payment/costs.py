"""Which operations bear what a payment cost."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.operations.repository import View
from onerouter_common.reads.rows import Row
from onerouter_payments.cost import Prices, cost_of, cost_view
from onerouter_payments.payment.rows import payment_of
from onerouter_payments.payment.tables import payments

BEARS_THE_COST: Final = "payment.create"
"""Providers charge once for a payment; its other operations cost nothing of their own."""


class OperationCosts:
    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    async def __call__(self, tx: AsyncConnection, rows: Sequence[Row]) -> Mapping[str, View]:
        """As `onerouter_common.operations.repository.Costs`."""
        made = {row["resource_id"]: row["id"] for row in rows if row["operation"] == BEARS_THE_COST}
        if not made:
            return {}
        found = (await tx.execute(select(payments).where(payments.c.id.in_(made)))).mappings()
        shown = {made[one["id"]]: cost_view(cost_of(payment_of(dict(one)), self._prices)) for one in found}
        return {id_: cost for id_, cost in shown.items() if cost is not None}
