"""`/v1/webhook-endpoints/{id}/recover` and `…/recoveries`: forwarded to the webhooks service."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.ids import ENDPOINT, RECOVERY
from onerouter_gateway.deliveries.endpoints import forward, id_of, reading
from onerouter_gateway.deliveries.schemas import Recovery, RecoveryList, RecoveryStart
from onerouter_gateway.edge.documentation import SECURITY, change_at_once, listing, problems, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import body_of
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.gateway import gateway_of

_CANCEL: Final[dict[str, Any]] = {
    "summary": "Cancel a recovery",
    "responses": {
        200: {"model": Recovery, "description": "As it ended."},
        **problems(400, 401, 403, 404, 413, 415, 422, 429, 503),
    },
    "openapi_extra": {"security": SECURITY},
}


@endpoint(keyed(change_at_once("Recover what an endpoint missed", RecoveryStart, Recovery, created=True)))
async def start_recovery(request: Request) -> Response:
    """Starts a job that sends again what the endpoint missed, beside what is new: that keeps four fifths of its places. One
    at a time for each endpoint."""
    asked = await gateway_of(request).admission.write(request, "webhooks:write")
    path = f"{_endpoint(request)}/recover"
    once = once_of(asked, gateway_of(request).commands.digest, path)
    return await forward(request, asked, "POST", path, body=body_of(asked.body), once=once)


@endpoint(listing("List an endpoint's recoveries", RecoveryList, by_time=False, of_one=True))
async def list_recoveries(request: Request) -> Response:
    """Newest first."""
    return await forward(request, await reading(request), "GET", f"{_endpoint(request)}/recoveries")


@endpoint(query("Get a recovery", Recovery))
async def get_recovery(request: Request) -> Response:
    """How far it came."""
    return await forward(request, await reading(request), "GET", _recovery(request))


@endpoint(_CANCEL)
async def cancel_recovery(request: Request) -> Response:
    """What it has put on its way still arrives; no more follows. One that is at its end stays as it ended."""
    asked = await gateway_of(request).admission.write(request, "webhooks:write")
    return await forward(request, asked, "POST", f"{_recovery(request)}/cancel")


def _endpoint(request: Request) -> str:
    return f"/internal/webhook-endpoints/{id_of(request, ENDPOINT, 'endpoint_id')}"


def _recovery(request: Request) -> str:
    return f"{_endpoint(request)}/recoveries/{id_of(request, RECOVERY, 'recovery_id')}"
