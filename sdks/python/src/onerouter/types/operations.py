"""Results: operations.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

__all__ = [
    "Accepted",
    "AcceptedEntry",
    "AppliedCallback",
    "Attempt",
    "AttemptEntry",
    "CallbackEntry",
    "ChangedBy",
    "EventEntry",
    "Finished",
    "FinishedEntry",
    "Operation",
    "OperationCost",
    "OperationResource",
    "OperationRouting",
    "OperationTimeline",
    "PassedOver",
    "PublishedEvent",
    "Resolution",
    "ResolutionEntry",
    "RoutedConnection",
    "RoutedEntry",
    "Scheduled",
    "ScheduledEntry",
]


class Accepted(Object):
    """Accepted."""

    api_key_id: str
    """`system`: we asked for it ourselves."""
    operation: str
    resource_id: str


class AcceptedEntry(Object):
    """Accepted entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: Accepted
    detail: str
    """A sentence for people."""
    kind: Literal["accepted"]


class AppliedCallback(Object):
    """Applied callback."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    applied_at: str
    callback_id: str
    changed: list[ChangedBy]
    """The events it led to; none where it told nothing new."""
    occurred_at: str
    provider: str
    provider_event_id: str
    provider_event_type: str
    received_at: str


class Attempt(Object):
    """One call to a provider."""

    connection_id: str
    duration_ms: float | None
    """Null: it is under way."""
    kind: Literal["call", "repeat", "lookup"] | str
    """`repeat`: again under the same key; `lookup`: whether an unanswered call was done."""
    number: int
    outcome: str | None
    """`succeeded`, `declined`, `refused`, `throttled`, `unreachable`, `unknown`, `absent` (a look-up found
    nothing), `unfit` (the provider cannot be told it, and was not asked), `not_sent` (we did not get to it, or
    must not) or `not_begun`.
    """
    provider: str
    provider_code: str | None
    provider_request_id: str | None
    reason: str | None
    started_at: str


class AttemptEntry(Object):
    """Attempt entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: Attempt
    detail: str
    """A sentence for people."""
    kind: Literal["attempt"]


class CallbackEntry(Object):
    """Callback entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: AppliedCallback
    detail: str
    """A sentence for people."""
    kind: Literal["callback"]


class ChangedBy(Object):
    """Changed by."""

    resource_id: str
    sequence: int
    type: str


class EventEntry(Object):
    """Event entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: PublishedEvent
    detail: str
    """A sentence for people."""
    kind: Literal["event"]


class Finished(Object):
    """Finished."""

    code: str | None
    effect: Literal["none", "unknown", "committed"] | str
    provider_code: str | None
    status: (
        Literal["scheduled", "accepted", "executing", "retrying", "unknown", "succeeded", "failed", "canceled"] | str
    )


class FinishedEntry(Object):
    """Finished entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: Finished
    detail: str
    """A sentence for people."""
    kind: Literal["finished"]


class Operation(Object):
    """One accepted request and its outcome."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    action: str
    """What was done to the resource: the second half of `operation`."""
    attempts: list[OpenObject]
    """Each call to a provider, with its outcome."""
    category: str
    connection_id: str | None
    cost: OperationCost | None
    """Of what made a payment or sent a message, once it succeeded: as the provider says, else an estimate."""
    created: int
    created_at: str
    effect: Literal["none", "unknown", "committed"] | str
    effect_guarantee: str | None
    environment: Literal["test", "live"] | str
    error: OpenObject | None
    finished_at: str | None
    id: str
    metadata: dict[str, str]
    """As the request said; of a bulk send, what its messages have in common."""
    object: Literal["operation"]
    operation: str
    provider: str | None
    provider_ms: float
    resource: OperationResource
    result: OpenObject | None
    routing: OperationRouting | None
    """Null: not decided yet, or refused before."""
    status: (
        Literal["scheduled", "accepted", "executing", "retrying", "unknown", "succeeded", "failed", "canceled"] | str
    )
    updated_at: str


class OperationCost(Object):
    """What the provider takes for it."""

    amount: float
    """Major units."""
    amount_minor: float
    """A message costs a fraction of a cent, mostly."""
    currency: str
    estimated: bool
    """By the provider's public price list; it has not said itself."""


class OperationResource(Object):
    """Operation resource."""

    id: str
    kind: str


class OperationRouting(Object):
    """Which connection it went to, and why. `POST /api/routing/explain` answers the same for what is not sent."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    by: Literal["rule", "default", "priority", "override", "resource"] | str
    candidates: list[RoutedConnection]
    """In the order in which they are tried."""
    connection_id: str | None
    """The one that was taken last; null: none could take it."""
    policy_version: int
    reason: str
    refused: list[PassedOver]
    rule: str | None
    """The name of the rule that decided."""


class OperationTimeline(Object):
    """What happened to an operation and to what it made, oldest first."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    cost: OperationCost | None
    data: list[
        AcceptedEntry
        | ScheduledEntry
        | RoutedEntry
        | AttemptEntry
        | CallbackEntry
        | EventEntry
        | ResolutionEntry
        | FinishedEntry
    ]
    effect: Literal["none", "unknown", "committed"] | str
    has_more: bool
    next_cursor: str | None
    object: Literal["list"]
    operation_id: str
    status: (
        Literal["scheduled", "accepted", "executing", "retrying", "unknown", "succeeded", "failed", "canceled"] | str
    )


class PassedOver(Object):
    """Passed over."""

    connection_id: str
    detail: str
    provider: str | None
    reason: str


class PublishedEvent(Object):
    """Published event."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    callback_id: str | None
    cost: OperationCost | None
    event_id: str
    operation_id: str | None
    resource: OperationResource
    sequence: int
    """Counts the events of this resource without a gap."""
    source: Literal["operation", "callback", "poll"] | str
    """How we learned it."""
    status: str | None
    """The resource's, from then on."""
    type: str


class Resolution(Object):
    """Resolution."""

    outcome: Literal["succeeded", "failed"] | str
    provider_id: str | None
    reason: str
    verified: bool
    """The provider was asked, and agreed."""


class ResolutionEntry(Object):
    """Nobody could tell the outcome, and an operator of this service decided it."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: Resolution
    detail: str
    """A sentence for people."""
    kind: Literal["resolution"]


class RoutedConnection(Object):
    """Routed connection."""

    connection_id: str
    provider: str


class RoutedEntry(Object):
    """Routed entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: OperationRouting
    detail: str
    """A sentence for people."""
    kind: Literal["routed"]


class Scheduled(Object):
    """Scheduled."""

    until: str


class ScheduledEntry(Object):
    """Scheduled entry."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    at: str
    data: Scheduled
    detail: str
    """A sentence for people."""
    kind: Literal["scheduled"]


AcceptedEntry._nested = {"data": Accepted}
AppliedCallback._nested = {"changed": ChangedBy}
AttemptEntry._nested = {"data": Attempt}
CallbackEntry._nested = {"data": AppliedCallback}
EventEntry._nested = {"data": PublishedEvent}
FinishedEntry._nested = {"data": Finished}
Operation._nested = {"cost": OperationCost, "resource": OperationResource, "routing": OperationRouting}
OperationRouting._nested = {"candidates": RoutedConnection, "refused": PassedOver}
OperationTimeline._nested = {"cost": OperationCost}
PublishedEvent._nested = {"cost": OperationCost, "resource": OperationResource}
ResolutionEntry._nested = {"data": Resolution}
RoutedEntry._nested = {"data": OperationRouting}
ScheduledEntry._nested = {"data": Scheduled}
