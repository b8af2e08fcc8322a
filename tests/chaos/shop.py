"""A good client: each request has an idempotency key and is repeated until its operation is final."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from onerouter_local.stack import Stack

_FINAL: Final = frozenset({"succeeded", "failed", "canceled"})
_ENDS: Final = _FINAL | {"refused", "unknown"}
_PAUSE_S: Final = 0.4
_MOST_PAUSE_S: Final = 1.5


@dataclass(slots=True)
class Ask:
    """One request of the shop, and everything that was tried for it."""

    key: str
    method: str
    path: str
    body: Mapping[str, Any]
    may_stay_unknown: bool = False
    """Where nobody can be asked: then that is an end, too."""
    content: bytes | None = None
    """In place of the body: an object's bytes."""
    operation_id: str | None = None
    state: str = "asking"
    answer: dict[str, Any] = field(default_factory=dict)
    timeline: list[str] = field(default_factory=list)


class Refused(Exception):
    """Its story ends here; that it was refused is in the books."""


class Shop:
    """Asks and waits. `asks` tells what was asked for, and how it went."""

    def __init__(
        self, gateways: Sequence[str], stack: Stack, sandbox: httpx.AsyncClient, api_key: str, *, run: str
    ) -> None:
        self._gateways = gateways
        self.stack = stack
        self.sandbox = sandbox
        self.run = run
        self._api_key = api_key
        self._http = httpx.AsyncClient(timeout=25.0, limits=httpx.Limits(max_connections=400, keepalive_expiry=2.0))
        self._began = time.monotonic()
        self.asks: list[Ask] = []
        self.done = 0
        self.awaited: dict[str, dict[str, Any]] = {}
        """By path: what is waited for still, as it was last seen."""

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> dict[str, Any]:
        """A read, repeated until somebody answers."""
        while True:
            try:
                answer = await self._call("GET", path)
            except httpx.HTTPError:
                await asyncio.sleep(_PAUSE_S)
                continue
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(_pause_of(answer))

    async def reached(self, path: str, status: str) -> dict[str, Any]:
        """The resource once it has the status."""
        return await self.until(path, lambda seen: seen["status"] == status)

    async def until(self, path: str, holds: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        while not holds(seen := await self.get(path)):
            self.awaited[path] = seen
            await asyncio.sleep(_PAUSE_S + random.random() * _PAUSE_S)
        self.awaited.pop(path, None)
        return seen

    async def ask(self, key: str, path: str, /, *, method: str = "POST", **body: Any) -> dict[str, Any]:
        """The resource that came of it; ends only when the operation is final. Raises Refused when it failed."""
        ask = await self._asked(Ask(f"{self.run}-{key}", method, path, body))
        if ask.state != "succeeded":
            raise Refused(path)
        return ask.answer

    async def put(self, key: str, path: str, content: bytes) -> dict[str, Any]:
        """The same of an object."""
        ask = await self._asked(Ask(f"{self.run}-{key}", "PUT", path, {}, content=content))
        if ask.state != "succeeded":
            raise Refused(path)
        return ask.answer

    async def ask_at_most_once(self, key: str, path: str, body: Mapping[str, Any]) -> Ask:
        """Where nobody can be asked afterwards: that its outcome stays unknown ends it, too."""
        return await self._asked(Ask(f"{self.run}-{key}", "POST", path, body, may_stay_unknown=True))

    async def _asked(self, ask: Ask) -> Ask:
        self.asks.append(ask)
        while ask.state not in _ENDS:
            await self._step(ask)
        self.done += 1
        return ask

    async def _step(self, ask: Ask) -> None:
        """One request: the command itself, or, once it is accepted, the question how it went."""
        polls = ask.operation_id is not None
        try:
            if polls:
                answer = await self._call("GET", f"/v1/operations/{ask.operation_id}")
            else:
                answer = await self._call(ask.method, ask.path, ask.body, {"Idempotency-Key": ask.key}, ask.content)
        except httpx.HTTPError as error:
            self._note(ask, type(error).__name__)
            await asyncio.sleep(_PAUSE_S)
            return
        self._note(ask, f"{answer.request.method} {answer.status_code}")
        if answer.status_code in {429, 503} and "operation_id" not in answer.json():
            await asyncio.sleep(_pause_of(answer))
        elif polls:
            await self._polled(ask, answer)
        else:
            self._answered(ask, answer)

    async def _polled(self, ask: Ask, answer: httpx.Response) -> None:
        status = answer.json()["status"] if answer.status_code == 200 else ""
        if status in _FINAL or (status == "unknown" and ask.may_stay_unknown):
            ask.state, ask.answer = status, answer.json()["result"] or answer.json()
            return
        # 404: it is in the log and the worker has not read it yet.
        await asyncio.sleep(_PAUSE_S)

    def _answered(self, ask: Ask, answer: httpx.Response) -> None:
        ask.answer = answer.json()
        if answer.status_code == 202:
            ask.operation_id = answer.headers["x-onerouter-operation-id"]
        elif answer.is_success:
            ask.operation_id, ask.state = answer.headers["x-onerouter-operation-id"], "succeeded"
        elif "operation_id" in ask.answer:
            ask.operation_id, ask.state = ask.answer["operation_id"], "failed"
        else:
            ask.state = "refused"
        if ask.state in {"failed", "refused"}:
            self._note(ask, str(ask.answer.get("detail")))

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        url = random.choice(self._gateways) + path
        sent = {"Authorization": f"Bearer {self._api_key}", **(headers or {})}
        given: dict[str, Any] = {"json": body} if content is None else {"content": content}
        return await self._http.request(method, url, headers=sent, **given)

    def _note(self, ask: Ask, what: str) -> None:
        ask.timeline.append(f"{time.monotonic() - self._began:.1f}s {what}")


def _pause_of(answer: httpx.Response) -> float:
    wanted = answer.headers.get("retry-after", "")
    return min(float(wanted), _MOST_PAUSE_S) if wanted.isdigit() else _PAUSE_S
