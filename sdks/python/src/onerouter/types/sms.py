"""Results: sms.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

from .shared import BatchMessage, Engagement, MessageFailure, RejectedRecipient, TemplateOfMessage

__all__ = ["Sms", "SmsBatch"]


class Sms(Object):
    """A text message as it stands."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    batch_id: str | None
    body: str | None
    """Of a template: known once it is sent."""
    cost: float | None
    """In major units of `currency`. Null: no price is known, or not yet."""
    cost_estimated: bool
    """By a price list; the provider has not said itself."""
    country: str | None
    """Of the number, ISO 3166 alpha-2."""
    created: int
    """Unix seconds."""
    created_at: str
    currency: str | None
    delivered_at: str | None
    delivery_tracking: Literal["callbacks", "unavailable"] | str | None
    """`callbacks`: the provider tells what becomes of it, and is asked where it does not. `unavailable`: nobody
    tells, and `sent` is the last word. Null until a provider has it, and for what came in.
    """
    direction: Literal["outbound", "inbound"] | str
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    """`exactly_once` where the provider lets a repeat be told, or a message be found; else `at_most_once`."""
    encoding: Literal["GSM-7", "UCS-2"] | str | None
    environment: Literal["test", "live"] | str
    error: MessageFailure | None
    """Why it failed."""
    id: str
    message_id: str
    """The same as `id`."""
    metadata: dict[str, str]
    object: Literal["sms"]
    priority: Literal["transactional", "bulk"] | str
    provider: str | None
    provider_data: OpenObject
    """What the provider tells beside that."""
    provider_message_id: str | None
    read: Engagement | None
    segments: int | None
    send_at: str | None
    sent_at: str | None
    service: str | None
    """The same as `provider`."""
    status: Literal["scheduled", "queued", "sent", "delivered", "undelivered", "failed", "canceled", "received"] | str
    tags: list[str]
    template: TemplateOfMessage | None
    to: str
    updated_at: str
    version: int
    """Grows with each change."""

    @property
    def from_(self) -> str | None:
        """The field `from`, whose name is a word of Python's."""
        return self["from"]  # type: ignore[no-any-return]


class SmsBatch(Object):
    """Sms batch."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    canceled_at: str | None
    counts: dict[str, int]
    """Messages by status."""
    created: int
    created_at: str
    environment: Literal["test", "live"] | str
    id: str
    messages: list[BatchMessage] | None
    """What each recipient became; in the first answer only."""
    object: Literal["sms_batch"]
    rejected: list[RejectedRecipient]
    """What could not be a message; the others went on."""
    send_at: str | None
    status: Literal["processing", "completed", "canceled"] | str
    total: int


Sms._nested = {"error": MessageFailure, "read": Engagement, "template": TemplateOfMessage}
SmsBatch._nested = {"messages": BatchMessage, "rejected": RejectedRecipient}
