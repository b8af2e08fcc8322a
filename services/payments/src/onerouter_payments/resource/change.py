"""From a word of the provider to versions and events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import JsonValue

from onerouter_common.worker.handler import CommandDraft, EventDraft, Settled
from onerouter_payments.polling.schedule import SOON_S
from onerouter_payments.resource import state
from onerouter_payments.resource.charges import payments_after
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import CHARGE, ResourceSnapshot


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, with the resource at the version it speaks of."""

    type: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the resource, and the events that say so, in order."""

    resource: Resource
    happened: tuple[Happened, ...] = ()


def observe(resource: Resource, told: ResourceSnapshot, at: datetime) -> Change:
    """The provider told how it stands."""
    return versioned(resource, state.merge(resource, told, at), at)


def refuse(resource: Resource, code: str, message: str, at: datetime) -> Change:
    """The provider will not make it."""
    return versioned(resource, state.fail(resource, code, message, at), at)


def versioned(before: Resource, after: Resource, at: datetime) -> Change:
    """Count what changed: a version for each event, a revision for what only we see."""
    if after == before:
        return Change(before)
    if after.visible == before.visible:
        return Change(replace(after, revision=before.revision + 1))
    happened: list[Happened] = []
    current = before
    for type_ in _events(before, after):
        current = replace(
            after,
            version=current.version + 1,
            revision=current.revision + 1,
            updated_at=max(before.updated_at, at),
            poll_at=after.kind.poll_at(after, at),
            polls=0,
        )
        happened.append(Happened(type_, current))
    return Change(current, tuple(happened))


def read_now(resource: Resource, at: datetime) -> Resource:
    """How it stands is open: the provider is asked at once, and again within a minute where that fails."""
    return replace(resource, poll_at=at, polls=-len(SOON_S))


def settled(
    before: Resource, change: Change, *, status: int = 200, commands: tuple[CommandDraft, ...] = ()
) -> Settled[Resource]:
    """Nothing is stored when nothing changed; the answer's body is the resource in any case."""
    return Settled(
        resource=None if change.resource == before else change.resource,
        view=view(change.resource),
        status=status,
        events=drafts(change.happened),
        commands=commands + payments_after(before, change.resource),
    )


def drafts(happened: Sequence[Happened]) -> tuple[EventDraft, ...]:
    """The events; each carries the resource as it was at its version, which is also its place in the sequence."""
    return tuple(
        EventDraft(item.type, item.resource.kind.name, item.resource.id, item.resource.version, view(item.resource))
        for item in happened
    )


def view(resource: Resource) -> dict[str, JsonValue]:
    """As the public API shows it."""
    return resource.kind.view(resource)


def _events(before: Resource, after: Resource) -> list[str]:
    kind = after.kind
    types = [f"{kind.name}.created"] if before.version == 0 and after.status != state.FAILED else []
    types += _charges(before, after)
    moved = kind.event_of(before.status, after.status) if after.status != before.status else None
    if after.status == state.FAILED and before.status != state.FAILED:
        moved = f"{kind.name}.failed"
    if moved is not None:
        types.append(moved)
    return types or [f"{kind.name}.updated"]


def _charges(before: Resource, after: Resource) -> list[str]:
    """An event for each charge of a subscription that was not known, or failed before and has succeeded now."""
    types = []
    for name in sorted(after.facts.keys()):
        if name.startswith(CHARGE) and _outcome(after, name) != _outcome(before, name):
            succeeded = _outcome(after, name) == "succeeded"
            types.append(f"{after.kind.name}.{'renewed' if succeeded else 'payment_failed'}")
    return types


def _outcome(resource: Resource, name: str) -> JsonValue:
    charge = resource.fact(name)
    return charge.get("status") if isinstance(charge, dict) else None
