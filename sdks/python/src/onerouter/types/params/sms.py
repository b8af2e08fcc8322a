"""Parameters: sms.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypedDict

from .shared import SuppressionOverride

__all__ = ["SmsBulk", "SmsBulkItem", "SmsSend"]


class _SmsBulkRequired(TypedDict):
    recipients: Sequence[SmsBulkItem]
    """Each is a message of its own."""


class SmsBulk(_SmsBulkRequired, total=False):
    """One text, or one template, to many numbers; each is a message of its own, and one that is wrong stops no
    other.
    """

    body: str | None
    """1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments."""
    from_number: str | None
    """A number, short code, sender name or messaging service. Absent: the connection's own."""
    metadata: Mapping[str, str]
    """Yours; kept with the message and in its events."""
    priority: Literal["transactional", "bulk"] | None
    """`bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    provider_template: str | None
    """In place of the body: the SID of a Content template at Twilio, with `provider`; `variables` are its."""
    providers: Sequence[str]
    """Only these, in this order, whatever your route prefers."""
    send_at: datetime | str | int | None
    """Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now."""
    suppression_override: SuppressionOverride | None
    """Send it although a recipient is on your suppression list."""
    tags: Sequence[str]
    """Words to find messages by: lists take `tag`."""
    template_id: str | None
    """In place of the text: a published template."""
    template_version: int | None
    """Absent: the one that is published when the request comes."""
    variables: Mapping[str, object]
    """What the template's names stand for."""


class _SmsBulkItemRequired(TypedDict):
    to: str


class SmsBulkItem(_SmsBulkItemRequired, total=False):
    """One message of a bulk send."""

    body: str | None
    """Absent: that of the whole."""
    metadata: Mapping[str, str]
    """Beside that of the whole."""
    variables: Mapping[str, object]
    """Beside those of the whole."""


class _SmsSendRequired(TypedDict):
    to: str
    """With its country code (E.164), or as it is dialled in the account's default region."""


class SmsSend(_SmsSendRequired, total=False):
    """A text message to one number."""

    body: str | None
    """1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments."""
    from_number: str | None
    """A number, short code, sender name or messaging service. Absent: the connection's own."""
    metadata: Mapping[str, str]
    """Yours; kept with the message and in its events."""
    priority: Literal["transactional", "bulk"] | None
    """`bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    provider_template: str | None
    """In place of the body: the SID of a Content template at Twilio, with `provider`; `variables` are its."""
    providers: Sequence[str]
    """Only these, in this order, whatever your route prefers."""
    send_at: datetime | str | int | None
    """Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now."""
    suppression_override: SuppressionOverride | None
    """Send it although a recipient is on your suppression list."""
    tags: Sequence[str]
    """Words to find messages by: lists take `tag`."""
    template_id: str | None
    """In place of the text: a published template."""
    template_version: int | None
    """Absent: the one that is published when the request comes."""
    variables: Mapping[str, object]
    """What the template's names stand for."""
