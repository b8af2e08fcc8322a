"""SendGrid's objects as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from onerouter_sandbox.sendgrid.state import Line, Template
from onerouter_sandbox.wire import Reply


def ok(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def empty(status: int, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers=headers)


def line(each: Line) -> dict[str, Any]:
    shown = {
        "from_email": each.sender,
        "sg_message_id": each.id,
        "subject": each.subject,
        "to_email": each.email,
        "status": each.status,
        "sg_message_id_created_at": iso(each.created),
    }
    return shown if each.reason is None else {**shown, "reason": each.reason}


def line_details(each: Line) -> dict[str, Any]:
    events = [{**_logged(event), "custom_args": each.custom_args} for event in reversed(each.events)]
    return {
        "from_email": each.sender,
        "sg_message_id": each.id,
        "subject": each.subject,
        "to_email": each.email,
        "status": each.status,
        "api_key_id": "sandbox",
        "client_ip": "192.0.2.1",
        "category": each.categories,
        "custom_args": each.custom_args,
        "events": events[:100],
    }


def template(each: Template) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "generation": each.generation,
        "updated_at": _database_time(each.created),
        "versions": [
            {name: version[name] for name in ("id", "template_id", "active", "name", "subject", "updated_at")}
            for version in each.versions
        ],
    }


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _database_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def new_version(template_id: str, version_id: str, given: dict[str, Any], at: float) -> dict[str, Any]:
    html = given.get("html_content") or ""
    return {
        "id": version_id,
        "template_id": template_id,
        "active": 1,
        "name": given["name"],
        "html_content": html,
        "plain_content": given.get("plain_content") or "",
        "generate_plain_content": given.get("generate_plain_content", True),
        "subject": given["subject"],
        "editor": given.get("editor", "code"),
        "updated_at": _database_time(at),
    }


def _logged(event: dict[str, Any]) -> dict[str, Any]:
    """As the logs have it: they leave out what is false, and date an unsubscription."""
    shown = {name: value for name, value in event.items() if value is not False}
    if event["event"] == "unsubscribe":
        shown["date"] = datetime.fromtimestamp(event["timestamp"], UTC).strftime("%Y-%m-%d")
    return shown
