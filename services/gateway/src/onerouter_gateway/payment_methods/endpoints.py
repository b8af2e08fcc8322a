"""`/v1/payment-methods`."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts import payment_resources as contracts
from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import CUSTOMER, PAYMENT_METHOD, is_id
from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payment_methods.schemas import (
    PaymentMethod,
    PaymentMethodArray,
    PaymentMethodCreate,
    PaymentMethodDelete,
    PaymentMethodUpdate,
)
from onerouter_gateway.payment_resources import change, create, find_placed, placed, read_one
from onerouter_gateway.payments.endpoints import READ, WRITE, check_provider

_PATH: Final = "/v1/payment-methods"


@endpoint(command("Keep a payment method", PaymentMethodCreate, PaymentMethod, created=True))
async def create_payment_method(request: Request) -> Response:
    """Keeps a method that the payer has entrusted to the provider, for later payments of its customer."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(PaymentMethodCreate, asked.body)
    check_provider(gateway, asked, wanted.provider)
    customer = await _customer(gateway, asked, wanted)
    payload = contracts.CreatePaymentMethod(
        provider_method_id=wanted.payment_method_id,
        customer_id=None if customer is None else customer["id"],
        provider_customer_id=None if customer is None else customer["provider_customer_id"],
        connection_id=None if customer is None else customer["connection_id"],
        provider=wanted.provider,
        nickname=wanted.nickname,
        metadata=wanted.metadata,
    )
    return await create(
        request,
        asked,
        wanted,
        payload,
        operation="payment_method.create",
        route=f"POST {_PATH}",
        prefix=PAYMENT_METHOD,
    )


@endpoint(command("Change what you note of a payment method", PaymentMethodUpdate, PaymentMethod))
async def update_payment_method(request: Request) -> Response:
    """The nickname and the metadata are yours; the method itself is the payer's."""
    asked, method = await _changing(request)
    wanted = validate(PaymentMethodUpdate, asked.body)
    payload = contracts.UpdatePaymentMethod(
        payment_method_id=method["id"], nickname=wanted.nickname, metadata=wanted.metadata
    )
    route = f"PATCH {_PATH}/{method['id']}"
    return await change(
        request,
        asked,
        canonical_of(wanted),
        payload,
        operation="payment_method.update",
        route=route,
        resource_id=method["id"],
    )


@endpoint(command("Give up a payment method", PaymentMethodDelete, PaymentMethod))
async def delete_payment_method(request: Request) -> Response:
    """The provider forgets it; nobody can be charged with it any more. Answers what it was, with status `removed`."""
    asked, method = await _changing(request)
    return await change(
        request,
        asked,
        {},
        contracts.DeletePaymentMethod(payment_method_id=method["id"]),
        operation="payment_method.delete",
        route=f"DELETE {_PATH}/{method['id']}",
        resource_id=method["id"],
    )


@endpoint(
    listing(
        "List payment methods",
        PaymentMethodArray,
        status="Only with this status. Absent: those that can be used.",
        provider="Only at this provider.",
        customer_id="Only of this customer (our id).",
    )
)
async def list_payment_methods(request: Request) -> Response:
    """An array, newest first. Where there are more than `limit`, a `Link` header with `rel="next"` leads to the next page."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    asked = {"status": "active", **request.query_params}
    answer = await gateway.payments.get(
        "/internal/resources/payment_method",
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=urlencode(asked),
    )
    if not answer.is_success:
        return to_response(answer, request)
    page = answer.json()
    following = {**asked, "cursor": page["next_cursor"]}
    headers = {"Link": f'<{_PATH}?{urlencode(following)}>; rel="next"'} if page["has_more"] else {}
    return Response(orjson.dumps(page["data"]), media_type="application/json", headers=headers)


@endpoint(query("Get a payment method", PaymentMethod))
async def get_payment_method(request: Request) -> Response:
    """By our id or the provider's."""
    return await read_one(request, "payment_method", request.path_params["payment_method_id"])


async def _changing(request: Request) -> tuple[Writing, Mapping[str, Any]]:
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    return asked, await placed(gateway, asked, "payment_method", request.path_params["payment_method_id"])


async def _customer(gateway: Gateway, asked: Writing, wanted: PaymentMethodCreate) -> Mapping[str, Any] | None:
    """Raises InvalidRequest for an unknown one, and for one that is at another provider."""
    if wanted.customer_id is None:
        return None
    known = is_id(CUSTOMER, wanted.customer_id)
    customer = await find_placed(gateway, asked, "customer", wanted.customer_id) if known else None
    if customer is None:
        raise InvalidRequest.of("customer_id", "is no customer of this environment")
    if wanted.provider not in (None, customer["provider"]):
        raise InvalidRequest.of("provider", f"must be {customer['provider']}, where the customer is")
    return customer
