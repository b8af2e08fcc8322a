"""What a provider's callback makes of a resource. Pure."""

from typing import Final

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.worker.handler import Settled
from onerouter_payments.resource.change import observe, settled
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import ResourceSnapshot

PATIENCE_S: Final = 3_600.0
"""A resource is stored before its provider is called, so one that is unknown for long was made elsewhere on the account."""


def apply(callback: Callback, resource: Resource) -> Settled[Resource]:
    if callback.connection_id != resource.connection_id:
        return Settled(None)  # an account speaks of its own only
    return settled(resource, observe(resource, snapshot_of(callback), callback.received_at))


def snapshot_of(callback: Callback) -> ResourceSnapshot:
    """The callback's object in the form in which answers and polls come, so that one rule serves all three."""
    told: CallbackObject = callback.object
    return ResourceSnapshot(
        status=told.status,
        provider_id=told.provider_id or "",
        as_of=callback.occurred_at,
        facts=told.facts,
        error_reason=told.error_reason,
        error_message=told.error_message,
    )
