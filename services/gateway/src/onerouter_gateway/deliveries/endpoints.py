"""`/v1/deliveries` and those of an endpoint: forwarded to the webhooks service, which validates and answers."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import DELIVERY, ENDPOINT, RECOVERY, is_id
from onerouter_common.once.key import Key
from onerouter_gateway.admission import Reading, Writing
from onerouter_gateway.deliveries.schemas import Delivery, DeliveryList
from onerouter_gateway.edge.documentation import SECURITY, listing, problems, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.gateway import gateway_of

_NAMES: Final = {ENDPOINT: "webhook endpoint", DELIVERY: "delivery", RECOVERY: "recovery"}


_RETRY: Final[dict[str, Any]] = {
    "summary": "Retry a delivery",
    "responses": {
        200: {"model": Delivery, "description": "The new delivery, on its way."},
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
    "openapi_extra": {"security": SECURITY},
}


@endpoint(
    listing(
        "List an endpoint's deliveries",
        DeliveryList,
        by_time=False,
        of_one=True,
        status="Only these: pending, held, succeeded, exhausted or canceled.",
        type="Only of events of this type, such as `payment.succeeded`.",
        since="Only what was made at this moment or later (RFC 3339).",
        until="Only what was made before this moment (RFC 3339).",
    )
)
async def list_deliveries(request: Request) -> Response:
    """Newest first, each with its attempts. Deliveries are kept for 90 days."""
    asked = await reading(request)
    path = f"/internal/webhook-endpoints/{id_of(request, ENDPOINT, 'endpoint_id')}/deliveries"
    return await forward(request, asked, "GET", path)


@endpoint(query("Get a delivery", Delivery))
async def get_delivery(request: Request) -> Response:
    """With every attempt: what was answered, from which address, and how long it took."""
    asked = await reading(request)
    path = f"/internal/deliveries/{id_of(request, DELIVERY, 'delivery_id')}"
    return await forward(request, asked, "GET", path)


@endpoint(keyed(_RETRY))
async def retry_delivery(request: Request) -> Response:
    """Sends its event to its endpoint once more, at once. It is tried once; what was planned anyway goes on until one of
    them is taken."""
    asked = await gateway_of(request).admission.write(request, "webhooks:write")
    path = f"/internal/deliveries/{id_of(request, DELIVERY, 'delivery_id')}/retry"
    return await forward(request, asked, "POST", path, once=once_of(asked, gateway_of(request).commands.digest, path))


async def reading(request: Request) -> Reading:
    """Who asks. Raises what is wrong with it."""
    return await gateway_of(request).admission.read(request, "webhooks:read")


async def forward(
    request: Request,
    who: Reading | Writing,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    once: Key | None = None,
) -> Response:
    """The webhooks service's answer, as ours. `path` is made of checked parts."""
    answer = await gateway_of(request).webhooks.request(
        method,
        path,
        tenant_id=who.principal.tenant_id,
        environment=who.environment,
        query=request.url.query if method == "GET" else "",
        body=body,
        once=once,
    )
    return to_response(answer, request)


def id_of(request: Request, prefix: str, name: str) -> str:
    """A path's id. Raises NotFound for what is none."""
    value: str = request.path_params[name]
    if not is_id(prefix, value):
        raise NotFound(f"There is no such {_NAMES[prefix]} in this environment.")
    return value
