"""`/v1/payment-links`."""

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts import payment_resources as contracts
from onerouter_common.contracts.payments import Customer
from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import PAYMENT_LINK
from onerouter_common.money import parse_currency, parse_major
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.payment_links.schemas import (
    PaymentLink,
    PaymentLinkCancel,
    PaymentLinkCreate,
    PaymentLinkList,
)
from onerouter_gateway.payment_resources import change, create, placed, read_one, read_page
from onerouter_gateway.payments.endpoints import WRITE, check_provider


@endpoint(command("Create a payment link", PaymentLinkCreate, PaymentLink, created=True))
async def create_payment_link(request: Request) -> Response:
    """Makes the link at the provider that the environment's route chooses; send `short_url` to the payer."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(PaymentLinkCreate, asked.body)
    check_provider(gateway, asked, wanted.provider)
    currency = parse_currency(wanted.currency or asked.principal.default_currency)
    payload = contracts.CreatePaymentLink(
        amount_minor=parse_major(wanted.amount, currency).amount_minor,
        currency=currency,
        description=wanted.description,
        customer=_customer(wanted),
        callback_url=wanted.callback_url,
        expires_at=wanted.expires_at,
        notify=wanted.notify,
        provider=wanted.provider,
        notes=wanted.notes,
        metadata=wanted.metadata,
    )
    return await create(
        request,
        asked,
        wanted,
        payload,
        operation="payment_link.create",
        route="POST /v1/payment-links",
        prefix=PAYMENT_LINK,
    )


@endpoint(command("Cancel a payment link", PaymentLinkCancel, PaymentLink))
async def cancel_payment_link(request: Request) -> Response:
    """Nobody can pay at it any more. No body is needed; one that is paid, in whole or in part, is 409."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    link = await placed(gateway, asked, "payment_link", request.path_params["payment_link_id"])
    return await change(
        request,
        asked,
        {},
        contracts.CancelPaymentLink(payment_link_id=link["id"]),
        operation="payment_link.cancel",
        route=f"POST /v1/payment-links/{link['id']}/cancel",
        resource_id=link["id"],
    )


@endpoint(
    listing("List payment links", PaymentLinkList, status="Only with this status.", provider="Only of this provider.")
)
async def list_payment_links(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return await read_page(request, "payment_link")


@endpoint(query("Get a payment link", PaymentLink))
async def get_payment_link(request: Request) -> Response:
    """By our id or the provider's."""
    return await read_one(request, "payment_link", request.path_params["payment_link_id"])


def _customer(wanted: PaymentLinkCreate) -> Customer | None:
    """Raises InvalidRequest where two different addresses are given."""
    given = {} if wanted.customer is None else wanted.customer.model_dump(exclude_none=True)
    if wanted.customer_email is not None:
        if given.get("email") not in (None, wanted.customer_email):
            raise InvalidRequest.of("customer_email", "is another address than customer.email")
        given["email"] = wanted.customer_email
    return Customer(**given) if given else None
