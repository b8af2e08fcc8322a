"""Says yes to providers that ask before they call back, through the category's service: it has the credentials, we have not.

The question was verified like any callback, and is of the topic that the connection names. No address in it is fetched. It
is asked of the category's service again and again, until that has said yes, refuses for good, or the provider takes no yes
any more; what was stored survives every crash.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

import httpx
import structlog
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from onerouter_common.errors import Overloaded
from onerouter_common.metric_names import CALLBACK_HANDSHAKES
from onerouter_common.secrets import SecretUnopenable
from onerouter_common.web.internal import InternalAuth
from onerouter_webhooks.callback.handshake.notices import of_refusal
from onerouter_webhooks.callback.handshake.repository import Asked, Ended, Handshakes
from onerouter_webhooks.callback.sealing import Sealing

log = structlog.get_logger()

_AT_ONCE: Final = 16
_LOOK_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 20.0
_TOLD: Final = range(3, 9)
"""At which tries a refusal is told, as one and the same event: not before some seconds, as a policy of AWS that was just
written takes as long to hold."""
_REASON_CHARS: Final = 500
_FOR_GOOD: Final = frozenset({404, 409, 422})
"""The connection is gone, or its provider has nothing to confirm: asking again changes nothing."""


class _NotNow(Exception):
    """The text says why."""


class Confirmations:
    """An asynchronous context manager; one a process. `urls`: base address of each category's service."""

    def __init__(
        self,
        handshakes: Handshakes,
        sealing: Sealing,
        urls: Mapping[str, str],
        internal_tokens: SecretStr,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._handshakes = handshakes
        self._sealing = sealing
        self._urls = urls
        self._auth = InternalAuth(internal_tokens)
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT_S, transport=transport or AiohttpTransport(trust_env=False), follow_redirects=False
        )
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def hurry(self) -> None:
        """One was just stored."""
        self._arrived.set()

    async def run(self) -> None:
        """Loop: what is due."""
        while True:
            self._arrived.clear()
            if not await self.once():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), _LOOK_EVERY_S)

    async def once(self) -> int:
        """One batch of what is due; how many there were. Raises what the database does."""
        due = await self._handshakes.claim(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for one in due:
                tasks.create_task(self._settle(one), name="callback-handshake")
        return len(due)

    async def _settle(self, asked: Asked) -> None:
        told = {"provider": asked.provider, "connection_id": asked.connection_id, "callback_id": asked.id}
        try:
            ended = "expired" if asked.is_over else await self._confirm(asked)
        except _NotNow as why:
            log.warning("callback.handshake.postponed", why=str(why), attempts=asked.attempts, **told)
            CALLBACK_HANDSHAKES.labels(asked.provider, "postponed").inc()
            return
        if ended == "confirmed":
            log.info("callback.handshake.confirmed", **told)
        else:
            log.warning("callback.handshake.given_up", why=ended, attempts=asked.attempts, **told)
        CALLBACK_HANDSHAKES.labels(asked.provider, ended).inc()
        await self._handshakes.end(asked.id, ended)

    async def _confirm(self, asked: Asked) -> Ended:
        """Raises _NotNow when nobody can say yes now."""
        url = self._urls.get(asked.category)
        try:
            token = await self._sealing.open_token(asked.owner, asked.id, asked.sealed)
        except SecretUnopenable:
            url = None  # the tenant was deleted, and its keys with it
        except Overloaded as error:
            raise _NotNow(error.detail) from error
        if url is None:
            return "refused"
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._http.post(
                    f"{url.rstrip('/')}/internal/connections/{asked.connection_id}/confirm-callbacks",
                    json={"subject": asked.subject, "token": token.get_secret_value()},
                    headers=self._auth.tenant_headers(*asked.owner),
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise _NotNow(type(error).__name__) from error
        if answer.status_code == httpx.codes.OK:
            return "confirmed"
        if answer.status_code in _FOR_GOOD:
            return "refused"
        if answer.status_code == httpx.codes.BAD_GATEWAY and asked.attempts in _TOLD:
            await self._handshakes.tell(of_refusal(asked, _reason_of(answer)))
        raise _NotNow(f"status {answer.status_code}")


def _reason_of(answer: httpx.Response) -> str:
    """Of a problem of our own service's: the provider refused the connection's key."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    detail = told.get("detail") if isinstance(told, dict) else None
    return str(detail or "The provider does not let the connection's key confirm it.")[:_REASON_CHARS]
