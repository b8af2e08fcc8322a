"""What a gateway asks a worker to do. Topic `commands.<category>.v1`, key: the resource id."""

from typing import Final

from pydantic import Field, JsonValue

from onerouter_common.contracts.base import Category, Contract, Environment, Moment

HEADER_REPLY_TO: Final = "reply-to"
"""Topic the answer goes to."""
HEADER_REPLY_PARTITION: Final = "reply-partition"
"""Partition of that topic which the asking gateway reads, in decimal."""


class Command(Contract):
    """One request, authenticated and validated; its effect is not yet done.

    `command_id` is new for each publish, `operation_id` the same for each repeat under one idempotency key: the first
    command to reach the inbox makes the operation, later ones find it.
    """

    command_id: str
    operation_id: str
    operation: str
    """`payment.create`, `refund.create`, …"""
    tenant_id: str
    environment: Environment
    category: Category
    resource_id: str
    """Id of the resource that is made or changed."""
    ordering_key: str
    """Operations of one ordering key run one after the other: the payment's id, also for its refunds."""
    fingerprint: str
    """Hex SHA-256 of the route and the canonical body: the same key with another body is refused."""
    payload: dict[str, JsonValue]
    api_key_id: str
    accepted_at: Moment
    not_before: Moment | None = None
    priority: int = Field(0, ge=0, le=1)
    """0: somebody waits for it. 1: bulk, which lets those go first."""
