"""OneRouter in memory."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from onerouter.testing._keys import API_KEY
from onerouter.testing._plays import Call, Fault, Reply, problem

if TYPE_CHECKING:
    import httpx2

    from onerouter._client import OneRouter
    from onerouter._sync._client import OneRouterSync

_NO_EFFECT: Final = frozenset({"GET", "HEAD"})
_SEGMENTS: Final = {"{key}": ".+"}
"""An object's key is the rest of the path."""
_numbers = count(1)

Answer = Mapping[str, Any] | list[Any] | Reply | Callable[[Call], Any]


class FakeServer:
    """Answers from memory, and keeps the promise of the idempotency key: one key, one effect."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """Every request that arrived, retries too."""
        self.effects: list[Call] = []
        """Those that changed something: one for each idempotency key."""
        self.waits: list[float] = []
        """The seconds clients would have waited between attempts."""
        self._routes: list[tuple[str, re.Pattern[str], Answer]] = []
        self._next: deque[Fault | Reply] = deque()
        self._done: dict[str, tuple[bytes, Reply]] = {}

    def on(self, method: str, path: str, answer: Answer, *, status: int = 200) -> None:
        """What a route answers from now on: JSON, a Reply, or a function of the Call. `{id}` stands for any segment, `{key}`
        for the rest of the path."""
        if isinstance(answer, (Mapping, list)):
            answer = Reply(answer, status)
        pattern = "/".join(
            _SEGMENTS.get(part, "[^/]+") if part.startswith("{") else re.escape(part) for part in path.split("/")
        )
        self._routes.insert(0, (method.upper(), re.compile(pattern), answer))

    def next(self, *what: Fault | Reply) -> None:
        """What the next requests meet, one each, wherever they go."""
        self._next.extend(what)

    def client(self, **options: Any) -> OneRouter:
        """An asynchronous client that talks to this server; `options` are those of OneRouter."""
        import httpx2

        from onerouter._client import OneRouter

        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))
        client = OneRouter(**{"api_key": API_KEY, "base_url": "http://onerouter.test", "http_client": http, **options})

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        client._sleep = sleep  # type: ignore[method-assign]
        return client

    def sync_client(self, **options: Any) -> OneRouterSync:
        """A synchronous client that talks to this server; `options` are those of OneRouterSync."""
        import httpx2

        from onerouter._sync._client import OneRouterSync

        http = httpx2.Client(transport=httpx2.MockTransport(self._handle))
        client = OneRouterSync(
            **{"api_key": API_KEY, "base_url": "http://onerouter.test", "http_client": http, **options}
        )
        client._sleep = self.waits.append  # type: ignore[method-assign, assignment]
        return client

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        import httpx2

        call = Call(
            method=request.method,
            path=request.url.path,
            query=dict(parse_qsl(request.url.query.decode())),
            headers=request.headers,
            content=request.content,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        planned = self._next.popleft() if self._next else None
        if isinstance(planned, Fault) and planned.kind == "unreachable":
            raise httpx2.ConnectError("Nobody is there.", request=request)
        self.calls.append(call)
        if isinstance(planned, Reply):
            return _response(planned)
        reply = None if planned is not None and not planned.has_effect else self._carried_out(call)
        if planned is None and reply is not None:
            return _response(reply)
        if planned is not None and planned.kind == "cut":
            raise httpx2.RemoteProtocolError("The connection broke in the middle of the answer.", request=request)
        raise httpx2.ReadTimeout("No answer.", request=request)

    def _carried_out(self, call: Call) -> Reply:
        """Once for each idempotency key."""
        key = None if call.method in _NO_EFFECT else call.idempotency_key
        if key is not None and key in self._done:
            content, reply = self._done[key]
            if content != _fingerprint(call):
                return problem(422, "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used with another request.")
            return Reply(reply.json, reply.status, {**reply.headers, "Idempotency-Replayed": "true"}, reply.content)
        reply = self._answer(call)
        if call.method not in _NO_EFFECT and reply.status < 400:
            self.effects.append(call)
            if key is not None:
                self._done[key] = (_fingerprint(call), reply)
        return reply

    def _answer(self, call: Call) -> Reply:
        for method, pattern, answer in self._routes:
            if method == call.method and pattern.fullmatch(call.path):
                said = answer(call) if callable(answer) else answer
                return said if isinstance(said, Reply) else Reply(said)
        return problem(404, "NOT_FOUND", f"Nothing was set for it: server.on({call.method!r}, {call.path!r}, …).")


def _fingerprint(call: Call) -> bytes:
    return f"{call.method} {call.path}\n".encode() + call.content


def _response(reply: Reply) -> httpx2.Response:
    import httpx2

    headers = {"X-Request-Id": f"req_test{next(_numbers)}", "Content-Type": "application/json", **reply.headers}
    content = json.dumps(reply.json, default=str).encode() if reply.content is None else reply.content
    headers["Content-Length"] = str(len(content))
    return httpx2.Response(reply.status, headers=headers, stream=httpx2.ByteStream(content))  # read as over the wire
