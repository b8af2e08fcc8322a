"""Requests that need no session, but open one: another site must not be able to make a browser send them.

Else it could sign someone in to an account of its own, and read what they enter there. Such requests are JSON, which a
form cannot send, and where the browser says where they come from, that is us. Programs say nothing, and hold no cookies.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from onerouter_common.errors import NotPermitted, UnsupportedMediaType

_OURS: Final = frozenset({"same-origin", "none"})


class SameSite:
    def __init__(self, public_url: str, *, local: bool) -> None:
        """`local`: a dashboard that is being developed runs on another port of this machine."""
        self._origin = _origin_of(public_url)
        self._local = local

    def require(self, request: Request) -> None:
        """Raises UnsupportedMediaType, NotPermitted."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMediaType("Send application/json.")
        if request.headers.get("sec-fetch-site", "none") not in _OURS:
            raise NotPermitted("The request came from another site.", code="CSRF_REFUSED")
        origin = request.headers.get("origin")
        if origin is not None and not self._is_ours(origin):
            raise NotPermitted("The request came from another site.", code="CSRF_REFUSED")

    def _is_ours(self, origin: str) -> bool:
        return _origin_of(origin) == self._origin or (self._local and _is_loopback(origin))


def from_this_site(request: Request) -> None:
    """A FastAPI dependency. Raises UnsupportedMediaType, NotPermitted."""
    same_site: SameSite = request.state.same_site
    same_site.require(request)


def _origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for `null` and what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme and parts.hostname else None


def _is_loopback(url: str) -> bool:
    origin = _origin_of(url)
    if origin is None:
        return False
    try:
        return ip_address(origin[1]).is_loopback
    except ValueError:
        return origin[1] == "localhost"
