"""Which headers pass between a client and the registry, and which path. Pure: everything else stays at the door."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers

_REQUEST: Final = (
    "authorization",
    "x-api-key",
    "content-type",
    "accept",
    "accept-language",
    "origin",
    "user-agent",
    "x-csrf-token",
    "x-onerouter-environment",
    "x-onerouter-tenant",
    "prefer",
    "idempotency-key",
    "if-match",
    "if-none-match",
)
_FETCH_METADATA: Final = "sec-fetch-"
_RESPONSE: Final = frozenset(
    {
        "content-type",
        "location",
        "allow",
        "retry-after",
        "etag",
        "cache-control",
        "set-cookie",
        "www-authenticate",
        "idempotency-replayed",
    }
)
_PREFIX: Final = "/api/"
_UNSAFE: Final = frozenset(b"/\\\x7f") | frozenset(range(0x20))


def request_headers(headers: Headers) -> dict[str, str]:
    """What the registry may hear of a client's headers; of one that came twice the first, as we read it ourselves."""
    passed = {name: headers[name] for name in _REQUEST if name in headers}
    passed.update({name: headers[name] for name in headers if name.startswith(_FETCH_METADATA)})
    cookies = headers.getlist("cookie")
    if cookies:
        passed["cookie"] = "; ".join(cookies)  # RFC 9113 lets a client split them
    return passed


def response_headers(headers: Iterable[tuple[str, str]], base_url: str) -> list[tuple[str, str]]:
    """What a client may hear of the registry's headers, in their order. Its own address becomes a path."""
    return [
        (name.lower(), _public(value, base_url) if name.lower() == "location" else value)
        for name, value in headers
        if name.lower() in _RESPONSE
    ]


def path_of(raw_path: bytes) -> str | None:
    """The path to ask the registry for, exactly as it was sent; None for one that another reader may take for another.

    No segment may be empty (but the last), `.` or `..`, or hold a slash, a backslash or a control character, also not as
    %2f: whatever decodes it later still finds a path under /api.
    """
    if not raw_path.isascii():
        return None
    path = raw_path.decode("ascii")
    if not path.startswith(_PREFIX):
        return None
    *inner, last = path[len(_PREFIX) :].split("/")
    if not all(inner) or not all(_is_plain(segment) for segment in (*inner, last)):
        return None
    return path


def _is_plain(segment: str) -> bool:
    decoded = unquote_to_bytes(segment)
    if decoded in {b".", b".."} or not _UNSAFE.isdisjoint(decoded):
        return False
    return "?" not in segment and "#" not in segment


def _public(location: str, base_url: str) -> str:
    path = location.removeprefix(base_url)
    return path if path != location and path.startswith("/") else location
