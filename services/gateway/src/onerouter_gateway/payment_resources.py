"""What the routes of plans, subscriptions, customers, links, methods and vendors have in common."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.base import Contract
from onerouter_common.errors import NotFound
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge import arriving
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.payments.endpoints import CATEGORY, READ, forward_query, is_plain, plain_id

_INTERNAL: Final = "/internal/resources"


async def read_one(request: Request, kind: str, id_: str) -> Response:
    """One resource, by our id or the provider's."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    return await forward_query(request, gateway, reading, f"{_INTERNAL}/{kind}/{_plain(id_, kind)}")


async def read_page(request: Request, kind: str) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    return await forward_query(request, gateway, reading, f"{_INTERNAL}/{kind}")


async def placed(gateway: Gateway, asked: Writing, kind: str, id_: str) -> Mapping[str, Any]:
    """A resource of this tenant as the worker knows it, with `connection_id` and `asked`. Raises NotFound or Overloaded."""
    found = await find_placed(gateway, asked, kind, id_)
    if found is None:
        raise _missing(kind)
    return found


async def find_placed(gateway: Gateway, asked: Writing, kind: str, id_: str) -> Mapping[str, Any] | None:
    """The same; None when there is none of that id. One that is still being made is waited for."""
    if not is_plain(id_):
        return None
    path = f"{_INTERNAL}/{kind}/{id_}/placed"
    answer = await arriving.read(gateway.payments, gateway.accepted, asked, path, id_=id_)
    if not answer.is_success:
        return None
    found: Mapping[str, Any] = answer.json()
    return found


async def create(
    request: Request, asked: Writing, wanted: BaseModel, payload: Contract, *, operation: str, route: str, prefix: str
) -> Response:
    """Carry out what makes a new resource."""
    intent = Intent(
        operation=operation,
        category=CATEGORY,
        route=route,
        canonical=canonical_of(wanted),
        payload=payload.model_dump(mode="json", exclude_none=True),
        resource_prefix=prefix,
    )
    return await gateway_of(request).commands.carry_out(intent, asked.asked, request)


async def change(
    request: Request,
    asked: Writing,
    canonical: Mapping[str, Any],
    payload: Contract,
    *,
    operation: str,
    route: str,
    resource_id: str,
) -> Response:
    """Carry out what changes a resource that exists. `route` has our own id in it."""
    intent = Intent(
        operation=operation,
        category=CATEGORY,
        route=route,
        canonical=canonical,
        payload=payload.model_dump(mode="json", exclude_none=True),
        resource_id=resource_id,
    )
    return await gateway_of(request).commands.carry_out(intent, asked.asked, request)


def _plain(id_: str, kind: str) -> str:
    return plain_id(id_, kind.replace("_", " "), "NOT_FOUND")


def _missing(kind: str) -> NotFound:
    return NotFound(f"There is no such {kind.replace('_', ' ')} in this environment.")
