"""What `POST /v2/email/outbound-emails` may say. Source: botocore's model of sesv2, 2019-09-27."""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any, Final

from onerouter_sandbox.ses.errors import Refused, bad

_ADDRESS: Final = re.compile(r"[!-?A-~]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FIELDS: Final = frozenset(
    {
        "FromEmailAddress",
        "FromEmailAddressIdentityArn",
        "Destination",
        "ReplyToAddresses",
        "FeedbackForwardingEmailAddress",
        "FeedbackForwardingEmailAddressIdentityArn",
        "Content",
        "EmailTags",
        "ConfigurationSetName",
        "EndpointId",
        "TenantName",
        "ListManagementOptions",
    }
)
_RECIPIENTS: Final = 50
_HEADERS: Final = 15


@dataclass(frozen=True, slots=True)
class Wanted:
    sender: str
    to: list[str]
    recipients: list[str]
    reply_to: list[str]
    tags: dict[str, str]
    configuration_set: str | None
    subject: str = ""
    text: str | None = None
    html: str | None = None
    template: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    """What is in the attachments, in base 64."""
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)


def read(raw: bytes) -> Wanted:
    """Raises `Refused`."""
    body = json_of_body(raw)
    if unknown := body.keys() - _FIELDS:
        raise bad(f"Unknown field {sorted(unknown)[0]}")
    destination = _mapping(body, "Destination")
    to, cc, bcc = (_list(destination, f"{name}Addresses") for name in ("To", "Cc", "Bcc"))
    recipients = [bare(address) for address in (*to, *cc, *bcc)]
    if not recipients:
        raise bad("Missing required parameter: Destination")
    if len(recipients) > _RECIPIENTS:
        raise bad("Recipient count exceeds 50.")
    sender = str(body.get("FromEmailAddress", ""))
    bare(sender)
    return Wanted(
        sender=shown(sender),
        to=to,
        cc=cc,
        bcc=bcc,
        recipients=recipients,
        reply_to=_list(body, "ReplyToAddresses"),
        tags=_tags(body),
        configuration_set=body.get("ConfigurationSetName"),
        **_content(_mapping(body, "Content")),
    )


def bare(address: str) -> str:
    """The address without its name. Raises `Refused` for what is none."""
    found = parseaddr(address)[1]
    if not address.isascii():
        raise bad("Local address contains control or whitespace")
    if _ADDRESS.fullmatch(found) is None:
        raise bad("Illegal address" if "@" not in found else "Domain name is invalid")
    return found


def shown(address: str) -> str:
    """As a reader of the mail sees it, encoded words read."""
    name, email = parseaddr(address)
    return f"{make_header(decode_header(name))} <{email}>" if name else email


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in ("Simple", "Template", "Raw") if kind in content]
    if len(kinds) != 1:
        raise bad("Exactly one of Simple, Raw and Template must be given as Content")
    part = _mapping(content, kinds[0])
    if kinds == ["Raw"]:
        raise bad("This simulator takes no raw messages")
    made: dict[str, Any] = {
        "headers": _headers(part),
        "attachments": [_attachment(each) for each in _things(part)],
        "contents": [str(each.get("RawContent", "")) for each in _things(part)],
    }
    if kinds == ["Template"]:
        return made | {"template": str(part.get("TemplateName", "")), "variables": _json_of(part.get("TemplateData"))}
    body = _mapping(part, "Body")
    texts = {name: _data(body[name]) for name in ("Text", "Html") if name in body}
    if not texts:
        raise bad("Body must have text or html")
    return made | {"subject": _data(_mapping(part, "Subject")), "text": texts.get("Text"), "html": texts.get("Html")}


def _headers(part: Mapping[str, Any]) -> list[dict[str, str]]:
    headers = part.get("Headers") or []
    if len(headers) > _HEADERS:
        raise bad("Too many headers")
    for each in headers:
        value = str(each.get("Value", ""))
        if not each.get("Name") or "\r" in value or "\n" in value:
            raise bad("A header is invalid")
    return list(headers)


def _things(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(part.get("Attachments") or [])


def _attachment(given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        content = b64decode(str(given.get("RawContent", "")), validate=True)
    except binascii.Error:
        raise bad("RawContent is not in base 64") from None
    if not given.get("FileName"):
        raise bad("FileName is required")
    return {
        "filename": given["FileName"],
        "content_type": given.get("ContentType"),
        "disposition": given.get("ContentDisposition", "ATTACHMENT"),
        "content_id": given.get("ContentId"),
        "size": len(content),
    }


def _tags(body: Mapping[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for each in body.get("EmailTags") or []:
        name, value = str(each.get("Name", "")), str(each.get("Value", ""))
        if _WORD.fullmatch(name) is None or _WORD.fullmatch(value) is None:
            raise bad(f"Invalid tag <{name}>: only alphanumeric ASCII characters, '_' and '-' are allowed")
        if name in tags:
            raise bad(f"Duplicate tag name {name}")
        tags[name] = value
    return tags


def json_of_body(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "SerializationException", "The request body is not a JSON object")
    return body


def _json_of(text: object) -> Mapping[str, Any]:
    try:
        value = json.loads(str(text or "{}"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad("TemplateData is not a JSON object")
    return value


def _data(part: object) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("Data"), str):
        raise bad("Data is required")
    return str(part["Data"])


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise bad(f"Missing required parameter: {name}")
    return value


def _list(body: Mapping[str, Any], name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise bad(f"{name} must be a list of addresses")
    return value
