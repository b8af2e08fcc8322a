"""A moment by which a thread's request has to end, whatever the other side does: no single read or write is longer.

The HTTP client limits each read and each write by itself, so headers that come in byte by byte would be waited for without
end. A task is cancelled from outside; a thread is not, so here its connections look at the clock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

_LEAST_S: Final = 1e-6
"""Zero would mean: do not wait at all, which is another error."""
_SLICE_BYTES: Final = 16 * 1024


class _Thread(threading.local):
    until: float | None = None
    """As `monotonic` tells the time. None: nothing is limited."""


_THIS: Final = _Thread()


@contextmanager
def until_then(until: float) -> Iterator[None]:
    """What this thread asks for within ends by then."""
    before, _THIS.until = _THIS.until, until
    try:
        yield
    finally:
        _THIS.until = before


def bounded(client: httpx2.Client) -> httpx2.Client:
    """The client that is given, whose connections keep to `until_then`.

    Nothing public leads to its sockets. Where a later version keeps them elsewhere, its own limits are what is left: a test
    of the package tells.
    """
    transports = {id(one): one for one in (client._transport, *client._mounts.values()) if one is not None}
    for transport in transports.values():
        pool: Any = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is not None:
            pool._network_backend = _Backend(backend)
    return client


def _left(timeout: float | None) -> float | None:
    """Seconds that one wait may take."""
    if _THIS.until is None:
        return timeout
    left = max(_THIS.until - monotonic(), _LEAST_S)
    return left if timeout is None else min(timeout, left)


class _Backend:
    """As `httpcore2.NetworkBackend`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **how: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(host, port, timeout=_left(timeout), **how))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **how: Any) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(path, timeout=_left(timeout), **how))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream:
    """As `httpcore2.NetworkStream`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        content: bytes = self._inner.read(max_bytes, timeout=_left(timeout))
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), _SLICE_BYTES):  # each waits anew within
            self._inner.write(view[start : start + _SLICE_BYTES], timeout=_left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
