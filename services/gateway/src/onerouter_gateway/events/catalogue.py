"""`/v1/event-types`: every type with its example, and the form of its data. The same for everybody, so it is made once."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_gateway.billing.schemas import Customer, Plan, Subscription
from onerouter_gateway.edge.documentation import listing
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.events.facts import (
    ConnectionTold,
    EmailTold,
    EndpointTold,
    ExhaustedDelivery,
    RefusedSubscription,
    SmsTold,
    StuckOperation,
    Transfer,
)
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.marketplace.schemas import Vendor
from onerouter_gateway.payment_links.schemas import PaymentLink
from onerouter_gateway.payment_methods.schemas import PaymentMethod
from onerouter_gateway.payments.schemas import Dispute, Payment
from onerouter_gateway.refunds.schemas import Refund
from onerouter_gateway.storage.schemas import StorageObject, Upload

DATA: Final[Mapping[str, type[BaseModel]]] = {
    "payment": Payment,
    "refund": Refund,
    "dispute": Dispute,
    "plan": Plan,
    "customer": Customer,
    "subscription": Subscription,
    "payment_link": PaymentLink,
    "payment_method": PaymentMethod,
    "vendor": Vendor,
    "transfer": Transfer,
    "sms": SmsTold,
    "email": EmailTold,
    "object": StorageObject,
    "upload": Upload,
    "operation": StuckOperation,
    "connection": ConnectionTold,
    "webhook_endpoint": EndpointTold,
    "callback_subscription": RefusedSubscription,
    "delivery": ExhaustedDelivery,
}
"""Kind of resource → the form of its events' data: what the routes of that resource answer, where there are any."""


class EventTypeShown(BaseModel):
    type: str = Field(examples=["payment.succeeded"])
    object: Literal["event_type"]
    category: str = Field(examples=["payments"])
    resource: str = Field(description="Kind of the resource it is about.", examples=["payment"])
    description: str
    data_schema: dict[str, Any] = Field(description="JSON Schema of `data`: a reference into `$defs` of this answer.")
    example: dict[str, Any] = Field(description="An event as it is delivered.")


class EventTypeList(BaseModel):
    """Everything that may come, and in which form."""

    object: Literal["list"]
    data: list[EventTypeShown]
    defs: dict[str, Any] = Field(alias="$defs", description="JSON Schemas (draft 2020-12), by name.")


def schema_of(kind: str) -> dict[str, str]:
    """Of the data of events about this kind, as a reference into `definitions`."""
    return {"$ref": f"#/$defs/{DATA[kind].__name__}"}


@cache
def definitions() -> dict[str, Any]:
    """JSON Schemas by name."""
    _, schemas = models_json_schema([(model, "validation") for model in DATA.values()])
    found: dict[str, Any] = schemas["$defs"]
    return found


@cache
def catalogue() -> bytes:
    """The whole answer."""
    types = [
        {
            "type": one.name,
            "object": "event_type",
            "category": one.category,
            "resource": one.kind,
            "description": one.description,
            "data_schema": schema_of(one.kind),
            "example": one.example_event,
        }
        for one in EVENT_TYPES.values()
    ]
    return orjson.dumps({"object": "list", "data": types, "$defs": definitions()})


@endpoint(listing("List event types", EventTypeList, by_time=False, paged=False, oldest_first=True))
async def list_event_types(request: Request) -> Response:
    """All there are, with a JSON Schema and an example each. New types and new fields may come at any time."""
    await gateway_of(request).admission.read(request, "events:read", "webhooks:read")
    return Response(catalogue(), media_type="application/json")
