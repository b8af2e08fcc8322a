"""`/v1/payments`: one request → one command, or one query of the payments service."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.base import Category
from onerouter_common.contracts.payments import CancelPayment, CapturePayment, CreatePayment, Customer
from onerouter_common.errors import InvalidRequest, NotFound, ServiceNotConfigured
from onerouter_common.ids import CUSTOMER, PAYMENT, is_id
from onerouter_common.money import parse_currency, parse_major
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge import arriving
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payments.schemas import (
    CustomerDetails,
    Payment,
    PaymentCancel,
    PaymentCapture,
    PaymentCreate,
    PaymentList,
)

CATEGORY: Final = "payments"
WRITE: Final = "payments:write"
READ: Final = "payments:read"
_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z_\-]{1,128}")
_METHOD_DETAILS: Final = ("upi_app", "emi_plan", "card_network", "wallet_provider", "bank_code")


@endpoint(command("Create a payment", PaymentCreate, Payment, created=True))
async def create_payment(request: Request) -> Response:
    """Creates the payment at the provider that the environment's route chooses, and answers once the provider did.

    The customer then pays at `checkout_url`, or in the provider's own checkout opened with `checkout`.
    """
    asked = await gateway_of(request).admission.write(request, WRITE)
    return await create_payment_of(request, asked, validate(PaymentCreate, asked.body))


async def create_payment_of(request: Request, asked: Writing, wanted: PaymentCreate) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    check_provider(gateway, asked, wanted.provider)
    currency = parse_currency(wanted.currency or asked.principal.default_currency)
    amount = parse_major(wanted.amount, currency)
    payload = CreatePayment(
        amount_minor=amount.amount_minor,
        currency=currency,
        provider=wanted.provider,
        method=wanted.method,
        capture=wanted.capture,
        receipt=wanted.receipt,
        description=wanted.description,
        notes=wanted.notes,
        metadata=wanted.metadata,
        customer=Customer(**wanted.customer.model_dump()) if wanted.customer is not None else None,
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url,
        method_details={name: value for name in _METHOD_DETAILS if (value := getattr(wanted, name)) is not None},
        save_card=wanted.save_card,
        country=wanted.country or country_of(wanted.customer),
        channel=wanted.channel or None,
        **await _customer_known(gateway, asked, wanted.customer),
    )
    intent = Intent(
        operation="payment.create",
        category=CATEGORY,
        route="POST /v1/payments",
        canonical=canonical_of(wanted),
        payload=payload.model_dump(mode="json", exclude_none=True),
        resource_prefix=PAYMENT,
    )
    return await gateway.commands.carry_out(intent, asked.asked, request)


@endpoint(command("Capture an authorized payment", PaymentCapture, Payment))
async def capture_payment(request: Request) -> Response:
    """Takes the money of a payment that was made with `capture: manual`. Without an amount: all of it."""
    asked = await gateway_of(request).admission.write(request, WRITE)
    return await capture_payment_of(
        request, asked, request.path_params["payment_id"], validate(PaymentCapture, asked.body)
    )


async def capture_payment_of(request: Request, asked: Writing, payment_id: str, wanted: PaymentCapture) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    payment = await resolve_payment(gateway, asked, payment_id)
    amount = None if wanted.amount is None else parse_major(wanted.amount, payment["currency"])
    payload = CapturePayment(payment_id=payment["id"], amount_minor=amount.amount_minor if amount else None)
    return await _change(
        request, gateway, asked, "capture", payload.model_dump(exclude_none=True), canonical_of(wanted)
    )


@endpoint(command("Cancel a payment", PaymentCancel, Payment))
async def cancel_payment(request: Request) -> Response:
    """Gives up a payment that is not paid yet, or releases an authorized one. No body is needed."""
    asked = await gateway_of(request).admission.write(request, WRITE)
    return await cancel_payment_of(request, asked, request.path_params["payment_id"])


async def cancel_payment_of(request: Request, asked: Writing, payment_id: str) -> Response:
    """The same, whichever door it came in by."""
    gateway = gateway_of(request)
    payment = await resolve_payment(gateway, asked, payment_id)
    payload = CancelPayment(payment_id=payment["id"])
    return await _change(request, gateway, asked, "cancel", payload.model_dump(), {})


@endpoint(
    listing(
        "List payments",
        PaymentList,
        status="Only payments with this status.",
        provider="Only payments of this provider.",
        customer_id="Only payments of this customer.",
    )
)
async def list_payments(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    return await forward_query(request, gateway, reading, "/internal/payments")


@endpoint(query("Get a payment", Payment))
async def get_payment(request: Request) -> Response:
    """By our id, the provider's order id or the provider's payment id."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    payment_id = plain_id(request.path_params["payment_id"], "payment", "PAYMENT_NOT_FOUND")
    return await forward_query(request, gateway, reading, f"/internal/payments/{payment_id}")


def country_of(customer: CustomerDetails | None) -> str | None:
    return customer.address.country if customer is not None and customer.address is not None else None


async def forward_query(request: Request, gateway: Gateway, reading: Reading, path: str) -> Response:
    """The payments service's answer to a query of this tenant."""
    answer = await arriving.read(gateway.payments, gateway.accepted, reading, path, request.url.query)
    return to_response(answer, request)


async def resolve_payment(gateway: Gateway, asked: Writing, payment_id: str) -> Mapping[str, Any]:
    """The payment behind any of its three ids, before anything is written down. Raises NotFound or Overloaded.

    One that is still being made is waited for, as by a read: to say that there is none would not be true.
    """
    payment_id = plain_id(payment_id, "payment", "PAYMENT_NOT_FOUND")
    answer = await arriving.read(gateway.payments, gateway.accepted, asked, f"/internal/payments/{payment_id}")
    if not answer.is_success:
        raise _missing("payment", "PAYMENT_NOT_FOUND")
    payment: Mapping[str, Any] = answer.json()
    return payment


def is_plain(value: str) -> bool:
    """Whether it can stand in a path: nothing has an id of another shape."""
    return _PLAIN_ID.fullmatch(value) is not None


def plain_id(value: str, kind: str, code: str) -> str:
    """The id, as it can stand in a path. Raises NotFound."""
    if not is_plain(value):
        raise _missing(kind, code)
    return value


async def _customer_known(gateway: Gateway, asked: Writing, customer: CustomerDetails | None) -> dict[str, str]:
    """Where a customer made with us is, and as what. Any other id is the caller's own. Raises InvalidRequest."""
    if customer is None or customer.id is None or not is_id(CUSTOMER, customer.id):
        return {}
    path = f"/internal/resources/customer/{customer.id}/placed"
    answer = await arriving.read(gateway.payments, gateway.accepted, asked, path, id_=customer.id)
    if not answer.is_success:
        raise InvalidRequest.of("customer.id", "is no customer of this environment")
    known = answer.json()
    if known["provider_customer_id"] is None:
        return {}
    return {
        "customer_connection_id": known["connection_id"],
        "provider_customer_id": known["provider_customer_id"],
    }


def check_provider(gateway: Gateway, asked: Writing, provider: str | None, *, category: Category = CATEGORY) -> None:
    """Refuse at once what no route can serve. Raises InvalidRequest (INVALID_PROVIDER) or ServiceNotConfigured."""
    if provider is not None:
        check_known(gateway, provider, category=category)
    if asked.environment != asked.principal.environment:
        return  # the key's services are those of its own environment; the worker looks at the other one's
    connected = asked.principal.services.get(category, ())
    if not connected:
        raise ServiceNotConfigured(f"No {category} provider is connected in the {asked.environment} environment.")
    if provider is not None and provider not in connected:
        raise ServiceNotConfigured(f"{provider} is not connected in the {asked.environment} environment.")


def check_known(gateway: Gateway, provider: str, *, category: Category, field: str = "provider") -> None:
    """Raises InvalidRequest (INVALID_PROVIDER)."""
    known = gateway.providers.get(category, frozenset())
    if provider not in known:
        raise InvalidRequest(
            f"There is no {category} provider of that name; known are {', '.join(sorted(known))}.",
            code="INVALID_PROVIDER",
            errors=InvalidRequest.of(field, "is not a provider we know").errors,
        )


async def _change(
    request: Request,
    gateway: Gateway,
    asked: Writing,
    verb: str,
    payload: Mapping[str, Any],
    canonical: Mapping[str, Any],
) -> Response:
    payment_id = payload["payment_id"]
    intent = Intent(
        operation=f"payment.{verb}",
        category=CATEGORY,
        route=f"POST /v1/payments/{payment_id}/{verb}",
        canonical=canonical,
        payload=payload,
        resource_id=payment_id,
    )
    return await gateway.commands.carry_out(intent, asked.asked, request)


def _missing(kind: str, code: str) -> NotFound:
    return NotFound(f"There is no such {kind} in this environment.", code=code)
