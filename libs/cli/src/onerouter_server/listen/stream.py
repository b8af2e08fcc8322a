"""The stream of a tenant's events, for ever: who is cut off comes back, and goes on behind what was done last."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, Self

import aiohttp
import orjson
from pydantic import SecretStr
from yarl import URL

from onerouter_common.retry import Backoff
from onerouter_server.listen.failures import KeyRefused, Refused, Unreachable
from onerouter_server.listen.frames import Frames, Told, TooLarge

_PATH: Final = "v1/events/stream"
_MEDIA_TYPE: Final = "text/event-stream"
_MOST_PROBLEM: Final = 64 * 1024
_CONNECT_S: Final = 10.0
_SILENCE_S: Final = 45.0
"""Three heartbeats without one: the other end is gone."""
_FIRST_S: Final = 0.5
_MOST_S: Final = 30.0
_JITTER: Final = 0.5
"""Many who lost the same server come back one by one."""
_LATER: Final = frozenset({408, 425, 429})
"""Refusals that are none: the same question may be answered later."""


@dataclass(frozen=True, slots=True)
class Asked:
    base_url: str
    api_key: SecretStr
    types: str | None = None
    after: str | None = None


class Watcher(Protocol):
    """Whom it tells how it is."""

    def connected(self) -> None: ...
    def disconnected(self, why: str, again_in_s: float) -> None: ...


class EventStream:
    """An asynchronous context manager. Nothing is read ahead: a slow reader has one event, and its sender the rest."""

    def __init__(self, asked: Asked, watcher: Watcher, *, first_tries: int = 5, first_s: float = _FIRST_S) -> None:
        self._asked = asked
        self._watcher = watcher
        self._first_tries = first_tries
        self._first_s = first_s
        self._session: aiohttp.ClientSession | None = None
        self._was_connected = False
        self.position: str | None = None
        """The cursor behind the last event that was done; None: none was given yet."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._asked.api_key.get_secret_value()}", "Accept": _MEDIA_TYPE},
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=_SILENCE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def events(self) -> AsyncGenerator[Told, None]:
        """Each once, without an end; who asks for the next has done with the one before. Raises ListenFailed."""
        failures, wait_s = 0, self._first_s
        while True:
            frames = Frames()
            try:
                async with self._connection() as answer, aclosing(_blocks(answer, frames)) as blocks:
                    self._was_connected, failures = True, 0
                    self._watcher.connected()
                    async for told in blocks:
                        if told.body is not None:
                            yield told
                        self.position = told.cursor or self.position
                away = _Away("The stream ended")
            except _Away as error:
                away = error
            wait_s = frames.retry_s or wait_s
            failures += 1
            await self._wait(away, failures, wait_s)

    async def _wait(self, away: "_Away", failures: int, first_s: float) -> None:
        if not self._was_connected and failures >= self._first_tries:
            raise Unreachable(f"{away.why}, {failures} times: {self._asked.base_url}")
        backoff = Backoff(first_s=first_s, most_s=max(_MOST_S, first_s), jitter=_JITTER)
        again_in_s = backoff.wait_s(failures, retry_after_s=away.retry_after_s, rng=random.SystemRandom())
        self._watcher.disconnected(away.why, again_in_s)
        await asyncio.sleep(again_in_s)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is a stream. Raises _Away and ListenFailed."""
        if self._session is None:
            raise RuntimeError("EventStream is used outside its context")
        url = URL(self._asked.base_url.rstrip("/") + "/") / _PATH
        query = {"types": self._asked.types, "after": self._asked.after if self.position is None else None}
        try:
            answer = await self._session.get(
                url.with_query({name: value for name, value in query.items() if value is not None}),
                headers={} if self.position is None else {"Last-Event-ID": self.position},
                allow_redirects=False,  # the key is for this address alone
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Away(_why(error)) from error
        try:
            await _check(answer)
            yield answer
        finally:
            answer.close()


async def _blocks(answer: aiohttp.ClientResponse, frames: Frames) -> AsyncGenerator[Told, None]:
    """Until the answer ends. Raises _Away when it breaks, Refused when it is no stream of events."""
    while True:
        try:
            chunk = await answer.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Away(_why(error)) from error
        if not chunk:
            return
        try:
            for told in frames.feed(chunk):
                yield told
        except TooLarge:
            raise Refused("What comes from there is larger than any event: this is not the API.") from None


class _Away(Exception):
    """Not now. The text says why, without a full stop."""

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status == 200:
        if answer.content_type != _MEDIA_TYPE:
            raise Refused(f"{answer.url.origin()} answers, but not with a stream of events: this is not the API.")
        return
    said = await _said(answer)
    if answer.status in (401, 403):
        raise KeyRefused(f"The API refuses the key ({answer.status}): {said}")
    if answer.status in _LATER or answer.status >= 500:
        raise _Away(f"The API answers {answer.status}: {said.rstrip('.')}", _retry_after_s(answer))
    raise Refused(f"The API refuses ({answer.status}): {said}")


async def _said(answer: aiohttp.ClientResponse) -> str:
    """The sentence of a problem (RFC 9457), else what HTTP calls it."""
    try:
        problem = orjson.loads(await answer.content.read(_MOST_PROBLEM))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return str(detail or answer.reason or "no reason was given")[:500]


def _retry_after_s(answer: aiohttp.ClientResponse) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), 3_600.0) if value.isdecimal() else None


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "The API did not accept the connection in time"
    if isinstance(error, TimeoutError):
        return f"Nothing came for {_SILENCE_S:.0f} seconds"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The API cannot be reached"
    return "The connection broke"
