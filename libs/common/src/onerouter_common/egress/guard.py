"""Connections that lead to public addresses only, whatever a name resolves to and whenever.

A name is checked when it is resolved: any address of it that is not permitted blocks all of it. Each socket is checked once
more when the address is a number and cannot change any more: that also meets literal addresses, which no resolver sees, and
names that are bound anew between two connections. A connection that is kept alive stays at the address it was checked for.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from pydantic import SecretStr

from onerouter_common.egress.addresses import AddressPolicy
from onerouter_common.egress.kept import KeepingConnector, KeptAnswer
from onerouter_common.egress.names import GuardedResolver, TargetBlocked
from onerouter_common.egress.proxy import ProxiedConnector

_MOST_HEADERS: Final = 64
_HEADER_BYTES: Final = 8 * 1024
"""Of one header. Whoever answers us is a stranger, and everything of a head is in memory before anybody can look at it."""
_KEEP_ALIVE_S: Final = 30.0
_NAMES_REMEMBERED_S: Final = 10


class _Answer(KeptAnswer):
    """Knows who answered: one that is read at once has given its connection back before anybody can ask."""

    peer: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        peer = connection.transport.get_extra_info("peername") if connection.transport is not None else None
        self.peer = str(peer[0]) if peer else None
        return await super().start(connection)


def peer_of(response: aiohttp.ClientResponse) -> str | None:
    """The address that answered a request of an `open_session`; None: it is not known, as behind a proxy."""
    return response.peer if isinstance(response, _Answer) else None


@asynccontextmanager
async def open_session(
    policy: AddressPolicy,
    *,
    connect_s: float,
    headers: Mapping[str, str],
    resolver: AbstractResolver | None = None,
    proxy: SecretStr | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for addresses of tenants: no proxy of the environment, no cookies, nothing is decompressed.

    `connect_s`: until a connection stands; the deadline of a whole request, body and all, is the caller's, as are the bound
    on what is read and `allow_redirects=False`: a redirect leads to an address that nobody has given. An answer with more
    than 64 headers, or one above 8 kB, is an `aiohttp.ClientResponseError`.
    `proxy`: URL of a proxy of ours that everything goes through; then requests may also raise ProxyAway.
    Requests raise TargetBlocked, itself or as a cause (`is_blocked`), and StaleConnection.
    """
    names = GuardedResolver(resolver or aiohttp.AsyncResolver(), policy)
    try:
        async with aiohttp.ClientSession(
            connector=_direct(policy, names) if proxy is None else _proxied(policy, names, connect_s),
            proxy=None if proxy is None else proxy.get_secret_value(),
            response_class=_Answer if proxy is None else KeptAnswer,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
            headers=headers,
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
        ) as session:
            yield session
    finally:
        await names.close()


def _direct(policy: AddressPolicy, names: GuardedResolver) -> aiohttp.TCPConnector:
    def checked_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not policy.permits(address[0], address[1]):
            raise TargetBlocked(address[0])
        return socket.socket(family, kind, protocol)

    return KeepingConnector(resolver=names, socket_factory=checked_socket, **_pooling())


def _proxied(policy: AddressPolicy, names: GuardedResolver, resolve_s: float) -> aiohttp.TCPConnector:
    # The proxy is found as this machine finds its neighbours, and may be one.
    return ProxiedConnector(policy, names, resolve_s=resolve_s, resolver=aiohttp.ThreadedResolver(), **_pooling())


def _pooling() -> dict[str, Any]:
    # How many at once is for who calls to bound.
    return {"limit": 0, "keepalive_timeout": _KEEP_ALIVE_S, "ttl_dns_cache": _NAMES_REMEMBERED_S}
