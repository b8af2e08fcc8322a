"""Changes of what tenants configure. Topic `registry.changes.v1` (compacted), key: the entity's id.

Between them each registry says `HEARTBEAT_S` apart that it publishes what changes: a record without a value under the key
`HEARTBEAT_KEY`, of which compaction leaves nothing.
"""

from typing import Final, Literal

from onerouter_common.contracts.base import Contract, Environment, Moment

HEARTBEAT_KEY: Final = "heartbeat"
HEARTBEAT_S: Final = 0.3
EVERY_TENANT: Final = "*"


class RegistryChange(Contract):
    """Something changed: drop what you cached of it. Carries no content, so nothing secret can leak from it."""

    entity: Literal["tenant", "api_key", "connection", "route", "callback_token", "provider"]
    id: str
    tenant_id: str
    """`EVERY_TENANT` where it concerns all: an operator switched a provider off or on."""
    environment: Environment | None
    key_hash: str | None = None
    """For an API key: the hash it is cached under."""
    change: Literal["created", "updated", "deleted"]
    at: Moment
