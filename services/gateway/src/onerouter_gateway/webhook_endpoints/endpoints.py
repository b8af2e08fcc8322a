"""`/v1/webhook-endpoints`: forwarded to the webhooks service, which validates and answers."""

from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import ENDPOINT, is_id
from onerouter_common.once.key import REPLAYED
from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.documentation import SECURITY, change_at_once, listing, problems, query, request_body
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import body_of, to_response
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.upstream import Answer
from onerouter_gateway.webhook_endpoints.schemas import (
    CreatedWebhookEndpoint,
    DeletedWebhookEndpoint,
    RotatedWebhookSecret,
    SentWebhookTest,
    WebhookEndpoint,
    WebhookEndpointCreate,
    WebhookEndpointList,
    WebhookEndpointSwitch,
    WebhookEndpointUpdate,
    WebhookSecretRotate,
    WebhookTest,
)

log = structlog.get_logger()

_WRITE = ("webhooks:write",)
_READ = ("webhooks:read",)
_INTERNAL = "/internal/webhook-endpoints"
_CREATE: dict[str, Any] = {
    "body": WebhookEndpointCreate,
    "summary": "Create a webhook endpoint",
    "status_code": 201,
    "responses": {
        201: {"model": CreatedWebhookEndpoint, "description": "Created; the secret is shown here and never again."},
        **problems(400, 401, 403, 413, 415, 422, 429, 503),
    },
    "openapi_extra": {
        "requestBody": request_body(WebhookEndpointCreate),
        "security": SECURITY,
    },
}


@endpoint(keyed(_CREATE))
async def create_webhook_endpoint(request: Request) -> Response:
    """Events are POSTed to `url`, signed by Standard Webhooks: `v1` with the secret in the answer, `v1a` with the key pair
    whose public half is always shown. A repeat under its `Idempotency-Key`, with the same API key, shows the same secret, as
    long as that signs."""
    return await _change(request, "POST", once=True, is_secret=True)


@endpoint(listing("List webhook endpoints", WebhookEndpointList, by_time=False))
async def list_webhook_endpoints(request: Request) -> Response:
    """All of the key's environment."""
    return await _forward(request, "GET", _READ)


@endpoint(query("Get a webhook endpoint", WebhookEndpoint))
async def get_webhook_endpoint(request: Request) -> Response:
    """Without its secret."""
    return await _forward(request, "GET", _READ)


@endpoint(change_at_once("Change a webhook endpoint", WebhookEndpointUpdate, WebhookEndpoint))
async def update_webhook_endpoint(request: Request) -> Response:
    """Holds for attempts that begin from now on."""
    return await _change(request, "PATCH")


@endpoint(change_at_once("Pause a webhook endpoint", WebhookEndpointSwitch, WebhookEndpoint))
async def pause_webhook_endpoint(request: Request) -> Response:
    """What is owed to it, and what comes, is kept until it is enabled."""
    return await _change(request, "POST", "/pause")


@endpoint(change_at_once("Enable a webhook endpoint", WebhookEndpointSwitch, WebhookEndpoint))
async def enable_webhook_endpoint(request: Request) -> Response:
    """One that was paused, or disabled because it failed for too long. What was kept is delivered, the oldest first."""
    return await _change(request, "POST", "/enable")


@endpoint(keyed(change_at_once("Rotate a webhook endpoint's secret", WebhookSecretRotate, RotatedWebhookSecret)))
async def rotate_webhook_secret(request: Request) -> Response:
    """Each live secret signs each delivery, the newest first, so that receivers can change over without a gap. There can be
    10 at once. A repeat under its `Idempotency-Key` is one with the same API key."""
    return await _change(request, "POST", "/secret/rotate", once=True, is_secret=True)


@endpoint(keyed(change_at_once("Send a test event", WebhookTest, SentWebhookTest)))
async def send_test_event(request: Request) -> Response:
    """An example of an event, signed and delivered as any other, once, to this endpoint alone and whatever it takes. Its
    `test` is true, which no other event has."""
    return await _change(request, "POST", "/test", once=True)


@endpoint(query("Delete a webhook endpoint", DeletedWebhookEndpoint))
async def delete_webhook_endpoint(request: Request) -> Response:
    """Nothing more is delivered to it."""
    return await _forward(request, "DELETE", _WRITE)


async def _change(
    request: Request, method: str, action: str = "", *, once: bool = False, is_secret: bool = False
) -> Response:
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, *_WRITE)
    path = _internal(request) + action
    answer = await gateway.webhooks.request(
        method,
        path,
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=body_of(asked.body),
        once=once_of(asked, gateway.commands.digest, path, is_secret=is_secret) if once else None,
    )
    if is_secret and REPLAYED.lower() in answer.headers:
        _log_shown_again(asked, answer)
    return to_response(answer, request)


def _log_shown_again(asked: Writing, answer: Answer) -> None:
    """Nothing else shows that somebody has a secret: it was made before."""
    shown = answer.json()
    if shown.get("secret") is not None:
        log.info(
            "webhook_endpoint.secret.shown_again",
            tenant_id=asked.principal.tenant_id,
            environment=asked.environment,
            api_key_id=asked.principal.api_key_id,
            endpoint_id=shown["id"],
        )


async def _forward(request: Request, method: str, scopes: tuple[str, ...]) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *scopes)
    answer = await gateway.webhooks.request(
        method,
        _internal(request),
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=request.url.query,
    )
    return to_response(answer, request)


def _internal(request: Request) -> str:
    """Where it goes. Asked after who may: raises NotFound for what is no endpoint's id."""
    endpoint_id: str | None = request.path_params.get("endpoint_id")
    if endpoint_id is None:
        return _INTERNAL
    if not is_id(ENDPOINT, endpoint_id):
        raise NotFound("There is no such webhook endpoint in this environment.")
    return f"{_INTERNAL}/{endpoint_id}"
