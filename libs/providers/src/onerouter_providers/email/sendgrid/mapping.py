"""Our requests in SendGrid's words. One request is one message: all recipients see each other."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.email import composing
from onerouter_providers.email.composing import REFERENCE, in_base64
from onerouter_providers.email.fields import ascii_domain, one_line
from onerouter_providers.messages import Address, Attachment, EmailRequest

BATCH: Final = "onerouter_batch"
"""The custom argument that names the batch of a scheduled message: by it alone it can be canceled."""
RECIPIENTS: Final = 1_000
MESSAGE_BYTES: Final = 30_000_000
SCHEDULE: Final = timedelta(hours=72)
_CATEGORIES: Final = 10
_CATEGORY_CHARS: Final = 255
_RESERVED_HEADERS: Final = frozenset({"x-sg-id", "x-sg-eid"})


def body_of(request: EmailRequest, *, batch_id: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """The JSON of `POST /v3/mail/send`. Raises InvalidRequest and PayloadTooLarge for what SendGrid cannot be told.

    `batch_id`: of a message that is to be sent later.
    """
    composing.check(
        request,
        provider="SendGrid",
        most_bytes=MESSAGE_BYTES,
        most_recipients=RECIPIENTS,
        most_ahead=SCHEDULE,
        reserved_headers=_RESERVED_HEADERS,
        now=now,
    )
    body: dict[str, Any] = {
        "personalizations": [_personalization(request, batch_id)],
        "from": _person(request.sender, "from_email"),
        **_reply_to(request),
        "subject": request.subject,
        "content": _content(request),
        "headers": dict(request.headers),
        "categories": _categories(request.tags),
        "attachments": [_file(attachment) for attachment in request.attachments],
        "template_id": request.provider_template,
        "batch_id": batch_id,
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def id_of(message_id: str, batch_id: str | None) -> str:
    """What we call a message by: the part of SendGrid's id that stays the same, and its batch, where it has one.

    SendGrid appends words of its own after a dot, and a different one for each recipient.
    """
    stem = message_id.partition(".")[0]
    return stem if not batch_id else f"{stem}.{batch_id}"


def _personalization(request: EmailRequest, batch_id: str | None) -> dict[str, Any]:
    to, cc, bcc = (
        _people(addresses, field) for field, addresses in (("to", request.to), ("cc", request.cc), ("bcc", request.bcc))
    )
    _check_each_once([*to, *cc, *bcc])
    made = {
        "to": to,
        "cc": cc,
        "bcc": bcc,
        "custom_args": _custom_args(request, batch_id),
        "dynamic_template_data": dict(request.variables) if request.provider_template is not None else {},
        "send_at": math.ceil(request.send_at.timestamp()) if request.send_at is not None and batch_id else None,
    }
    return {name: value for name, value in made.items() if value not in (None, [], {})}


def _person(address: Address, field: str) -> dict[str, str]:
    email = ascii_domain(one_line(address.email, field), field)
    return {"email": email} if not address.name else {"email": email, "name": one_line(address.name, field)}


def _people(addresses: Sequence[Address], field: str) -> list[dict[str, str]]:
    return [_person(address, field) for address in addresses]


def _check_each_once(people: Sequence[Mapping[str, str]]) -> None:
    emails = [person["email"].lower() for person in people]
    if len(set(emails)) != len(emails):
        raise InvalidRequest.of("to", "names a recipient twice: SendGrid takes each once among to, cc and bcc")


def _reply_to(request: EmailRequest) -> dict[str, Any]:
    people = _people(request.reply_to, "reply_to")
    if len(people) == 1:
        return {"reply_to": people[0]}
    return {"reply_to_list": people}


def _content(request: EmailRequest) -> list[dict[str, str]]:
    """Text comes before HTML: SendGrid refuses them the other way round."""
    texts = (("text/plain", request.text), ("text/html", request.html))
    return [{"type": kind, "value": text} for kind, text in texts if text]


def _categories(tags: Sequence[str]) -> list[str]:
    if len(tags) > _CATEGORIES:
        raise InvalidRequest.of("tags", f"may be at most {_CATEGORIES} at SendGrid")
    if not all(0 < len(tag) <= _CATEGORY_CHARS for tag in tags):
        raise InvalidRequest.of("tags", f"may have 1 to {_CATEGORY_CHARS} characters at SendGrid")
    return list(tags)


def _custom_args(request: EmailRequest, batch_id: str | None) -> dict[str, str]:
    """What its events echo."""
    return {REFERENCE: request.message_id} | ({} if batch_id is None else {BATCH: batch_id})


def _file(attachment: Attachment) -> dict[str, str]:
    shown_inside = {} if attachment.content_id is None else {"content_id": attachment.content_id}
    return {
        "content": in_base64(attachment),
        "filename": attachment.filename,
        "type": attachment.content_type,
        "disposition": "inline" if shown_inside else "attachment",
        **shown_inside,
    }
