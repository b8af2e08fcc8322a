"""`/api/v1/payments`: the handlers of `/v1`, in older words."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.money import Money, parse_currency
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.compatibility.offsets import page_of
from onerouter_gateway.compatibility.schemas import (
    LegacyAccepted,
    LegacyPayment,
    LegacyPaymentCreate,
    LegacyPaymentList,
    LegacyPaymentStatus,
    LegacyRefund,
    LegacyRefundCreate,
)
from onerouter_gateway.compatibility.views import legacy_accepted, legacy_payment, legacy_refund, legacy_status
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payments.endpoints import (
    READ,
    WRITE,
    create_payment_of,
    forward_query,
    plain_id,
    resolve_payment,
)
from onerouter_gateway.payments.schemas import PaymentCreate
from onerouter_gateway.refunds.endpoints import WRITE as REFUND_WRITE
from onerouter_gateway.refunds.endpoints import create_refund_of
from onerouter_gateway.refunds.schemas import RefundCreate

Told = Callable[[Mapping[str, Any], str], dict[str, Any]]


_CREATE: Final = command(
    "Create a payment (minor units)", LegacyPaymentCreate, LegacyPayment, created=True, accepted=LegacyAccepted.__name__
)


@endpoint(_CREATE)
async def legacy_create_payment(request: Request) -> Response:
    """As `POST /v1/payments`, with the amount in integer minor units."""
    asked = await gateway_of(request).admission.write(request, WRITE)
    return await create_old(request, asked, asked.body)


@endpoint(listing("List payments (offset)", LegacyPaymentList, by_time=False, by_offset=True))
async def legacy_list_payments(request: Request) -> Response:
    """As `GET /v1/payments`, by `limit` and `offset`."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    return await list_old(request, reading, request.query_params)


@endpoint(query("Get a payment (minor units)", LegacyPayment))
async def legacy_get_payment(request: Request) -> Response:
    """As `GET /v1/payments/{id}`."""
    reading = await gateway_of(request).admission.read(request, READ)
    return await get_old(request, reading, request.path_params["payment_id"], legacy_payment)


@endpoint(query("Get a payment's status", LegacyPaymentStatus))
async def legacy_get_payment_status(request: Request) -> Response:
    """Only its id and status."""
    reading = await gateway_of(request).admission.read(request, READ)
    return await get_old(request, reading, request.path_params["payment_id"], legacy_status)


@endpoint(
    command(
        "Refund a payment (minor units)",
        LegacyRefundCreate,
        LegacyRefund,
        created=True,
        accepted=LegacyAccepted.__name__,
    )
)
async def legacy_refund_payment(request: Request) -> Response:
    """As `POST /v1/refunds`, with the amount in integer minor units."""
    asked = await gateway_of(request).admission.write(request, *REFUND_WRITE)
    return await refund_old(request, asked, request.path_params["payment_id"], asked.body)


async def create_old(request: Request, asked: Writing, body: Mapping[str, Any]) -> Response:
    wanted = validate(LegacyPaymentCreate, body)
    currency = parse_currency(wanted.currency or asked.principal.default_currency)
    today = _today(PaymentCreate, wanted, amount=_major(int(wanted.amount), currency))
    return told(await create_payment_of(request, asked, today), request, legacy_payment)


async def refund_old(request: Request, asked: Writing, payment_id: str, body: Mapping[str, Any]) -> Response:
    wanted = validate(LegacyRefundCreate, body)
    amount = None
    if wanted.amount is not None:
        payment = await resolve_payment(gateway_of(request), asked, payment_id)
        amount = _major(wanted.amount, payment["currency"])
    today = _today(RefundCreate, wanted, payment_id=payment_id, amount=amount)
    return told(await create_refund_of(request, asked, today), request, legacy_refund)


async def get_old(request: Request, reading: Reading, payment_id: str, view: Told) -> Response:
    gateway = gateway_of(request)
    found = plain_id(payment_id, "payment", "PAYMENT_NOT_FOUND")
    return told(await forward_query(request, gateway, reading, f"/internal/payments/{found}"), request, view)


async def list_old(request: Request, reading: Reading, asked: Mapping[str, Any]) -> Response:
    """Raises InvalidRequest (fields `limit`, `offset`)."""
    gateway: Gateway = gateway_of(request)
    limit, offset = page_of(asked)
    answer = await gateway.payments.get(
        "/internal/payments-by-offset",
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=f"limit={limit}&offset={offset}",
    )
    if not answer.is_success:
        return to_response(answer, request)
    page = answer.json()
    trace_id = request.state.trace_id
    payments = [legacy_payment(payment, trace_id) for payment in page["data"]]
    body = {
        "payments": payments,
        "data": payments,
        "total": page["total"],
        "limit": limit,
        "offset": offset,
        "has_more": page["has_more"],
        "trace_id": trace_id,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def told(answer: Response, request: Request, view: Told) -> Response:
    """A success in older words; a problem as it is."""
    if not 200 <= answer.status_code < 300:
        return answer
    body = orjson.loads(bytes(answer.body))
    shown = legacy_accepted if body.get("object") == "operation" else view
    kept = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    return Response(
        orjson.dumps(shown(body, request.state.trace_id)),
        status_code=answer.status_code,
        headers=kept,
        media_type="application/json",
    )


def _today(model: type[Any], wanted: BaseModel, **changed: Any) -> Any:
    given = wanted.model_dump(exclude_unset=True, exclude={"amount"})
    present = {name: value for name, value in changed.items() if value is not None}
    return validate(model, {**given, **present})


def _major(minor: int, currency: str) -> Decimal:
    return Money(minor, currency).major
