"""`/v1/refunds`."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.payments import CreateRefund
from onerouter_common.ids import REFUND
from onerouter_common.money import parse_major
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.payments.endpoints import CATEGORY, forward_query, plain_id, resolve_payment
from onerouter_gateway.refunds.schemas import Refund, RefundCreate, RefundList

WRITE: Final = ("refunds:write", "payments:write")
READ: Final = ("refunds:read", "payments:read")


@endpoint(command("Refund a payment", RefundCreate, Refund, created=True))
async def create_refund(request: Request) -> Response:
    """Returns money of a captured payment. Without an amount: all that is left of it."""
    asked = await gateway_of(request).admission.write(request, *WRITE)
    return await create_refund_of(request, asked, validate(RefundCreate, asked.body))


async def create_refund_of(request: Request, asked: Writing, wanted: RefundCreate) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    payment = await resolve_payment(gateway, asked, wanted.payment_id)
    amount = None if wanted.amount is None else parse_major(wanted.amount, payment["currency"])
    payload = CreateRefund(
        payment_id=payment["id"],
        amount_minor=amount.amount_minor if amount else None,
        reason=wanted.reason,
        speed=wanted.speed,
        notes=wanted.notes,
    )
    intent = Intent(
        operation="refund.create",
        category=CATEGORY,
        route="POST /v1/refunds",
        canonical={**canonical_of(wanted), "payment_id": payment["id"]},
        payload=payload.model_dump(mode="json", exclude_none=True),
        resource_prefix=REFUND,
        ordering_key=payment["id"],
    )
    return await gateway.commands.carry_out(intent, asked.asked, request)


@endpoint(
    listing(
        "List refunds",
        RefundList,
        status="Only refunds with this status.",
        provider="Only refunds at this provider.",
        payment_id="Only refunds of this payment (our id).",
    )
)
async def list_refunds(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *READ)
    return await forward_query(request, gateway, reading, "/internal/refunds")


@endpoint(query("Get a refund", Refund))
async def get_refund(request: Request) -> Response:
    """By our id or the provider's."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *READ)
    refund_id = plain_id(request.path_params["refund_id"], "refund", "NOT_FOUND")
    return await forward_query(request, gateway, reading, f"/internal/refunds/{refund_id}")
