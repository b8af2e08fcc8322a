"""Alembic revisions of the webhooks database."""

from typing import Final

from onerouter_common.db.indexes import Index

INDEXES: Final = (
    # The first of each resource, by one probe each; and what waits for nothing, past all that does.
    Index(
        "delivery_queue_firsts",
        "delivery_queue",
        "(endpoint_id, resource, position, id) WHERE resource IS NOT NULL",
        replaces="delivery_queue_in_order",
    ),
    Index("delivery_queue_unordered", "delivery_queue", "(endpoint_id, next_at) WHERE state = 0 AND resource IS NULL"),
    # What somebody asked for by hand, past all that waits. Whatever else is queued is not in it.
    Index("delivery_queue_asked", "delivery_queue", "(endpoint_id, next_at) WHERE state = 0 AND trigger = 'manual'"),
    # Pages of what an endpoint is owed. What is under way is not in it: most deliveries are never anything else.
    Index(
        "delivery_queue_waiting",
        "delivery_queue",
        "(endpoint_id, id) WHERE state <> 1",
        replaces="delivery_queue_endpoint",
    ),
    # What is owed of an event. As the one before.
    Index(
        "delivery_queue_of_event",
        "delivery_queue",
        "(event_id) WHERE state <> 1",
        replaces="delivery_queue_event",
    ),
)
"""Of tables that are large by then."""
