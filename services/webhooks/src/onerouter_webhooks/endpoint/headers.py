"""Headers a tenant wants sent with each delivery: any but those that belong to the request itself or to us. Pure."""

import re
from collections.abc import Mapping
from typing import Final

MOST: Final = 20
_MOST_BYTES: Final = 4_096
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A token of RFC 9110 §5.6.2."""
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?")
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "origin",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    }
)
_OUR_PREFIXES: Final = ("content-", "proxy-", "sec-", "webhook-", "x-forwarded-", ":")


def why_wrong(headers: Mapping[str, str]) -> str | None:
    """What is wrong with them, or None."""
    if len(headers) > MOST:
        return f"must be at most {MOST} headers"
    if len({name.lower() for name in headers}) < len(headers):
        return "must name each header once"
    if sum(len(name) + len(value) for name, value in headers.items()) > _MOST_BYTES:
        return f"must have at most {_MOST_BYTES} bytes together"
    return next((wrong for name, value in headers.items() if (wrong := _why_wrong(name, value))), None)


def _why_wrong(name: str, value: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"'{_shown(name)}' is not the name of a header"
    if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIXES):
        return f"must not set {name.lower()}, which belongs to the request"
    if not _VALUE.fullmatch(value):
        return f"the value of {name} must be 1 to 1000 visible ASCII characters, with spaces only between them"
    return None


def _shown(name: str) -> str:
    return name[:50].encode("ascii", "replace").decode()
