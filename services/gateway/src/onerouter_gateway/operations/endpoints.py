"""`/v1/operations`: the transaction log."""

from collections.abc import Callable
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import OPERATION, is_id
from onerouter_common.reads.pairs import MOST_PAIRS
from onerouter_gateway.commands.accepted import Noted
from onerouter_gateway.commands.answers import json_response
from onerouter_gateway.edge.documentation import listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.operations.asked import asked_of_services
from onerouter_gateway.operations.schemas import Operation, OperationList, OperationTimeline
from onerouter_gateway.upstream import Answer

_LOG: Final = listing(
    "List operations",
    OperationList,
    category="Only this category's: `payments`, `sms`, `email` or `storage`.",
    status="Only operations with this status.",
    operation="Only this kind, such as `payment.create`.",
    action="Only what was done so, to whatever: `create`, `send`, `cancel`.",
    provider="Only those that went to this provider.",
    resource="Only operations on this resource, by our id.",
    idempotency_key="Only what was asked for under this key: one at most. The payments of a bulk-split under the key `K` are "
    "operations of their own, under `K:0`, `K:1` and so on in the order they were sent in (or under the key an item names): "
    "ask for each. Where `K` has more than 252 characters, the SHA-256 of it in hex stands in its place.",
)
_LOG["openapi_extra"]["parameters"] += [
    {
        "name": "metadata",
        "in": "query",
        "required": False,
        "style": "deepObject",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MOST_PAIRS},
        "example": {"order": "1042"},
        "description": "`metadata[order]=1042`: only what was asked for with this metadata. Of several, all must be there.",
    },
    {
        "name": "resource_id",
        "in": "query",
        "required": False,
        "deprecated": True,
        "schema": {"type": "string"},
        "description": "The same as `resource`.",
    },
]


@endpoint(query("Get an operation", Operation))
async def get_operation(request: Request) -> Response:
    """With every attempt at a provider. This is where a 202 points."""
    return await _of_one(request, "", Noted.view)


@endpoint(listing("Get an operation's timeline", OperationTimeline, by_time=False, of_one=True, oldest_first=True))
async def get_operation_timeline(request: Request) -> Response:
    """Oldest first: accepted, scheduled, routed and why, each call with its outcome, the provider's callbacks, the events
    that were published, and how it ended."""
    return await _of_one(request, "/timeline", Noted.timeline)


@endpoint(_LOG)
async def list_operations(request: Request) -> Response:
    """The transaction log of all categories, newest first, without attempts. Any filters can be combined. Follow
    `next_cursor` while `has_more`: a page may hold fewer than `limit`, even none, where what fits is rare among what has
    that metadata. What comes in meanwhile is on none of the pages behind."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *gateway.operations.scopes)
    asked = asked_of_services(request.query_params, reading, gateway.commands)
    found = await gateway.operations.page(reading, asked)
    if isinstance(found, Answer):
        return to_response(found, request)
    return Response(orjson.dumps(found), media_type="application/json")


async def _of_one(request: Request, what: str, shown: Callable[[Noted], dict[str, Any]]) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *gateway.operations.scopes)
    operation_id = _operation_id(request)
    answer = await gateway.operations.find(reading, f"{operation_id}{what}", request.query_params)
    if answer.status == 404:
        noted = await gateway.operations.find_accepted(reading, operation_id)
        if noted is not None:
            return json_response(shown(noted))
    return to_response(answer, request)


def _operation_id(request: Request) -> str:
    """Raises NotFound."""
    operation_id: str = request.path_params["operation_id"]
    if not is_id(OPERATION, operation_id):
        raise NotFound("There is no such operation in this environment.")
    return operation_id
