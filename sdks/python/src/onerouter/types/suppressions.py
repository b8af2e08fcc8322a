"""Results: suppressions.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

__all__ = ["DeletedSuppression", "Suppression", "SuppressionChange", "SuppressionCheck"]


class DeletedSuppression(Object):
    """Deleted suppression."""

    address: str
    channel: Literal["sms", "email"] | str
    created_at: str
    deleted: Literal[True]
    id: str
    message_id: str | None
    """The message whose bounce, complaint or answer put it there."""
    note: str | None
    object: Literal["suppression"]
    reason: Literal["bounce", "complaint", "unsubscribe", "stop", "manual"] | str
    source: str
    """Who put it there: `api`, or the provider whose callback told it."""


class Suppression(Object):
    """Suppression."""

    address: str
    channel: Literal["sms", "email"] | str
    created_at: str
    id: str
    message_id: str | None
    """The message whose bounce, complaint or answer put it there."""
    note: str | None
    object: Literal["suppression"]
    reason: Literal["bounce", "complaint", "unsubscribe", "stop", "manual"] | str
    source: str
    """Who put it there: `api`, or the provider whose callback told it."""


class SuppressionChange(Object):
    """Something that was done about an address."""

    action: str
    at: str
    by_whom: str | None
    message_id: str | None
    note: str | None
    reason: str | None


class SuppressionCheck(Object):
    """Suppression check."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    address: str
    """As it is compared: a number in E.164, an email address in lower case."""
    channel: Literal["sms", "email"] | str
    history: list[SuppressionChange]
    """What was done about it, newest first; the last hundred."""
    suppressed: bool
    suppression: Suppression | None
    """The newest."""
    suppressions: list[Suppression]
    """One a reason."""


SuppressionCheck._nested = {"history": SuppressionChange, "suppression": Suppression, "suppressions": Suppression}
