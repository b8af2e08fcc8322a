"""`/v1/webhook-endpoints`: forwarded to the webhooks service, which validates and answers."""

import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import ENDPOINT, is_id
from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.edge.documentation import SECURITY, listing, problems, query
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.routes import RawRoute
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.webhook_endpoints.schemas import (
    CreatedWebhookEndpoint,
    DeletedWebhookEndpoint,
    DeliveryList,
    WebhookEndpoint,
    WebhookEndpointList,
)

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["Webhook endpoints"], route_class=RawRoute)

_WRITE = ("webhooks:write",)
_READ = ("webhooks:read",)
_INTERNAL = "/internal/webhook-endpoints"
_CREATE: dict[str, Any] = {
    "summary": "Create a webhook endpoint",
    "status_code": 201,
    "responses": {
        201: {"model": CreatedWebhookEndpoint, "description": "Created; the secret is shown here and never again."},
        **problems(400, 401, 403, 413, 415, 422, 429, 503),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookEndpointCreate"}}},
        },
        "security": SECURITY,
    },
}


@router.post("", **_CREATE)
async def create_webhook_endpoint(request: Request) -> Response:
    """Events are POSTed to `url`, signed by Standard Webhooks with the secret in the answer."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, *_WRITE)
    answer = await gateway.webhooks.request(
        "POST",
        _INTERNAL,
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=_without_envelope(asked),
    )
    return to_response(answer, request)


@router.get("", **listing("List webhook endpoints", WebhookEndpointList, by_time=False))
async def list_webhook_endpoints(request: Request) -> Response:
    """All of the key's environment."""
    return await _forward(request, "GET", _INTERNAL, _READ)


@router.get("/{endpoint_id}", **query("Get a webhook endpoint", WebhookEndpoint))
async def get_webhook_endpoint(request: Request) -> Response:
    """Without its secret."""
    return await _forward(request, "GET", f"{_INTERNAL}/{_endpoint_id(request)}", _READ)


@router.delete("/{endpoint_id}", **query("Delete a webhook endpoint", DeletedWebhookEndpoint))
async def delete_webhook_endpoint(request: Request) -> Response:
    """Nothing more is delivered to it."""
    return await _forward(request, "DELETE", f"{_INTERNAL}/{_endpoint_id(request)}", _WRITE)


@router.get(
    "/{endpoint_id}/deliveries",
    **listing("List an endpoint's deliveries", DeliveryList, by_time=False, of_one=True),
)
async def list_deliveries(request: Request) -> Response:
    """Newest first, each with its attempts."""
    return await _forward(request, "GET", f"{_INTERNAL}/{_endpoint_id(request)}/deliveries", _READ)


def _without_envelope(asked: Writing) -> bytes:
    """The body for the webhooks service, which knows neither of the two fields that are about the request itself."""
    wanted = {name: value for name, value in asked.body.items() if name not in ENVELOPE}
    return json.dumps(wanted, default=str).encode()  # orjson refuses integers beyond 64 bits


async def _forward(request: Request, method: str, path: str, scopes: tuple[str, ...]) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *scopes)
    answer = await gateway.webhooks.request(
        method,
        path,
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=request.url.query,
    )
    return to_response(answer, request)


def _endpoint_id(request: Request) -> str:
    endpoint_id: str = request.path_params["endpoint_id"]
    if not is_id(ENDPOINT, endpoint_id):
        raise NotFound("There is no such webhook endpoint in this environment.")
    return endpoint_id
