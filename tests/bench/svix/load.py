"""What is asked of both: deliveries as fast as they go with a thousand under way, and a backlog that drains."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle, islice
from time import perf_counter
from typing import Final

from tests.bench.deliveries.load import Load, Spent, event_of
from tests.bench.deliveries.watched import Watched
from tests.bench.svix.engines import Role
from tests.bench.svix.publisher import Connection, connections, post
from tests.bench.svix.rig import Application, SvixRig

from onerouter_common.ids import PAYMENT, TENANT, new_id
from onerouter_webhooks.event.payload import body_of

CONNECTIONS: Final = 64
UNDER_WAY: Final = 1_000
_LOOK_EVERY_S: Final = 0.02
_FULL_S: Final = 0.005
_ALL_WITHIN_S: Final = 600.0
_LAST_WITHIN_S: Final = 30.0
_MADE_AHEAD: Final = 4_000


class Messages:
    """Made ahead, in turns to each application; `load` hears which were accepted."""

    def __init__(self, rig: SvixRig, load: Load) -> None:
        self.sent = 0
        self._load = load
        applications = islice(cycle(rig.applications), _MADE_AHEAD)
        self._ready = [(application.path, _message(application, rig.token)) for application in applications]

    async def send_one(self, connection: Connection) -> None:
        """The next one, over again when all were sent: without an id of the caller's the server takes each as new."""
        path, request = self._ready[self.sent % len(self._ready)]
        self.sent += 1
        message = await connection.ask(request)
        self._load.endpoint[message["id"]] = path


def _message(application: Application, token: str) -> bytes:
    """What our own service would deliver, as a request. The content is not wanted in the answer, which so costs less."""
    body = body_of(event_of(new_id(TENANT), new_id(PAYMENT), 3))
    message = b'{"eventType":"payment.succeeded","payload":' + body + b"}"
    return post(f"/api/v1/app/{application.id}/msg?with_content=false", token, message)


async def sustained(rig: SvixRig, seconds: float, clients: int) -> Load:
    """Keep so many messages asked for and not yet received. Rate, CPU and WAL are of the time in which that holds."""
    load = Load()
    messages = Messages(rig, load)
    await rig.seen()
    before = await rig.received()
    received = counted = 0
    spent: Spent | None = None
    end = perf_counter() + seconds

    async def send(connection: Connection) -> None:
        while perf_counter() < end:
            if messages.sent - received < UNDER_WAY:
                await messages.send_one(connection)
            else:
                await asyncio.sleep(_FULL_S)

    async with connections(rig.server.port, clients) as made:
        async with asyncio.TaskGroup() as group:
            for connection in made:
                group.create_task(send(connection))
            while perf_counter() < end:
                received = await rig.received() - before
                if spent is None and received > UNDER_WAY:
                    spent, counted = await Spent.begin(rig), received
                await asyncio.sleep(_LOOK_EVERY_S)
        if spent is not None:
            await spent.put(load, await rig.received() - before - counted)
    await collect(rig, load)
    return load


async def fill(rig: SvixRig, wanted: int, clients: int) -> float:
    """So many messages accepted; how many seconds that took."""
    messages = Messages(rig, Load())

    async def send(connection: Connection) -> None:
        while messages.sent < wanted:
            await messages.send_one(connection)

    async with connections(rig.server.port, clients) as made:
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection in made:
                group.create_task(send(connection))
        return perf_counter() - began


async def drained(rig: SvixRig, wanted: int, clients: int) -> tuple[float, Load]:
    """The API alone takes them, then the worker alone delivers them: how many a second were accepted, and the deliveries."""
    await rig.run_as(Role.API)
    took = await fill(rig, wanted, clients)
    await rig.stop()
    load = await drains(rig, wanted, lambda: rig.run_as(Role.WORKER))
    return wanted / took, load


async def drains(rig: Watched, wanted: int, release: Callable[[], Awaitable[None]]) -> Load:
    """Deliveries that wait, once they are let go.

    Their rate counts from the first to the last at the receiver, so that neither the start of a process nor requests that
    let them go are part of it. CPU and WAL are all that was used.
    """
    load = Load()
    await rig.seen()
    before, spent = await rig.received(), await Spent.begin(rig)
    await release()
    async with asyncio.timeout(_ALL_WITHIN_S):
        while await rig.received() - before < wanted:
            await asyncio.sleep(0.1)
    await spent.put(load, wanted)
    seen = await rig.seen()
    load.first_byte = dict(seen)
    load.endpoint = dict.fromkeys(load.first_byte, "")
    load.again = len(seen) - len(load.first_byte)
    moments = sorted(at for _, at in seen)
    load.elapsed_s = moments[-1] - moments[0]
    load.per_s = (len(moments) - 1) / load.elapsed_s
    return load


async def collect(rig: SvixRig, load: Load) -> None:
    """Wait until all have come that were accepted."""
    deadline = perf_counter() + _LAST_WITHIN_S
    while load.missing() and perf_counter() < deadline:
        for id_, at in await rig.seen():
            if id_ in load.first_byte:
                load.again += 1
            load.first_byte.setdefault(id_, at)
        await asyncio.sleep(_LOOK_EVERY_S)
