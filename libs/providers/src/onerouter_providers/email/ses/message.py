"""A message as SES's SendEmail takes it.

Source: botocore's model of sesv2, 2019-09-27, and https://docs.aws.amazon.com/ses/latest/APIReference-V2/, read 2026-11-21.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_providers.email.composing import REFERENCE, check
from onerouter_providers.email.fields import custom_headers, mailbox, mailboxes, subject_of
from onerouter_providers.messages import Address, Attachment, EmailRequest

RECIPIENTS: Final = 50
MESSAGE_BYTES: Final = 40_000_000
HEADERS: Final = 15
HEADER_CHARS: Final = 996
"""Name and value together; the value alone has one less."""
CONTENT_ID_CHARS: Final = 78
_CONTENT_TYPE_CHARS: Final = 78
_FILENAME_CHARS: Final = 255
_HEADER_VALUE: Final = re.compile(r"[ -~]{1,995}")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ON: Final = "1"


def params_of(request: EmailRequest) -> dict[str, Any]:
    """Raises CallerError for what SES cannot be told."""
    if request.send_at is not None:
        raise CapabilityUnsupported("Amazon SES cannot keep a message for later.")
    check(
        request,
        provider="Amazon SES",
        most_bytes=MESSAGE_BYTES,
        most_recipients=RECIPIENTS,
        most_ahead=timedelta(0),
    )
    if len(request.headers) > HEADERS:
        raise InvalidRequest.of("headers", f"may be at most {HEADERS} at Amazon SES")
    destination = {
        "ToAddresses": _mailboxes(request.to, "to"),
        "CcAddresses": _mailboxes(request.cc, "cc"),
        "BccAddresses": _mailboxes(request.bcc, "bcc"),
    }
    params: dict[str, Any] = {
        "FromEmailAddress": mailbox(_ascii(request.sender, "from_email"), "from_email"),
        "Destination": {name: addresses for name, addresses in destination.items() if addresses},
        "Content": _content(request),
        "EmailTags": [{"Name": name, "Value": value} for name, value in _tags(request).items()],
    }
    if request.reply_to:
        params["ReplyToAddresses"] = _mailboxes(request.reply_to, "reply_to")
    return params


def _content(request: EmailRequest) -> dict[str, Any]:
    beside: dict[str, Any] = {}
    headers = custom_headers(request.headers)
    _check_headers(headers)
    if headers:
        beside["Headers"] = [{"Name": name, "Value": value} for name, value in headers.items()]
    if request.attachments:
        beside["Attachments"] = [_attachment(each) for each in request.attachments]
    if request.provider_template is not None:
        data = json.dumps(dict(request.variables), separators=(",", ":"), allow_nan=False)
        return {"Template": {"TemplateName": request.provider_template, "TemplateData": data, **beside}}
    body = {name: _text(text) for name, text in (("Text", request.text), ("Html", request.html)) if text is not None}
    return {"Simple": {"Subject": _text(subject_of(request) or ""), "Body": body, **beside}}


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_VALUE.fullmatch(value) or len(name) + len(value) > HEADER_CHARS:
            raise InvalidRequest.of(
                f"headers.{name}",
                f"must be printable ASCII at Amazon SES, 1 to 995 characters and with its name {HEADER_CHARS} at most",
            )


def _attachment(attachment: Attachment) -> dict[str, Any]:
    for what, text, most in (
        ("filename", attachment.filename, _FILENAME_CHARS),
        ("content_type", attachment.content_type, _CONTENT_TYPE_CHARS),
        ("content_id", attachment.content_id or "", CONTENT_ID_CHARS),
    ):
        if len(text) > most:
            raise InvalidRequest.of("attachments", f"may have at most {most} characters in {what} at Amazon SES")
    made = {
        "FileName": attachment.filename,
        "RawContent": attachment.content,
        "ContentType": attachment.content_type,
        "ContentDisposition": "ATTACHMENT",
        "ContentTransferEncoding": "BASE64",
    }
    if attachment.content_id is not None:
        made |= {"ContentDisposition": "INLINE", "ContentId": attachment.content_id}
    return made


def _tags(request: EmailRequest) -> Mapping[str, str]:
    """Tags are names here, with a value of no meaning."""
    for tag in request.tags:
        if not _WORD.fullmatch(tag):
            raise InvalidRequest.of("tags", "may only have letters, digits, _ and - at Amazon SES, at most 256 of them")
    return {**dict.fromkeys(request.tags, _ON), REFERENCE: request.message_id}


def _text(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _mailboxes(addresses: Sequence[Address], field: str) -> list[str]:
    return mailboxes([_ascii(address, field) for address in addresses], field)


def _ascii(address: Address, field: str) -> Address:
    if not address.email.rpartition("@")[0].isascii():
        raise InvalidRequest.of(field, "has letters before the @ that Amazon SES cannot send to")
    return address
