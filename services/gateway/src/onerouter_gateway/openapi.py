"""The API's description. `python -m onerouter_gateway.openapi > docs/openapi.json` writes the committed one."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from onerouter_common.web import problem_schema
from onerouter_gateway.compatibility.schemas import LegacyAccepted
from onerouter_gateway.doors import DOORS
from onerouter_gateway.edge.completion import complete
from onerouter_gateway.edge.documentation import (
    ANNOUNCED_HEADERS,
    HEADERS,
    PROBLEM,
    header_references,
    path_parameters,
)
from onerouter_gateway.edge.door import router_of
from onerouter_gateway.management.description import management_document, merged
from onerouter_gateway.operations.schemas import AcceptedOperation

TITLE: Final = "OneRouter"
VERSION: Final = "1.0.0"
_DESCRIPTION: Final = """
One API for payments, SMS, email and files over the providers you already have accounts with.

**Amounts** are in major units, as a JSON number or a string: `499.00` is 499 rupees. **Every POST that moves money or
messages** takes an `Idempotency-Key`, so that it can be repeated safely; so does every other POST that makes something or
sends something again, and what puts or deletes objects. One that takes none can be repeated as it is: to pause, enable,
cancel or preview twice is the same as once. Of what `/api` manages, whatever makes something takes one: API keys and their
rotation, connections and their callback addresses, invitations, tenants. Signing in and up, and a person's own account,
refuse one.
**Errors** are `application/problem+json`: `detail` is a sentence, `code` is for programs, `effect` says whether anything
changed in the outside world. An outcome that the provider has not told us is `202` with `effect: unknown`, and is asked for
until it is known.

**`/v1`** moves money, messages and files, with an API key. **`/api`** manages what your account has: services, routing, API
keys, members; with an API key, or by people who signed in.
"""
_TAGS: Final = [
    {"name": "Payments", "description": "Create, follow, capture and cancel."},
    {"name": "Refunds", "description": "Return what was paid, in whole or in part."},
    {"name": "Plans", "description": "What subscriptions charge, and how often."},
    {"name": "Subscriptions", "description": "Agreements to be charged again and again."},
    {"name": "Customers", "description": "Payers, as the provider remembers them."},
    {"name": "Payment links", "description": "Pages at the provider where somebody pays."},
    {"name": "Payment methods", "description": "What payers have entrusted to the provider, for later payments."},
    {"name": "Marketplace", "description": "Vendors, and payments that are split among them."},
    {"name": "SMS", "description": "Send text messages, one or many, now or later, and follow them."},
    {"name": "Email", "description": "Send email, one or many, now or later, and follow it."},
    {"name": "Message templates", "description": "Texts with variables, in Liquid, in versions."},
    {"name": "Suppressions", "description": "Addresses that are not written to, whatever is asked."},
    {
        "name": "Storage",
        "description": "Objects in your buckets: put, read, listed, deleted; directly, or by signed address.",
    },
    {"name": "Services", "description": "What can be used, and the accounts at providers behind it."},
    {"name": "Operations", "description": "Every accepted request and what became of it."},
    {"name": "Older paths", "description": "What earlier clients use; carried out by the routes above, and kept."},
    {"name": "Events", "description": "What happened: listed, streamed, and sent again."},
    {"name": "Webhook endpoints", "description": "Where your events are delivered."},
    {"name": "Webhook deliveries", "description": "What was sent to your endpoints, and what they answered."},
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of this app."""
    document = get_openapi(title=TITLE, version=VERSION, description=_DESCRIPTION, routes=app.routes, tags=_TAGS)
    _, schemas = models_json_schema(_documented(), ref_template="#/components/schemas/{model}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**schemas["$defs"], PROBLEM: problem_schema.PROBLEM})
    for name, schema in _answers().items():
        if "examples" in schema and name in components["schemas"]:
            components["schemas"][name]["examples"] = schema["examples"]  # FastAPI takes what is null out of them
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer unf_test_…`"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, methods in document["paths"].items():
        for method in methods.values():
            method["parameters"] = [*path_parameters(path), *method.get("parameters", [])]
            if method.get("deprecated"):
                for answer in method["responses"].values():
                    answer["headers"] = {**answer.get("headers", {}), **header_references(*ANNOUNCED_HEADERS)}
    components["headers"] = HEADERS
    document["servers"] = [{"url": "/", "description": "Where this document was served."}]
    whole = merged(document, management_document())
    complete(whole)
    return whole


def _documented() -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    """What FastAPI does not see, as routes are carried out without it: the bodies of requests, and of a 202."""
    bodies = dict.fromkeys(door.endpoint.described["body"] for door in DOORS if "body" in door.endpoint.described)
    return [(model, "validation") for model in (*bodies, LegacyAccepted, AcceptedOperation)]


def _answers() -> dict[str, Any]:
    """The schemas of all answers, as pydantic makes them."""
    models = {
        told["model"]: None
        for door in DOORS
        for told in door.endpoint.described["responses"].values()
        if "model" in told
    }
    _, made = models_json_schema([(model, "serialization") for model in models])
    schemas: dict[str, Any] = made["$defs"]
    return schemas


def install(app: FastAPI) -> None:
    """Serve this description at /openapi.json. Made once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema


def operation_id_of(route: APIRoute) -> str:
    """Method names of generated clients: the function's own name."""
    return route.name


@cache
def document() -> Mapping[str, Any]:
    """As it is served; needs no settings and no engines."""
    app = FastAPI(generate_unique_id_function=operation_id_of)
    app.include_router(router_of(DOORS))
    return describe(app)


def written() -> bytes:
    """The document as it is committed."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.buffer.write(written())


if __name__ == "__main__":
    main()
