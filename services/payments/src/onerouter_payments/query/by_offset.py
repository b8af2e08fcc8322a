"""Payments by offset and with a total, for clients of older paths. New ones page by cursor."""

from typing import Annotated, Final, cast

import orjson
from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.reads.paging import MOST
from onerouter_common.reads.rows import TenantRows
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_payments.payment.rows import payment_of
from onerouter_payments.payment.settlement import Views
from onerouter_payments.payment.tables import payments

COUNTED: Final = 10_000
"""Counting further would read the whole table for a number nobody reads."""


class PaymentsByOffset:
    def __init__(self, rows: TenantRows, views: Views) -> None:
        self._rows = rows
        self._views = views

    async def page(self, tenant: TenantContext, *, limit: int, offset: int) -> dict[str, object]:
        """`{data, has_more, total}`, newest first; `total` is counted to 10,000."""
        newest = select(payments).order_by(payments.c.created_at.desc(), payments.c.id.desc())
        found = await self._rows.fetch(tenant, newest.limit(limit + 1).offset(offset))
        some = select(payments.c.id).limit(COUNTED).subquery()
        counted = await self._rows.fetch(tenant, select(func.count().label("total")).select_from(some))
        return {
            "data": [self._views.of(payment_of(row)) for row in found[:limit]],
            "has_more": len(found) > limit,
            "total": counted[0]["total"],
        }


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal", dependencies=[Depends(auth)])

    @routes.get("/payments-by-offset")
    async def list_by_offset(
        request: Request,
        tenant: Annotated[TenantContext, Depends(tenant_context)],
        limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
        offset: Annotated[int, Query(ge=0, le=COUNTED)] = 0,
    ) -> Response:
        by_offset = cast(PaymentsByOffset, request.state.by_offset)
        return Response(
            orjson.dumps(await by_offset.page(tenant, limit=limit, offset=offset)), media_type="application/json"
        )

    return routes
