"""A message as the form that Mailgun takes: `o:` options, `h:` headers, `v:` variables, `t:` of a template.

Source: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages, read 2026-11-21.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Final

import httpx

from onerouter_common.errors import InvalidRequest
from onerouter_providers.email.composing import REFERENCE, check
from onerouter_providers.email.fields import custom_headers, mailbox, mailboxes, one_line, subject_of
from onerouter_providers.messages import EmailRequest

RECIPIENTS: Final = 1_000
MESSAGE_BYTES: Final = 26_214_400
SCHEDULE: Final = timedelta(days=7)
"""On the larger plans; Mailgun itself refuses what a smaller one lacks."""
PARAMETER_BYTES: Final = 16 * 1_024
"""Of all options, headers, variables and what a template is given, together."""
_ASKED_AS: Final = {"o:": "tags", "h:": "headers", "v:": "variables", "t:": "variables"}
"""Where in a request the parameters of a form come from."""
Part = tuple[str, tuple[str | None, bytes] | tuple[str, bytes, str]]
"""(name, (None, value)) of a field, (name, (file name, content, type)) of a file."""


def message_id_of(our_id: str, domain: str) -> str:
    """The Message-Id that a message of ours bears, without the angle brackets: the events know only that form."""
    return f"{our_id}@{domain}"


def parts_of(request: EmailRequest, domain: str) -> list[Part]:
    """Raises InvalidRequest or PayloadTooLarge for what Mailgun cannot be told."""
    check(
        request,
        provider="Mailgun",
        most_bytes=MESSAGE_BYTES,
        most_recipients=RECIPIENTS,
        most_ahead=SCHEDULE,
        template_takes_subject=True,
    )
    fields: list[tuple[str, str]] = [("from", mailbox(request.sender, "from_email"))]
    for name, addresses in (("to", request.to), ("cc", request.cc), ("bcc", request.bcc)):
        fields += [(name, address) for address in mailboxes(addresses, name)]
    subject = subject_of(request)
    if subject is not None:
        fields.append(("subject", subject))
    fields += _body(request)
    fields.append(("h:Message-Id", f"<{message_id_of(request.message_id, domain)}>"))
    if request.reply_to:
        fields.append(("h:Reply-To", ", ".join(mailboxes(request.reply_to, "reply_to"))))
    fields += [(f"h:{name}", value) for name, value in custom_headers(request.headers).items()]
    fields += [("o:tag", one_line(tag, "tags")) for tag in request.tags]
    if request.send_at is not None:
        fields.append(("o:deliverytime", format_datetime(request.send_at.astimezone(UTC))))
    # Mailgun writes variables into the mail as well (`X-Mailgun-Variables`): no more than our id.
    fields.append((f"v:{REFERENCE}", request.message_id))
    _check_parameters(fields)
    return [(name, (None, value.encode())) for name, value in fields] + _files(request)


def _body(request: EmailRequest) -> list[tuple[str, str]]:
    if request.provider_template is not None:
        return [
            ("template", request.provider_template),
            ("t:text", "yes"),
            ("t:variables", json.dumps(dict(request.variables), separators=(",", ":"), allow_nan=False)),
        ]
    return [(name, text) for name, text in (("text", request.text), ("html", request.html)) if text is not None]


def _check_parameters(fields: Sequence[tuple[str, str]]) -> None:
    """The field that takes most of the room is the one that is named."""
    sizes = Counter[str]()
    for name, value in fields:
        if name[:2] in _ASKED_AS:
            sizes[_ASKED_AS[name[:2]]] += len(name.encode()) + len(value.encode())
    if sizes.total() > PARAMETER_BYTES:
        ((largest, _),) = sizes.most_common(1)
        raise InvalidRequest.of(
            largest, f"takes too much room: headers, tags and variables may have {PARAMETER_BYTES} bytes at Mailgun"
        )


def _files(request: EmailRequest) -> list[Part]:
    """What is shown inside the text is found by Mailgun by its file name: `cid:logo` is the file called `logo`."""
    return [
        ("attachment", (one_line(each.filename, "attachments.filename"), each.content, each.content_type))
        if each.content_id is None
        else ("inline", (one_line(each.content_id, "attachments.content_id"), each.content, each.content_type))
        for each in request.attachments
    ]


def encode(parts: list[Part]) -> tuple[bytes, str]:
    """The body, and its content type with the boundary."""
    request = httpx.Request("POST", "https://mailgun.invalid", files=parts)
    return request.read(), request.headers["Content-Type"]
