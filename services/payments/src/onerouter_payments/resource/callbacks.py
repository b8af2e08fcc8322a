"""What a provider's callback makes of a resource. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.worker.handler import Settled
from onerouter_payments.resource.change import Change, observe, read_now, settled
from onerouter_payments.resource.state import UNCHANGED, Resource
from onerouter_providers.resources import ResourceSnapshot

_WITHIN_A_SECOND: Final = timedelta(microseconds=999_999)

PATIENCE_S: Final = 3_600.0
"""A resource is stored before its provider is called, so one that is unknown for long was made elsewhere on the account."""


def apply(callback: Callback, resource: Resource) -> Settled[Resource]:
    if callback.connection_id != resource.connection_id:
        return Settled(None)  # an account speaks of its own only
    told, at = snapshot_of(callback), callback.received_at
    if _is_step_back(callback, resource):
        return settled(resource, Change(_read_at_once(resource, resource.revision, at)))
    change = _asked_now(observe(resource, told, at), told, at)
    if _may_be_older(callback, resource):
        change = replace(change, resource=_read_at_once(change.resource, resource.revision, at))
    return settled(resource, change)


def _may_be_older(callback: Callback, resource: Resource) -> bool:
    """A second may hold a pause and its end: callbacks of it come in any order, and none says which was the last."""
    status, kind = callback.object.status, resource.kind
    return (
        kind.is_read
        and kind.knows(status)
        and status != resource.status
        and kind.weight(status) == kind.weight(resource.status)
        and callback.occurred_at.replace(microsecond=0) == resource.status_as_of.replace(microsecond=0)
    )


def _is_step_back(callback: Callback, resource: Resource) -> bool:
    """It tells of a status that the provider leaves by itself, and we know that it was left (`under_review`, then
    `activated`). Nearly always that is its past: told late, or by a clock ahead of ours. So nobody who was told `active` is
    told `pending` before it is read.
    """
    kind = resource.kind
    return kind.is_read and callback.object.status in kind.polled and _has_been_left(resource)


def _has_been_left(resource: Resource) -> bool:
    kind = resource.kind
    return resource.is_at_provider and resource.status not in kind.polled and not resource.is_final


def _read_at_once(resource: Resource, revision: int, at: datetime) -> Resource:
    if resource.poll_at is not None and resource.poll_at <= at:
        return resource
    return replace(read_now(resource, at), revision=max(resource.revision, revision + 1))


def _asked_now(change: Change, told: ResourceSnapshot, at: datetime) -> Change:
    """Something happened to what is waited for, and the callback does not say how it stands now: that is read at once."""
    after = change.resource
    if told.status != UNCHANGED or not change.happened or after.status not in after.kind.polled:
        return change
    return replace(change, resource=read_now(after, at))


def snapshot_of(callback: Callback) -> ResourceSnapshot:
    """The callback's object in the form in which answers and polls come, so that one rule serves all three."""
    told: CallbackObject = callback.object
    return ResourceSnapshot(
        status=told.status,
        provider_id=told.provider_id or "",
        as_of=_end_of_second(callback.occurred_at),
        facts=told.facts,
        error_reason=told.error_reason,
        error_message=told.error_message,
    )


def _end_of_second(moment: datetime) -> datetime:
    """Providers count in seconds, our answers are finer: what happened in the second of an answer came after it. What was
    known before the answer cannot be meant, as an answer is younger than all that (`state.answered`).
    """
    return moment if moment.microsecond else moment + _WITHIN_A_SECOND
