"""What a tenant is told of a provider that could not be told yes. Pure."""

from typing import Final

from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.contracts.topics import WEBHOOKS
from onerouter_common.ids import EVENT, derive_id
from onerouter_webhooks.callback.handshake.repository import Asked

REFUSED: Final = "callback_subscription.refused"
# Not a secret: it only makes the same event of every try, so that a tenant is told once.
_ONCE: Final = b"onerouter.callback-subscription-refused"


def of_refusal(asked: Asked, reason: str) -> Event:
    """Of the moment in which it was asked: with the id, that is what an event is known by when it comes again."""
    return Event(
        id=derive_id(EVENT, _ONCE, asked.id),
        type=REFUSED,
        tenant_id=asked.tenant_id,
        environment="live" if asked.environment == "live" else "test",
        category=WEBHOOKS,
        resource=EventResource(kind="callback_subscription", id=asked.id),
        sequence=1,
        occurred_at=asked.created_at,
        data={
            "id": asked.id,
            "object": "callback_subscription",
            "status": "refused",
            "connection_id": asked.connection_id,
            "service": asked.category,
            "provider": asked.provider,
            "subject": asked.subject,
            "reason": reason,
        },
    )
