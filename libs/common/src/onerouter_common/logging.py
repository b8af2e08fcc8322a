"""Logs: an event name and fields, one JSON object a line. Never a body, a credential or an address."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from pydantic import SecretBytes, SecretStr

_HIDDEN = "**********"
_SENSITIVE = ("secret", "password", "authorization", "api_key", "token", "credential", "cookie")
_HARMLESS = ("_id", "_configured", "_hash", "_count")
_DETAIL = re.compile(
    r"^\s*DETAIL:.*?(?=^Traceback|^\s*(?:HINT|CONTEXT|The above|During handling)|\Z)", re.MULTILINE | re.DOTALL
)


def configure(service: str, level: str = "INFO", log_format: str = "json", *, stream: TextIO | None = None) -> None:
    """Set up structlog for this process, and hand it what libraries log through the standard library (warnings up).

    `stream` None: standard output, which is where a service logs.
    """
    to = stream or sys.stdout
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _add_trace,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if log_format == "console" else structlog.processors.JSONRenderer()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, _without_rows, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(to),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_rows,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))


class _Lines:
    """Writes lines to a stream; once that is closed (a command's that was run inside a test) to standard output."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        stream = sys.stdout if self._stream.closed else self._stream
        stream.write(f"{line}\n")
        stream.flush()

    debug = info = warning = error = critical = exception = log = msg


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net: what a name or a type says is secret is never written, however deep, whatever the caller meant."""
    for key, value in event.items():
        event[key] = _hidden(key, value)
    return event


def _hidden(key: str, value: Any) -> Any:
    if isinstance(value, SecretStr | SecretBytes) or _says_secret(key):
        return _HIDDEN
    if isinstance(value, Mapping):
        return {str(name): _hidden(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and key != "exc_info":
        return [_hidden("", item) for item in value]
    return value


def _says_secret(key: str) -> bool:
    name = key.lower()
    return any(word in name for word in _SENSITIVE) and not name.endswith(_HARMLESS)


def _without_rows(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """PostgreSQL's errors quote the row they refused (`DETAIL: Failing row contains (…)`): a body, so it goes."""
    if isinstance(event.get("exception"), str):
        event["exception"] = _DETAIL.sub("DETAIL:  (hidden)", event["exception"])
    return event


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event
