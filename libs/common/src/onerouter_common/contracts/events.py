"""Facts we publish. Topic `events.<source>.v1` (a category, `registry` or `webhooks`), key: the resource id."""

from typing import Literal

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.base import Category, Contract, Environment, Moment


class EventResource(Contract):
    kind: str
    """`payment`, `refund`, …"""
    id: str


class Event(Contract):
    """One fact about one resource.

    `id` is stable across redeliveries. `sequence` counts 1, 2, 3 … per resource: a consumer that holds n and sees n+2
    knows that one is still to come.
    """

    id: str
    type: str
    """`payment.succeeded`: kind, dot, past tense."""
    tenant_id: str
    environment: Environment
    category: Category | Literal["webhooks"]
    """`webhooks`: it is about the tenant's own endpoints, not about a category."""
    resource: EventResource
    sequence: int
    occurred_at: Moment
    operation_id: str | None = None
    """The operation that caused it; absent where a provider's callback did."""
    data: dict[str, JsonValue]
    """The resource as the public API shows it at that moment."""

    def headers(self, source: str) -> dict[str, str]:
        """CloudEvents' binary mode: what can be known of the event without reading it."""
        return {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_type": self.type,
            "ce_source": f"/{source}",
            "ce_time": isoformat(self.occurred_at),
            "content-type": "application/json",
        }
