"""What tenants are told about their own endpoints, as events like all others. Pure.

An event about webhooks that cannot be delivered is told nobody: it would be one more that cannot be delivered.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onerouter_common.clock import isoformat
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.contracts.topics import WEBHOOKS
from onerouter_common.ids import EVENT, new_id
from onerouter_webhooks.delivery.health import Fact, Health
from onerouter_webhooks.delivery.queue import MANUAL, Completion, Finished

ENDPOINT_FAILING: Final = "endpoint.failing"
ENDPOINT_DISABLED: Final = "endpoint.disabled"
ENDPOINT_RECOVERED: Final = "endpoint.recovered"
DELIVERY_EXHAUSTED: Final = "delivery.exhausted"
TYPES: Final = frozenset({ENDPOINT_FAILING, ENDPOINT_DISABLED, ENDPOINT_RECOVERED, DELIVERY_EXHAUSTED})

_OF_FACT: Final[Mapping[Fact, str]] = {
    "failing": ENDPOINT_FAILING,
    "disabled": ENDPOINT_DISABLED,
    "recovered": ENDPOINT_RECOVERED,
}


def is_about_webhooks(event_type: str) -> bool:
    return event_type in TYPES


def of_endpoint(
    fact: Fact,
    endpoint: Mapping[str, Any],
    before: Health,
    after: Health,
    reason: str | None,
    sequence: int,
    now: datetime,
) -> Event:
    """`endpoint` is its row: id, tenant_id, environment, url, status; `before` is what its requests changed."""
    since = before.first_failed_at or after.first_failed_at
    failures = before.consecutive_failures if fact == "recovered" else after.consecutive_failures
    return Event(
        id=new_id(EVENT),
        type=_OF_FACT[fact],
        tenant_id=endpoint["tenant_id"],
        environment=endpoint["environment"],
        category=WEBHOOKS,
        resource=EventResource(kind="webhook_endpoint", id=endpoint["id"]),
        sequence=sequence,
        occurred_at=now,
        data={
            "id": endpoint["id"],
            "object": "webhook_endpoint",
            "url": endpoint["url"],
            "status": "disabled" if fact == "disabled" else endpoint["status"],
            "disabled_reason": reason,
            "failing_since": None if since is None else isoformat(since),
            "failed_attempts": failures,
        },
    )


def find_exhausted(completion: Completion, now: datetime) -> Event | None:
    """None: its end is nothing to tell. What somebody asked for they look at themselves."""
    work, attempt = completion.work, completion.attempt
    ended = completion.decision == Finished("exhausted")
    if not ended or attempt is None or work.trigger == MANUAL or is_about_webhooks(work.event_type):
        return None
    return Event(
        id=new_id(EVENT),
        type=DELIVERY_EXHAUSTED,
        tenant_id=work.tenant_id,
        environment="live" if work.environment == "live" else "test",
        category=WEBHOOKS,
        resource=EventResource(kind="delivery", id=work.delivery_id),
        sequence=1,
        occurred_at=now,
        data={
            "id": work.delivery_id,
            "object": "delivery",
            "status": "exhausted",
            "event_id": work.event_id,
            "event_type": work.event_type,
            "endpoint_id": work.endpoint_id,
            "attempt_count": attempt.number,
            "last_status": attempt.answer.status,
            "last_failure": attempt.answer.failure,
        },
    )
