"""The internal reads that the gateway forwards to: JSON out as the public API shows it."""

from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_payments.query.repository import PaymentFilter, Reads, RefundFilter

Tenant = Annotated[TenantContext, Depends(tenant_context)]
# A word that no resource can have is a mistake worth naming, not an empty list.
PaymentStatus = Literal[
    "created",
    "requires_action",
    "processing",
    "authorized",
    "succeeded",
    "partially_refunded",
    "refunded",
    "failed",
    "canceled",
    "expired",
]
RefundStatus = Literal["pending", "succeeded", "failed"]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]  # PostgreSQL has no text with NUL


def _reads(request: Request) -> Reads:
    return cast(Reads, request.state.reads)


TenantReads = Annotated[Reads, Depends(_reads)]


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal", dependencies=[Depends(auth)])

    @routes.get("/payments/{payment_id}")
    async def get_payment(tenant: Tenant, reads: TenantReads, payment_id: str) -> Response:
        return _json(await reads.payment(tenant, payment_id))

    @routes.get("/payments")
    async def list_payments(
        tenant: Tenant,
        reads: TenantReads,
        page: AskedPage,
        status: PaymentStatus | None = None,
        provider: Text = None,
        customer_id: Text = None,
    ) -> Response:
        return _json(await reads.payments(tenant, PaymentFilter(status, provider, customer_id), page))

    @routes.get("/refunds/{refund_id}")
    async def get_refund(tenant: Tenant, reads: TenantReads, refund_id: str) -> Response:
        return _json(await reads.refund(tenant, refund_id))

    @routes.get("/refunds")
    async def list_refunds(
        tenant: Tenant,
        reads: TenantReads,
        page: AskedPage,
        status: RefundStatus | None = None,
        provider: Text = None,
        payment_id: Text = None,
    ) -> Response:
        return _json(await reads.refunds(tenant, RefundFilter(status, provider, payment_id), page))

    return routes
