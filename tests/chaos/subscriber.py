"""The shop's own server: believes only what is signed, and is sometimes out of order itself."""

import json
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from onerouter_local.ports import LOOPBACK, free_port

_FAILS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Event:
    message_id: str
    type: str
    resource_id: str
    sequence: int


class Subscriber:
    """Keeps every event it accepted. Some it answers 500 although it is well: they must come again."""

    def __init__(self, seed: int) -> None:
        self.port = free_port()
        self.secret = ""
        self.accepted: list[Event] = []
        self.unsigned = 0
        self.failed = 0
        self._rng = random.Random(seed)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
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

    def by_resource(self) -> dict[str, list[Event]]:
        """Accepted events of each resource, in the order they came."""
        events: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.accepted:
            events[event.resource_id].append(event)
        return events

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in request.headers.items()})
        except WebhookVerificationError:
            self.unsigned += 1
            return web.Response(status=401)
        if self._rng.random() < _FAILS:
            self.failed += 1
            return web.Response(status=500)
        self.accepted.append(_event(request.headers["webhook-id"], json.loads(body)))
        return web.Response(status=200)


def _event(message_id: str, body: dict[str, Any]) -> Event:
    return Event(message_id, body["type"], body["resource"]["id"], body["sequence"])
