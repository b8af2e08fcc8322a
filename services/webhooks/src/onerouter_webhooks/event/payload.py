"""What an endpoint receives: Standard Webhooks' `{type, timestamp, data}` and what makes an event provable."""

import orjson

from onerouter_common.clock import isoformat
from onerouter_common.contracts.events import Event


def body_of(event: Event) -> bytes:
    """The bytes that are stored, signed and sent, made once.

    `sequence` counts per resource: who holds n and sees n+2 knows that one is still to come.
    """
    return orjson.dumps(
        {
            "type": event.type,
            "timestamp": isoformat(event.occurred_at),
            "id": event.id,
            "environment": event.environment,
            "resource": {"kind": event.resource.kind, "id": event.resource.id},
            "sequence": event.sequence,
            "operation_id": event.operation_id,
            "data": event.data,
        }
    )
