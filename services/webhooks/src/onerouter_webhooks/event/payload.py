"""What an endpoint receives: Standard Webhooks' `{type, timestamp, data}` and what makes an event provable."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from onerouter_common.clock import isoformat
from onerouter_common.contracts.events import Event

MOST_BYTES: Final = 20_000
"""An event is smaller than this: receivers commonly take no more at once, and Standard Webhooks asks for it."""

_PATHS: Final[Mapping[str, str]] = {
    "payment": "/v1/payments",
    "refund": "/v1/refunds",
    "plan": "/v1/plans",
    "customer": "/v1/customers",
    "subscription": "/v1/subscriptions",
    "payment_link": "/v1/payment-links",
    "payment_method": "/v1/payment-methods",
    "vendor": "/v1/marketplace/vendors",
    "sms": "/v1/sms",
    "email": "/v1/email",
    "operation": "/v1/operations",
    "webhook_endpoint": "/v1/webhook-endpoints",
    "delivery": "/v1/deliveries",
}
"""Where a resource of this kind is read, before its id."""


def body_of(event: Event) -> bytes:
    """The bytes that are stored, signed and sent, made once.

    `sequence` counts per resource: who holds n and sees n+2 knows that one is still to come. Where the data would make it
    too large there is a reference in its place.
    """
    body = _written(event, event.data)
    return body if len(body) < MOST_BYTES else _written(event, _reference(event))


def _written(event: Event, data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "type": event.type,
            "timestamp": isoformat(event.occurred_at),
            "id": event.id,
            "environment": event.environment,
            "resource": {"kind": event.resource.kind, "id": event.resource.id},
            "sequence": event.sequence,
            "operation_id": event.operation_id,
            "data": data,
        }
    )


def _reference(event: Event) -> dict[str, Any]:
    """`href` is null for what is only told of in events."""
    kind, id_ = event.resource.kind, event.resource.id
    path = _PATHS.get(kind)
    return {"id": id_, "object": kind, "href": None if path is None else f"{path}/{id_}", "truncated": True}
