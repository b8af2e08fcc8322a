"""What the providers that take JSON are told alike, and what must not go out at all.

Bounds are the provider's (its manifest's `limits`); what is over them is refused before anything is sent.
"""

import base64
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from onerouter_common.errors import InvalidRequest, PayloadTooLarge
from onerouter_providers.email.fields import custom_headers, one_line, subject_of
from onerouter_providers.messages import Attachment, EmailRequest

REFERENCE: Final = "onerouter_id"
"""The name under which our message id goes with a message, and comes back in callbacks."""
_OUR_ID: Final = re.compile(r"[a-z]{2,8}_[0-9A-Za-z]{1,40}")


def in_base64(attachment: Attachment) -> str:
    return base64.b64encode(attachment.content).decode()


def our_id(value: object) -> str | None:
    """A message id of ours in what a provider echoes; None for anything else."""
    return value if isinstance(value, str) and _OUR_ID.fullmatch(value) else None


def check(
    request: EmailRequest,
    *,
    provider: str,
    most_bytes: int,
    most_recipients: int,
    most_ahead: timedelta,
    reserved_headers: Collection[str] = (),
    template_takes_subject: bool = False,
    now: datetime | None = None,
) -> None:
    """Raises InvalidRequest or PayloadTooLarge for what this provider cannot be told; addresses are for `fields.py`.

    `reserved_headers`: in lower case, beside those that no message may set. `template_takes_subject`: a subject may stand
    beside a template of its own.
    """
    if not request.to:
        raise InvalidRequest.of("to", "needs at least one recipient")
    if sum(map(len, (request.to, request.cc, request.bcc))) > most_recipients:
        raise InvalidRequest.of(
            "to", f"may have at most {most_recipients} recipients at {provider}, cc and bcc included"
        )
    _check_content(request, provider, template_takes_subject=template_takes_subject)
    for name in custom_headers(request.headers):
        if name.lower() in reserved_headers:
            raise InvalidRequest.of(f"headers.{name}", f"is written by {provider} and cannot be set")
    for attachment in request.attachments:
        for text in (attachment.filename, attachment.content_type, attachment.content_id or ""):
            one_line(text, "attachments")
    if size_of(request) > most_bytes:
        raise PayloadTooLarge(f"The message is larger than the {most_bytes // 1_000_000} MB that {provider} takes.")
    if request.send_at is not None and request.send_at > (now or datetime.now(UTC)) + most_ahead:
        raise InvalidRequest.of(
            "send_at", f"is further ahead than the {most_ahead.days} days that {provider} schedules"
        )


def size_of(request: EmailRequest) -> int:
    """About how many bytes it is on the wire: files grow by a third."""
    texts = (request.subject, request.html, request.text)
    files = sum((len(attachment.content) + 2) // 3 * 4 for attachment in request.attachments)
    return sum(len(text.encode()) for text in texts if text is not None) + files


def _check_content(request: EmailRequest, provider: str, *, template_takes_subject: bool) -> None:
    written = request.html is not None or request.text is not None
    if request.provider_template is not None:
        if written:
            raise InvalidRequest.of("provider_template", "takes the place of html_body and text_body: send one of them")
        if subject_of(request) is not None and not template_takes_subject:
            raise InvalidRequest.of("subject", f"is in the template at {provider}, and cannot be there beside it")
    elif not written:
        raise InvalidRequest.of("text_body", "is required, or html_body, or a template of the provider")
    elif not subject_of(request):
        raise InvalidRequest.of("subject", "is required")
