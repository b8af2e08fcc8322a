"""From a call to the bytes on the wire. Pure."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final
from urllib.parse import quote, urlencode

from onerouter._options import CONNECT_S, NotGiven, RequestOptions, Timeout, check_names, refuse_key

_KEY: Final = re.compile(r"[ -~]{1,255}")
KEY_HEADER: Final = "Idempotency-Key"
_NO_EFFECT: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SLACK_S: Final = 10.0
"""How much longer than the server is asked to wait we wait for its answer."""


class Call:
    """One request, the same bytes at each attempt."""

    __slots__ = (
        "body",
        "deadline",
        "has_effect",
        "headers",
        "idempotency_key",
        "max_retries",
        "method",
        "path",
        "target",
        "timeout",
        "waits",
    )

    method: str
    path: str
    """Without the query: what may be logged."""
    target: str
    """Path and query."""
    body: bytes | None
    """JSON, unless `headers` has another Content-Type."""
    headers: dict[str, str]
    """Those of this call; the client adds what all have."""
    idempotency_key: str | None
    has_effect: bool
    timeout: Timeout
    deadline: float | None
    max_retries: int
    waits: bool
    """For the outcome; False: the operation is what is wanted."""


def build(
    method: str,
    path: str,
    *,
    body: Mapping[str, object] | None,
    query: Mapping[str, object] | None,
    options: RequestOptions,
    defaults: Defaults,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """`content`: a body that is no JSON; then `headers` say what it is.

    Raises ValueError or TypeError, naming the argument, for what cannot be sent.
    """
    check_names(options)
    call = Call()
    call.method = method
    call.path = path
    query = _joined(query, options.get("extra_query"))
    call.target = f"{path}?{query_string(query)}" if query else path
    fields = None if content is not None else _joined(body, options.get("extra_body"))
    call.body = content if fields is None else json_bytes(fields)
    call.has_effect = method not in _NO_EFFECT
    call.headers = dict(headers or {})
    key = None
    extra = options.get("extra_headers") or {}
    if call.has_effect:
        key = call.headers[KEY_HEADER] = _key_of(options, fields or {}, extra)
    else:
        refuse_key(options)
    call.idempotency_key = key
    _time(call, options, defaults)
    named = options.get("environment")
    environment = defaults.environment if named is None else named
    if environment is not None:
        call.headers["X-OneRouter-Environment"] = environment
    call.headers = _with(call.headers, extra)
    return call


class Defaults:
    """What a client says about all its calls."""

    __slots__ = ("deadline", "environment", "max_retries", "timeout")

    def __init__(self, timeout: Timeout, deadline: float | None, max_retries: int, environment: str | None) -> None:
        self.timeout = timeout
        self.deadline = deadline
        self.max_retries = max_retries
        self.environment = environment


def _key_of(options: RequestOptions, content: Mapping[str, object], extra: Mapping[str, str]) -> str:
    """The caller's own, wherever it stands, or a new one. Raises ValueError for two that differ."""
    key = options.get("idempotency_key") or None
    in_header = next((value for name, value in extra.items() if name.lower() == KEY_HEADER.lower()), None)
    if in_header is not None:
        if key is not None and key != in_header:
            raise ValueError(
                "idempotency_key and the header Idempotency-Key of extra_headers differ: give one of them."
            )
        key = in_header
    if key is None:
        in_body = content.get("idempotency_key")
        key = in_body if isinstance(in_body, str) else None
    return new_key() if key is None else checked_key(key)


def _with(headers: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What is given wins, whatever case its name is written in."""
    own = {name.lower() for name in extra}
    return {**{name: value for name, value in headers.items() if name.lower() not in own}, **extra}


def _time(call: Call, options: RequestOptions, defaults: Defaults) -> None:
    """How long, how often, and how long the server is to wait."""
    call.timeout, call.deadline, call.max_retries = times_of(options, defaults)
    wait = options.get("wait", True)
    call.waits = wait is not False
    if wait is False:
        call.headers["Prefer"] = "respond-async"
    elif wait is not True:
        call.headers["Prefer"] = f"wait={int(wait)}"
        if options.get("timeout") is None and call.timeout.total < wait + _SLACK_S:
            call.timeout = Timeout(wait + _SLACK_S, call.timeout.connect)


def times_of(options: RequestOptions, defaults: Defaults) -> tuple[Timeout, float | None, int]:
    """Of one attempt, of the whole call, and how often it is tried again. Raises ValueError or TypeError."""
    check_names(options)
    timeout, deadline, retries = options.get("timeout"), options.get("deadline"), options.get("max_retries")
    deadline = defaults.deadline if deadline is None else deadline
    retries = defaults.max_retries if retries is None else retries
    if retries < 0 or (deadline is not None and not deadline > 0):
        raise ValueError("max_retries is 0 or more, and deadline a number of seconds above 0.")
    return defaults.timeout if timeout is None else timeout_of(timeout), deadline, retries


def timeout_of(value: float | Timeout) -> Timeout:
    return value if isinstance(value, Timeout) else Timeout(float(value), min(float(value), CONNECT_S))


def new_key() -> str:
    """128 bits that nobody has used."""
    return "idem_" + os.urandom(16).hex()


def checked_key(key: str) -> str:
    """Raises ValueError for one the server would refuse."""
    if _KEY.fullmatch(key) is None or key != key.strip():
        raise ValueError("idempotency_key must have 1 to 255 printable ASCII characters.")
    return key


def segment(value: str, name: str = "id") -> str:
    """A part of a path, quoted. Raises ValueError, naming the argument, for what would lead to another route."""
    text = value if isinstance(value, str) else str(value)
    if not text or text in {".", ".."}:
        raise ValueError(f"{name} is empty or no id: {value!r}.")
    return quote(text, safe="")


def query_string(query: Mapping[str, object]) -> str:
    """Lists are comma-joined; what was not given, or is None, is left out."""
    return urlencode([(name, _in_query(value)) for name, value in query.items() if not _absent(value)])


def json_bytes(content: Mapping[str, object]) -> bytes:
    return json.dumps(_plain(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _joined(first: Mapping[str, object] | None, extra: Mapping[str, object] | None) -> Mapping[str, object] | None:
    return {**(first or {}), **extra} if extra else first


def _absent(value: object) -> bool:
    return value is None or isinstance(value, NotGiven)


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(_in_query(each) for each in value)
    return str(_plain(value))


def _plain(value: Any) -> Any:
    """What JSON can say. Amounts keep each of their digits."""
    if value is None or isinstance(value, (str, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if not isinstance(each, NotGiven)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value if not isinstance(each, NotGiven)]
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value} is no number that can be sent.")
        return value
    return _written(value)


def _written(value: Any) -> Any:
    from uuid import UUID  # slow to load, and rarely needed

    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no number that can be sent.")
        return format(value, "f")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A moment needs its time zone: datetime.now(timezone.utc), not datetime.now().")
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return _plain(value.value)
    raise TypeError(f"A {type(value).__name__} cannot be sent.")
