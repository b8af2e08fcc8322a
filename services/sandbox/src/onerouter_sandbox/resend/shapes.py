"""Resend's objects as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from onerouter_sandbox.resend.account import Account
from onerouter_sandbox.resend.state import CallMade, Email, Template
from onerouter_sandbox.wire import Reply


def ok(body: Any, status: int = 200) -> Reply:
    return Reply(status, encode(body))


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def listing(data: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    return {"object": "list", "has_more": more, "data": data}


def in_list(email: Email) -> dict[str, Any]:
    """A list shows neither content nor tags."""
    content = email.content
    return {
        "id": email.id,
        "message_id": f"<{email.id}@resend.example>",
        "to": content["to"],
        "from": content["from"],
        "created_at": database_time(email.created),
        "subject": content.get("subject") or "",
        "bcc": content["bcc"],
        "cc": content["cc"],
        "reply_to": content["reply_to"],
        "last_event": email.last_event,
        "scheduled_at": None if email.scheduled_at is None else database_time(email.scheduled_at),
    }


def email(each: Email) -> dict[str, Any]:
    texts = {name: each.content[name] for name in ("html", "text") if each.content.get(name) is not None}
    return {"object": "email", **in_list(each), **texts}


def call_in_list(call: CallMade) -> dict[str, Any]:
    return {
        "id": call.id,
        "created_at": database_time(call.created),
        "endpoint": call.endpoint,
        "method": call.method,
        "response_status": call.status,
        "user_agent": call.user_agent,
    }


def call(each: CallMade) -> dict[str, Any]:
    return {"object": "log", **call_in_list(each), "request_body": each.asked, "response_body": each.answered}


def template(each: Template) -> dict[str, Any]:
    shown = {
        "object": "template",
        "id": each.id,
        "name": each.name,
        "alias": each.alias,
        "from": each.sender,
        "subject": each.subject,
        "html": each.html,
        "text": each.text,
        "variables": [
            {"id": f"{each.id}-{place}", **variable} for place, variable in enumerate(each.variables, start=1)
        ],
        "created_at": database_time(each.created),
        "updated_at": database_time(each.created),
        "status": "draft" if each.published_at is None else "published",
        "published_at": None if each.published_at is None else database_time(each.published_at),
        "has_unpublished_versions": each.published_at is None,
    }
    kept_null = ("published_at",)
    return {name: value for name, value in shown.items() if value is not None or name in kept_null}


def domain(account: Account, place: int) -> dict[str, Any]:
    return {
        "id": f"d91cd9bd-1176-453e-8fc1-{place:012d}",
        "name": account.domains[place],
        "status": "verified",
        "created_at": database_time(0),
        "region": "us-east-1",
    }


def event_data(each: Email) -> dict[str, Any]:
    """What every callback says of an email."""
    headers = [{"name": name, "value": str(value)} for name, value in (each.content.get("headers") or {}).items()]
    data = {
        "email_id": each.id,
        "created_at": iso(each.created),
        "from": each.content["from"],
        "to": each.content["to"],
        "subject": each.content.get("subject") or "",
        "template_id": each.template_id,
        "tags": each.tags or None,
        "headers": headers or None,
    }
    return {name: value for name, value in data.items() if value is not None}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def database_time(at: float) -> str:
    """`2023-04-03 22:13:42.674981+00`, as the API shows times of its own."""
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="microseconds").removesuffix(":00")
