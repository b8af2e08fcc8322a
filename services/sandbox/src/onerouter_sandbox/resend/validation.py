"""Resend's rules for what is sent, as pure functions that raise `Refused`."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from onerouter_sandbox.resend.errors import Refused, invalid, missing

_ADDRESS: Final = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]+")
_NAMED: Final = re.compile(r"[^<>]*<([^<>]+)>")
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PLACE: Final = re.compile(r"\{\{\{\s*([A-Za-z0-9_]+)\s*\}\}\}")
_MONTH_S: Final = 30 * 86_400
RECIPIENTS: Final = 50
MOST_BYTES: Final = 40_000_000


def parsed(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        given = json.loads(body)
    except ValueError as problem:
        raise invalid("The request body is not valid JSON.") from problem
    if not isinstance(given, dict):
        raise invalid("The request body must be an object.")
    return given


def email_address(text: str) -> str | None:
    """The address in `Name <a@b.c>` or `a@b.c`; None where it is neither."""
    named = _NAMED.fullmatch(text.strip())
    address = named.group(1) if named else text.strip()
    return address if _ADDRESS.fullmatch(address) else None


def content_of(given: dict[str, Any], now: float) -> tuple[dict[str, Any], float | None]:
    """What is kept of a request to send, lists made of single values; and when it is to be sent."""
    content = dict(given)
    scheduled_at = schedule(content.pop("scheduled_at", None), now)
    for field in ("from", "to"):
        if not content.get(field):
            raise missing(field)
    for field in ("to", "cc", "bcc", "reply_to"):
        content[field] = _addresses(content.get(field), field)
    if not isinstance(content["from"], str) or email_address(content["from"]) is None:
        raise _malformed("from")
    template = content.get("template")
    if template is not None and (content.get("html") is not None or content.get("text") is not None):
        raise invalid("`template` cannot be used with `html` or `text`.")
    if template is None:
        if not content.get("subject"):
            raise missing("subject")
        if content.get("html") is None and content.get("text") is None:
            raise Refused(422, "missing_required_field", "Missing `html` or `text` field.")
    content["tags"] = _tags(content.get("tags"))
    content["attachments"] = _attachments(content.get("attachments"))
    return content, scheduled_at


def schedule(value: object, now: float) -> float | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as problem:  # Resend also takes words such as "in 1 hour", which nobody here sends
        raise invalid("Invalid `scheduled_at` field. It must be an ISO 8601 date.") from problem
    moment = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if moment > now + _MONTH_S:
        raise invalid("The `scheduled_at` field must be within 30 days.")
    return moment


def idempotency_key(header: bytes | None) -> str | None:
    if header is None:
        return None
    key = header.decode("latin-1")
    if not 1 <= len(key) <= 256:
        raise Refused(400, "invalid_idempotency_key", "The idempotency key must be between 1-256 characters.")
    return key


def filled(text: str | None, variables: dict[str, Any], declared: list[dict[str, Any]]) -> str | None:
    """A template's text with its variables: what is given, else what the template falls back to."""
    if text is None:
        return None
    known = {each["key"]: each.get("fallback_value") for each in declared if each.get("fallback_value") is not None}
    known |= variables

    def value(place: re.Match[str]) -> str:
        if place.group(1) not in known:
            raise invalid(f"Missing template variable `{place.group(1)}`.")
        return str(known[place.group(1)])

    return _PLACE.sub(value, text)


def _addresses(value: Any, field: str) -> list[str]:
    if value is None:
        return []
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) and email_address(one) for one in given):
        raise _malformed(field)
    if len(given) > RECIPIENTS:
        raise invalid(f"The `{field}` field must have at most {RECIPIENTS} addresses.")
    return given


def _malformed(field: str) -> Refused:
    return invalid(
        f"Invalid `{field}` field. The email address needs to follow the `email@example.com` or "
        "`Name <email@example.com>` format."
    )


def _tags(value: Any) -> list[dict[str, str]]:
    tags = value or []
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise invalid("The `tags` field must be an array of objects.")
    for tag in tags:
        for part in ("name", "value"):
            if not isinstance(tag.get(part), str) or not _TAG.fullmatch(tag[part]):
                raise invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.")
    return tags


def _attachments(value: Any) -> list[dict[str, Any]]:
    files = value or []
    if not isinstance(files, list) or not all(isinstance(each, dict) for each in files):
        raise invalid("The `attachments` field must be an array of objects.")
    for each in files:
        if not (each.get("content") or each.get("path")):
            raise Refused(422, "invalid_attachment", "Attachment must have either a `content` or `path`.")
    return files
