"""SendGrid's rules for `POST /v3/mail/send`, as pure functions that raise `Refused`."""

import base64
import binascii
import json
import re
from typing import Any, Final

from onerouter_sandbox.sendgrid.errors import Refused, invalid

MOST_BYTES: Final = 30_000_000
_ADDRESS: Final = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]+")
_TEMPLATE: Final = re.compile(r"(d-[0-9a-f]{32}|[0-9a-f-]{36})")
_THREE_DAYS_S: Final = 72 * 3_600
_RECIPIENTS: Final = 1_000
_ARGS_BYTES: Final = 10_000
_TOP: Final = frozenset(
    {
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
    }
)
_EACH: Final = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    }
)
_FORBIDDEN_HEADERS: Final = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)


def parsed(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        given = json.loads(body)
    except ValueError as problem:
        raise invalid("Bad Request") from problem
    if not isinstance(given, dict):
        raise invalid("Bad Request")
    return given


def check_mail(given: dict[str, Any], now: float) -> None:
    """All that can be said of a request without knowing the account."""
    _known(given, _TOP, "")
    people = given.get("personalizations")
    if not isinstance(people, list) or not people:
        raise invalid(
            "The personalizations field is required and must have at least one personalization.", "personalizations"
        )
    if len(people) > _RECIPIENTS:
        raise invalid("There may be at most 1000 personalizations.", "personalizations")
    for place, each in enumerate(people):
        _check_personalization(each, f"personalizations.{place}", now)
    if sum(len(each.get(field) or []) for each in people for field in ("to", "cc", "bcc")) > _RECIPIENTS:
        raise invalid("There may be at most 1000 recipients in a request.", "personalizations")
    _check_person(given.get("from"), "from")
    if "reply_to" in given and "reply_to_list" in given:
        raise invalid("Either reply_to or reply_to_list may be given, not both.", "reply_to_list")
    _check_content(given, people)
    _check_headers(given.get("headers"), "headers")
    _check_categories(given.get("categories") or [])
    _check_files(given.get("attachments") or [])
    _check_args(given.get("custom_args"), "custom_args")
    send_at(given.get("send_at"), "send_at", now)


def send_at(value: Any, field: str, now: float) -> float | None:
    if value is None or value == 0:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid("The send_at parameter must be an integer (UNIX timestamp).", field)
    if value > now + _THREE_DAYS_S:
        raise invalid("Scheduling more than 72 hours in advance is forbidden.", field)
    return float(value)


def _check_personalization(each: Any, where: str, now: float) -> None:
    if not isinstance(each, dict):
        raise invalid("A personalization must be an object.", where)
    _known(each, _EACH, where + ".")
    if not each.get("to"):
        raise invalid(
            "The to array is required for all personalization objects, and must have at least one email object.",
            f"{where}.to",
        )
    seen: set[str] = set()
    for field in ("to", "cc", "bcc"):
        people = each.get(field) or []
        if not isinstance(people, list):
            raise invalid("It must be an array.", f"{where}.{field}")
        for place, person in enumerate(people):
            _check_person(person, f"{where}.{field}.{place}")
            email = person["email"].lower()
            if email in seen:
                raise invalid(
                    "Each email address in the personalization block should be unique between to, cc, and bcc. "
                    f"We found the first duplicate instance of [{email}] in the {where}.{field} field.",
                    where,
                )
            seen.add(email)
    _check_args(each.get("custom_args"), f"{where}.custom_args")
    _check_headers(each.get("headers"), f"{where}.headers")
    send_at(each.get("send_at"), f"{where}.send_at", now)


def _check_person(person: Any, where: str) -> None:
    if (
        not isinstance(person, dict)
        or not isinstance(person.get("email"), str)
        or not _ADDRESS.fullmatch(person["email"])
    ):
        raise invalid("Does not contain a valid address.", f"{where}.email")


def _check_content(given: dict[str, Any], people: list[dict[str, Any]]) -> None:
    template = given.get("template_id")
    if template is not None:
        if not isinstance(template, str) or not _TEMPLATE.fullmatch(template):
            raise invalid(f"The template_id must be a valid GUID, you provided '{template}'.", "template_id")
        return
    if not given.get("subject") and not all(each.get("subject") for each in people):
        raise invalid("The subject is required. You can get around this requirement if you use a template.", "subject")
    content = given.get("content")
    if not isinstance(content, list) or not content:
        raise invalid("Unless a valid template_id is provided, the content parameter is required.", "content")
    for place, part in enumerate(content):
        if not isinstance(part, dict) or not part.get("type") or not part.get("value"):
            raise invalid(
                "The content value must be a string at least one character in length.", f"content.{place}.value"
            )
    kinds = [part["type"] for part in content]
    if kinds != sorted(kinds, key=lambda kind: {"text/plain": 0, "text/html": 1}.get(kind, 2)):
        raise invalid("The content must be ordered: text/plain first, then text/html, then others.", "content")


def _check_headers(headers: Any, where: str) -> None:
    for name, value in (headers or {}).items():
        if name.lower() in _FORBIDDEN_HEADERS:
            raise invalid(f"The header {name} is reserved and cannot be set.", f"{where}.{name}")
        if not isinstance(value, str):
            raise invalid("A header must be a string.", f"{where}.{name}")


def _check_categories(categories: Any) -> None:
    if not isinstance(categories, list) or len(categories) > 10:
        raise invalid("There may be at most 10 categories.", "categories")
    if not all(isinstance(each, str) and len(each) <= 255 for each in categories) or len(set(categories)) < len(
        categories
    ):
        raise invalid("Categories must be different strings of at most 255 characters.", "categories")


def _check_files(files: Any) -> None:
    for place, each in enumerate(files):
        where = f"attachments.{place}"
        if not isinstance(each, dict) or not each.get("content") or not each.get("filename"):
            raise invalid("The attachment content and filename are required.", where)
        try:
            base64.b64decode(each["content"], validate=True)
        except (binascii.Error, ValueError, TypeError) as problem:
            raise invalid("The attachment content must be base64 encoded.", f"{where}.content") from problem


def _check_args(args: Any, where: str) -> None:
    if args is None:
        return
    if not isinstance(args, dict) or not all(isinstance(value, str) for value in args.values()):
        raise invalid("The custom_args must be an object of strings.", where)
    if len(json.dumps(args).encode()) > _ARGS_BYTES:
        raise invalid("The custom_args may not exceed 10000 bytes.", where)


def _known(given: dict[str, Any], names: frozenset[str], where: str) -> None:
    for name in given:
        if name not in names:
            raise Refused(400, f"Additional property {name} is not allowed", f"{where}{name}")
