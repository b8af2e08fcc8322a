"""A tenant's own server: receives events and believes only what is signed."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from onerouter_local.ports import LOOPBACK, free_port


@dataclass(frozen=True, slots=True)
class Received:
    """One verified event and when it came (monotonic seconds)."""

    type: str
    data: dict[str, Any]
    body: dict[str, Any]
    message_id: str
    at: float


class Subscriber:
    """An HTTP server on the loopback interface that keeps the verified events, in the order they came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.secret: str | None = None
        """The endpoint's signing secret; nothing is accepted before it is known."""
        self.received: list[Received] = []
        self.refused = 0
        """Requests whose signature did not verify."""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where events are to be sent."""
        return f"http://{LOOPBACK}:{self.port}/events"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/events", self._receive)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._is_signed(body, request):
            self.refused += 1
            return web.Response(status=401)
        event = json.loads(body)
        self.received.append(
            Received(event["type"], event["data"], event, request.headers["webhook-id"], time.monotonic())
        )
        return web.Response(status=200)

    def _is_signed(self, body: bytes, request: web.Request) -> bool:
        if self.secret is None:
            return False
        try:
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in request.headers.items()})
        except WebhookVerificationError:
            return False
        return True

    def of(self, resource_ids: set[str]) -> list[Received]:
        """Events about these resources, each once (delivery is at least once), in the order they came."""
        seen: dict[str, Received] = {}
        for one in self.received:
            if one.data.get("id") in resource_ids:
                seen.setdefault(one.message_id, one)
        return list(seen.values())


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], timeout_s: float, *, every_s: float = 0.05
) -> bool:
    """Wait until a condition holds; whether it did in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return True
        await asyncio.sleep(every_s)
    return False
