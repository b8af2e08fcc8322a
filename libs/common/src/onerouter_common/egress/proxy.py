"""Connections through a proxy of ours (HTTP CONNECT), for networks that let nothing else out, or for one address that tenants
can admit.

What can be checked before it is asked, is: literal addresses, and what a name means here. The proxy resolves the name once
more, so it has to refuse private addresses by itself, as Smokescreen does. A name that only the proxy knows is left to it.
"""

import asyncio
from typing import Any, ClassVar, Final

import aiohttp
from yarl import URL

from onerouter_common.egress.addresses import AddressPolicy, parse
from onerouter_common.egress.kept import KeepingConnector
from onerouter_common.egress.names import GuardedResolver, TargetBlocked
from onerouter_common.egress.urls import is_disguised

_WHO_ARE_YOU: Final = 407
_SHARE: Final = 1 / 3
"""Of the time for a connection, that the name's meaning here and the way to the proxy may each take: what is left is the
target's, and who was slow is known before the time is over."""


class ProxyAway(Exception):
    """Our proxy cannot be reached, or does not know us: nothing was asked of the target, which showed nothing."""


class ProxiedConnector(KeepingConnector):
    """Connects to the proxy that each request names, and to nothing else.

    A request that has less time than `open_session` allows for connecting says so by `ClientTimeout.connect`: otherwise its
    end would come before it is known that the proxy is away.
    """

    is_direct: ClassVar[bool] = False

    def __init__(self, policy: AddressPolicy, names: GuardedResolver, *, resolve_s: float, **how: Any) -> None:
        super().__init__(**how)
        self._policy = policy
        self._names = names
        self._resolve_s = resolve_s

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        if req.proxy is None:
            raise TargetBlocked(req.url.host)
        await self._check(req.url, _within(timeout, self._resolve_s))
        try:
            return await super()._create_connection(req, traces, timeout)
        except aiohttp.ClientHttpProxyError as error:
            # With this header it asks who we are (RFC 9110 §15.5.8); Smokescreen says 407 of what it refuses, too.
            if error.status == _WHO_ARE_YOU and "Proxy-Authenticate" in (error.headers or {}):
                raise ProxyAway("does not accept who we are") from error
            raise

    async def _create_direct_connection(self, req: Any, traces: Any, timeout: Any, **how: Any) -> Any:
        """To the proxy, by whichever of its addresses: what fails here is not the target's failure."""
        try:
            async with asyncio.timeout(_within(timeout, timeout.sock_connect)):
                return await super()._create_direct_connection(req, traces, timeout, **how)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ProxyAway(type(error).__name__) from error

    async def _check(self, url: URL, resolve_s: float | None) -> None:
        host, port = url.host or "", url.port or 0
        if is_disguised(host) or (parse(host) is not None and not self._policy.permits(host, port)):
            raise TargetBlocked(host)
        if parse(host) is None:
            try:
                async with asyncio.timeout(resolve_s):
                    await self._names.resolve(host, port)
            except (OSError, TimeoutError):
                return  # it may mean something to the proxy


def _within(timeout: aiohttp.ClientTimeout, most_s: float | None) -> float | None:
    """Seconds; None: without an end of its own."""
    bounds = [most_s, None if timeout.connect is None else timeout.connect * _SHARE]
    return min((bound for bound in bounds if bound is not None), default=None)
