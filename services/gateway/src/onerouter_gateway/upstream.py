"""The other services' internal HTTP APIs, for queries: one deadline, one second try where nothing can be done twice."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp
import orjson
import structlog

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import Overloaded
from onerouter_common.web.internal import InternalAuth

log = structlog.get_logger()

_PASSED_ON: Final = ("content-type", "retry-after")
_AWAY: Final = frozenset({401, 403, 502, 503, 504})  # a service that refuses our token is as good as away


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return orjson.loads(self.body)


class Upstream:
    """One service. An asynchronous context manager; shares nothing with other services but the token."""

    def __init__(self, name: str, base_url: str, auth: InternalAuth, *, timeout_s: float) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=256, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, *, tenant_id: str, environment: Environment, query: str = "") -> Answer:
        """Raises Overloaded when the service does not answer properly in time."""
        return await self.request("GET", path, tenant_id=tenant_id, environment=environment, query=query)

    async def request(
        self,
        method: str,
        path: str,
        *,
        tenant_id: str,
        environment: Environment,
        query: str = "",
        body: bytes | None = None,
    ) -> Answer:
        """`path` must be made of checked parts. Raises Overloaded when the service does not answer properly in time."""
        headers = self._auth.tenant_headers(tenant_id, environment)
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._base_url}{path}" + (f"?{query}" if query else "")
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._send(method, url, headers, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._away(type(error).__name__) from error
        if answer.status in _AWAY or (answer.status == 500 and method == "GET"):
            # A query that failed over there (its database restarts, say) is no answer about what was asked for.
            raise self._away(f"status {answer.status}")
        return answer

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            return await self._send_once(method, url, headers, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A service that restarted leaves kept-alive connections behind that fail on their next use.
            if method != "GET":
                raise
            return await self._send_once(method, url, headers, body)

    async def _send_once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        if self._session is None:
            raise RuntimeError("Upstream is used outside its context")
        async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
            passed_on = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
            return Answer(response.status, await response.read(), passed_on)

    def _away(self, why: str) -> Overloaded:
        log.warning("upstream.away", upstream=self.name, why=why)
        return Overloaded(
            f"The {self.name} service cannot be asked right now. Try again in a few seconds.", retry_after_s=2
        )
