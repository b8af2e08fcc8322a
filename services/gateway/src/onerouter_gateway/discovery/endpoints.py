"""`/v1/services`: what a key can use, for clients that look before they ask."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest
from onerouter_common.registry_client import Principal, UsableProvider
from onerouter_gateway.admission import ANY_KEY, ENVIRONMENT_HEADER
from onerouter_gateway.commands.answers import json_response
from onerouter_gateway.discovery.schemas import UsableServiceList
from onerouter_gateway.edge.documentation import listing
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.gateway import gateway_of

_BESIDES: Final[Mapping[str, tuple[str, ...]]] = {"payments": ("refunds:read", "refunds:write")}
"""Scopes of a category that do not have its name."""


@endpoint(
    listing(
        "List what this key can use",
        UsableServiceList,
        by_time=False,
        paged=False,
        category="Only of this category: `payments`, `sms`, `email` or `storage`.",
        provider="Only of this provider.",
    )
)
async def list_usable_services(request: Request) -> Response:
    """Every provider with an enabled connection, by environment and category, the one that is tried first at the top. A test
    key sees `test`, a live key both; one environment where `X-OneRouter-Environment` names it. Categories that the key has no
    scope for are left out. Any valid key may ask.
    """
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, ANY_KEY)
    category, provider = (request.query_params.get(name) for name in ("category", "provider"))
    if category is not None and category not in gateway.providers:
        raise InvalidRequest.of("category", f"must be one of {', '.join(sorted(gateway.providers))}")
    shown: list[dict[str, Any]] = []
    for environment in _environments(request, reading.environment):
        for found in await gateway.registry.usable_providers(reading.principal.tenant_id, environment):
            scopes = _scopes(reading.principal, found.category)
            if scopes and category in (None, found.category) and provider in (None, found.provider):
                shown.append(_view(found, environment, scopes))
    return json_response({"object": "list", "data": shown, "has_more": False, "next_cursor": None})


def _environments(request: Request, own: Environment) -> tuple[Environment, ...]:
    """A live key may act in test, too."""
    named = ENVIRONMENT_HEADER in request.headers
    return ("live", "test") if own == "live" and not named else (own,)


def _scopes(principal: Principal, category: str) -> list[str]:
    """Of the category, those that the key has."""
    all_ = (f"{category}:read", f"{category}:write", *_BESIDES.get(category, ()))
    return [scope for scope in all_ if principal.may(scope)]


def _view(found: UsableProvider, environment: Environment, scopes: list[str]) -> dict[str, Any]:
    return {"object": "service", "environment": environment, "scopes": scopes, **found.model_dump(mode="json")}
