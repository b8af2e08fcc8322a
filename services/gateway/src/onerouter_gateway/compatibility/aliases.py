"""Older paths of `/v1` itself: the handler of the newer one, and headers that name it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_gateway.billing.schemas import Subscription, SubscriptionCreate
from onerouter_gateway.billing.subscriptions import create_subscription
from onerouter_gateway.edge.documentation import command, query
from onerouter_gateway.edge.routes import RawRoute
from onerouter_gateway.payments.endpoints import create_payment, get_payment
from onerouter_gateway.payments.schemas import Payment, PaymentCreate
from onerouter_gateway.refunds.endpoints import create_refund
from onerouter_gateway.refunds.schemas import Refund, RefundCreate

Endpoint = Callable[[Request], Awaitable[Response]]

DEPRECATED_SINCE: Final = "@1767225600"
"""2026-01-01 (RFC 9745): from then on the newer paths are the ones to use. The older ones stay."""


@dataclass(frozen=True, slots=True)
class Alias:
    method: str
    path: str
    endpoint: Endpoint
    successor: str
    """Path of the newer route, with the same parameters."""
    described: dict[str, Any]


def _command(summary: str, body: type[BaseModel], answer: type[BaseModel]) -> dict[str, Any]:
    return command(summary, body, answer, created=True)


ALIASES: Final = (
    Alias(
        "POST",
        "/v1/payments/orders",
        create_payment,
        "/v1/payments",
        _command("Create a payment", PaymentCreate, Payment),
    ),
    Alias(
        "GET",
        "/v1/payments/orders/{payment_id}",
        get_payment,
        "/v1/payments/{payment_id}",
        query("Get a payment", Payment),
    ),
    Alias(
        "POST", "/v1/payments/refund", create_refund, "/v1/refunds", _command("Refund a payment", RefundCreate, Refund)
    ),
    Alias(
        "POST",
        "/v1/subscriptions/create",
        create_subscription,
        "/v1/subscriptions",
        _command("Create a subscription", SubscriptionCreate, Subscription),
    ),
)


def announced(endpoint: Endpoint, successor: str) -> Endpoint:
    """The endpoint, with `Deprecation` and `Link` on every answer, errors included."""

    async def door(request: Request) -> Response:
        # Quoted again: a decoded path may hold what ends a header.
        path = successor.format(**{name: quote(value, safe="") for name, value in request.path_params.items()})
        request.state.response_headers.extend(
            [
                (b"deprecation", DEPRECATED_SINCE.encode()),
                (b"link", f'<{path}>; rel="successor-version"'.encode()),
            ]
        )
        return await endpoint(request)

    door.__doc__ = f"The same as `{successor}`, which is the path to use."
    return door


def router() -> APIRouter:
    routes = APIRouter(tags=["Older paths"], route_class=RawRoute)
    for alias in ALIASES:
        routes.add_api_route(
            alias.path,
            announced(alias.endpoint, alias.successor),
            methods=[alias.method],
            name=f"{_name(alias.endpoint)}_{alias.path.rsplit('/', 1)[-1].strip('{}')}",
            deprecated=True,
            **alias.described,
        )
    return routes


def _name(endpoint: Endpoint) -> str:
    return str(getattr(endpoint, "__name__", "older"))
