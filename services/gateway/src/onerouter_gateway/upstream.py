"""The other services' internal HTTP APIs, for queries: one deadline, one second try where nothing can be done twice."""

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp
import orjson
import structlog

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import Effect, Overloaded, Retry
from onerouter_common.once.key import HEADER, REPLAYED, Key
from onerouter_common.web.internal import InternalAuth

log = structlog.get_logger()

_LARGE: Final = 256 * 1024
_PASSED_ON: Final = ("content-type", "retry-after", REPLAYED.lower())
_AWAY: Final = frozenset({401, 403, 502, 503, 504})  # a service that refuses our token is as good as away
_PROBLEM: Final = "application/problem+json"


class OutcomeUnknown(Overloaded):
    """A change was sent and no answer came: it may have been made, and nothing keeps a repeat from making it again."""

    effect = Effect.UNKNOWN
    retry = Retry.RECONCILE


class KeyedOutcomeUnknown(OutcomeUnknown):
    """The same under an idempotency key: whoever repeats it has it made once."""

    retry = Retry.LATER


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
        content_type: str = "application/json",
        repeatable: bool = False,
        once: Key | None = None,
        of_provider: bool = False,
    ) -> Answer:
        """`path` must be made of checked parts; `repeatable`: twice is as good as once, as of every GET, and of what the
        service carries out `once`.

        `of_provider`: the service asks a provider for it, so a problem of 502 or 503 is an answer: it may be the provider's.

        Raises Overloaded when the service does not answer properly in time: OutcomeUnknown where it may have done something
        that is not repeatable.
        """
        headers = self._auth.tenant_headers(tenant_id, environment)
        if once is not None:
            headers[HEADER] = str(once)
        harmless = repeatable or method == "GET"
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{self._base_url}{path}" + (f"?{query}" if query else "")
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._send(method, url, headers, body, repeatable=harmless or once is not None)
        except aiohttp.ClientConnectorError as error:
            raise self._away(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if harmless:
                raise self._away(type(error).__name__) from error
            raise self._unknown(type(error).__name__, once) from error
        if answer.status == 500 and not harmless:
            raise self._unknown("status 500", once)
        if of_provider and answer.status in (502, 503) and answer.headers.get("content-type") == _PROBLEM:
            return answer
        if answer.status in _AWAY or (answer.status == 500 and method == "GET"):
            # A query that failed over there (its database restarts, say) is no answer about what was asked for.
            raise self._away(f"status {answer.status}")
        return answer

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, repeatable: bool
    ) -> Answer:
        try:
            return await self._send_once(method, url, headers, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A service that restarted leaves kept-alive connections behind that fail on their next use.
            if not repeatable:
                raise
            return await self._send_once(method, url, headers, body)

    async def _send_once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        if self._session is None:
            raise RuntimeError("Upstream is used outside its context")
        data = io.BytesIO(body) if body is not None and len(body) > _LARGE else body  # sent piece by piece
        async with self._session.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
            passed_on = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
            return Answer(response.status, await response.read(), passed_on)

    def _unknown(self, why: str, once: Key | None) -> OutcomeUnknown:
        log.warning("upstream.outcome.unknown", upstream=self.name, why=why)
        what = f"The {self.name} service did not answer, so the change may or may not have been made."
        if once is None:
            return OutcomeUnknown(f"{what} Look before you repeat it.", retry_after_s=2)
        return KeyedOutcomeUnknown(f"{what} Repeat it with the same Idempotency-Key: it is done once.", retry_after_s=2)

    def _away(self, why: str) -> Overloaded:
        log.warning("upstream.away", upstream=self.name, why=why)
        return Overloaded(
            f"The {self.name} service cannot be asked right now. Try again in a few seconds.", retry_after_s=2
        )
