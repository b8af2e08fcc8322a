"""The API's description. `python -m onerouter_gateway.openapi > docs/openapi.json` writes the committed one."""

import sys
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from onerouter_common.web import problem_schema
from onerouter_gateway.billing.schemas import (
    CustomerCreate,
    PlanCreate,
    SubscriptionCancel,
    SubscriptionChangePlan,
    SubscriptionCreate,
    SubscriptionPause,
    SubscriptionResume,
)
from onerouter_gateway.compatibility.schemas import OldAccepted, OldPaymentCreate, OldRefundCreate, ServiceRequest
from onerouter_gateway.edge.documentation import PROBLEM, path_parameters
from onerouter_gateway.management.description import management_document, merged
from onerouter_gateway.marketplace.schemas import BulkSplit, SplitPaymentCreate, VendorCreate, VendorSplitUpdate
from onerouter_gateway.operations.schemas import AcceptedOperation
from onerouter_gateway.payment_links.schemas import PaymentLinkCancel, PaymentLinkCreate
from onerouter_gateway.payment_methods.schemas import PaymentMethodCreate, PaymentMethodDelete, PaymentMethodUpdate
from onerouter_gateway.payments.schemas import PaymentCancel, PaymentCapture, PaymentCreate
from onerouter_gateway.refunds.schemas import RefundCreate
from onerouter_gateway.webhook_endpoints.schemas import WebhookEndpointCreate

TITLE: Final = "OneRouter"
VERSION: Final = "1.0.0"
_DESCRIPTION: Final = """
One API for payments over the providers you already have accounts with.

**Amounts** are in major units, as a JSON number or a string: `499.00` is 499 rupees. **Every POST** takes an
`Idempotency-Key`, so that it can be repeated safely. **Errors** are `application/problem+json`: `detail` is a sentence,
`code` is for programs, `effect` says whether anything changed in the outside world. An outcome that the provider has not
told us is `202` with `effect: unknown`, and is asked for until it is known.

**`/v1`** moves money and messages, with an API key. **`/api`** manages what your account has: services, routing, API keys,
members; with an API key, or by people who signed in.
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
    {"name": "Operations", "description": "Every accepted request and what became of it."},
    {"name": "Older paths", "description": "What earlier clients use; carried out by the routes above, and kept."},
    {"name": "Webhook endpoints", "description": "Where your events are delivered."},
]
_DOCUMENTED: Final[list[tuple[type[BaseModel], JsonSchemaMode]]] = [
    (model, "validation")
    for model in (
        PaymentCreate,
        PaymentCapture,
        PaymentCancel,
        RefundCreate,
        PlanCreate,
        CustomerCreate,
        SubscriptionCreate,
        SubscriptionCancel,
        SubscriptionPause,
        SubscriptionResume,
        SubscriptionChangePlan,
        PaymentLinkCreate,
        PaymentLinkCancel,
        PaymentMethodCreate,
        PaymentMethodUpdate,
        PaymentMethodDelete,
        VendorCreate,
        VendorSplitUpdate,
        SplitPaymentCreate,
        BulkSplit,
        OldAccepted,
        OldPaymentCreate,
        OldRefundCreate,
        ServiceRequest,
        WebhookEndpointCreate,
        AcceptedOperation,
    )
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of this app."""
    document = get_openapi(title=TITLE, version=VERSION, description=_DESCRIPTION, routes=app.routes, tags=_TAGS)
    _, schemas = models_json_schema(_DOCUMENTED, ref_template="#/components/schemas/{model}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**schemas["$defs"], PROBLEM: problem_schema.PROBLEM})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer unf_test_…`"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, methods in document["paths"].items():
        for method in methods.values():
            method["parameters"] = [*path_parameters(path), *method.get("parameters", [])]
    document["servers"] = [{"url": "/", "description": "Where this document was served."}]
    return merged(document, management_document())


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


def main() -> None:
    """Write the document to standard output; needs no settings and no engines."""
    from onerouter_gateway.app import build_routes

    app = FastAPI(generate_unique_id_function=operation_id_of)
    build_routes(app)
    document = orjson.dumps(describe(app), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    sys.stdout.buffer.write(document + b"\n")


if __name__ == "__main__":
    main()
