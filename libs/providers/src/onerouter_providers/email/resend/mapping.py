"""Our requests in Resend's words, and Resend's words in ours. Tables and pure functions."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.email import composing
from onerouter_providers.email.composing import REFERENCE, in_base64
from onerouter_providers.email.fields import mailbox, mailboxes
from onerouter_providers.messages import EmailRequest, EmailStatus, MessageSnapshot

STATUS: Final[Mapping[str, EmailStatus]] = {
    "queued": "queued",
    "scheduled": "scheduled",
    "sent": "sent",
    "delivery_delayed": "deferred",
    "delivered": "delivered",
    "opened": "delivered",
    "clicked": "delivered",
    "complained": "delivered",
    "bounced": "bounced",
    "failed": "failed",
    "suppressed": "failed",
    "canceled": "canceled",
}
"""Resend's `last_event` → ours."""
EVENTS: Final = frozenset({"opened", "clicked", "complained", "suppressed"})
"""Words that tell more than a status."""

RECIPIENTS: Final = 50
MESSAGE_BYTES: Final = 40_000_000
SCHEDULE: Final = timedelta(days=30)
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LABEL: Final = "1"
"""The value of a tag that is only a name."""


def body_of(request: EmailRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """The JSON of `POST /emails`. Raises InvalidRequest and PayloadTooLarge for what Resend cannot be told."""
    composing.check(
        request,
        provider="Resend",
        most_bytes=MESSAGE_BYTES,
        most_recipients=RECIPIENTS,
        most_ahead=SCHEDULE,
        template_takes_subject=True,
        now=now,
    )
    body: dict[str, Any] = {
        "from": mailbox(request.sender, "from_email"),
        "to": mailboxes(request.to, "to"),
        "cc": mailboxes(request.cc, "cc"),
        "bcc": mailboxes(request.bcc, "bcc"),
        "reply_to": mailboxes(request.reply_to, "reply_to"),
        "subject": request.subject,
        "html": request.html,
        "text": request.text,
        "headers": dict(request.headers),
        "tags": _tags(request),
        "template": _template(request),
        "attachments": [
            {
                "filename": attachment.filename,
                "content": in_base64(attachment),
                "content_type": attachment.content_type,
                **({} if attachment.content_id is None else {"content_id": attachment.content_id}),
            }
            for attachment in request.attachments
        ],
        "scheduled_at": None if request.send_at is None else _iso(request.send_at),
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def sent_snapshot(request: EmailRequest, email_id: str) -> MessageSnapshot:
    """What an accepted `POST /emails` says."""
    return MessageSnapshot("queued" if request.send_at is None else "scheduled", email_id)


def snapshot(email: Mapping[str, Any], email_id: str) -> MessageSnapshot | None:
    """What a retrieved email says; None for a word of Resend's that we have not met."""
    word = email.get("last_event")
    status = STATUS.get(word) if isinstance(word, str) else None
    if status is None:
        return None
    reason = {"suppressed": "suppressed", "failed": "unknown", "bounced": "unknown"}.get(str(word))
    return MessageSnapshot(
        status,
        email_id,
        error_reason=reason,
        error_code=None if reason is None else str(word),
        facts={"event": str(word)} if word in EVENTS else {},
    )


def moment(value: object) -> datetime | None:
    """`2023-04-03 22:13:42.674981+00` or ISO 8601 with Z; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def bare(text: str) -> str:
    """The address in `Ada <ada@example.com>`, in lower case, as lists of emails are compared."""
    inside = text.rpartition("<")[2] if text.rstrip().endswith(">") else text
    return inside.strip().removesuffix(">").strip().lower()


def _tags(request: EmailRequest) -> list[dict[str, str]]:
    """Ours and the tenant's, sorted: a repeat must be the same byte by byte."""
    for name in request.tags:
        if name == REFERENCE:
            raise InvalidRequest.of("tags", f"must not contain '{REFERENCE}', which is ours")
        if not _TAG.fullmatch(name):
            raise InvalidRequest.of("tags", "may only have ASCII letters, digits, _ and - at Resend, 1 to 256 of them")
    pairs = {**dict.fromkeys(request.tags, _LABEL), REFERENCE: request.message_id}
    return [{"name": name, "value": value} for name, value in sorted(pairs.items())]


def _template(request: EmailRequest) -> dict[str, Any] | None:
    if request.provider_template is None:
        return None
    for name, value in request.variables.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise InvalidRequest.of("variables", f"'{name[:60]}' must be text or a number for a template at Resend")
    return {"id": request.provider_template, "variables": dict(request.variables)}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
