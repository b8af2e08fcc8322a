"""What services write (one JSON object a line), made readable for a person."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

COLOURS: Mapping[str, str] = {
    "gateway": "cyan",
    "registry": "magenta",
    "payments": "green",
    "messaging": "bright_green",
    "storage": "bright_cyan",
    "webhooks": "blue",
    "sandbox": "yellow",
}
_LEVELS: Mapping[str, tuple[str, str]] = {
    "debug": ("·", "dim"),
    "info": ("•", "white"),
    "warning": ("▲", "yellow"),
    "error": ("✖", "bold red"),
    "critical": ("✖", "bold white on red"),
}
ERRORS = frozenset({"error", "critical"})
LOUD = ERRORS | {"warning"}
_NOT_FIELDS = frozenset({"event", "level", "timestamp", "service", "exception", "trace_id"})
_NAME_WIDTH = 10


def is_loud(line: str, levels: frozenset[str] = LOUD) -> bool:
    """Whether a line is shown even when quiet: those levels, and what is not a log record at all (a traceback)."""
    record = _record(line)
    return bool(line.strip()) if record is None else str(record.get("level")) in levels


def humanize(name: str, line: str) -> Text:
    """One coloured line: time, service, event, fields; an exception follows below it, indented."""
    colour = COLOURS.get(name.split("-", maxsplit=1)[0], "white")
    record = _record(line)
    if record is None:
        return Text.assemble((f"{'':8} {name:<{_NAME_WIDTH}} ", colour), (line, "dim"))
    sign, style = _LEVELS.get(str(record.get("level")), ("•", "white"))
    text = Text.assemble(
        (f"{_time(record)} ", "dim"),
        (f"{name:<{_NAME_WIDTH}} ", colour),
        (f"{sign} {record.get('event', '')}", style),
    )
    for key, value in record.items():
        if key not in _NOT_FIELDS:
            text.append(f"  {key}=", "dim").append(str(value))
    for trace_line in str(record.get("exception", "")).splitlines():
        text.append(f"\n{'':20}{trace_line}", "red dim")
    return text


def _record(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _time(record: Mapping[str, Any]) -> str:
    try:
        return f"{datetime.fromisoformat(str(record['timestamp'])).astimezone():%H:%M:%S}"
    except (KeyError, ValueError):
        return " " * 8
