"""Recoveries of an endpoint that wants the events of each resource in order."""

from aiohttp import web

from ..conftest import Receiver, StartService, eventually
from .test_recovered import fill, finished, recover


async def test_what_it_missed_comes_one_after_the_other(start_service: StartService, receiver: Receiver) -> None:
    """The first is refused once: nothing goes past it."""
    taken: list[str] = []

    async def refused_once(request: web.Request, number: int) -> web.StreamResponse:
        if number == 1:
            return web.Response(status=500)
        taken.append(request.headers["webhook-id"])
        return web.Response()

    receiver.answer = refused_once
    async with start_service(retry_schedule_s=(0.5, 0.5)) as service:
        endpoint = await service.create_endpoint(receiver.url, ordering="resource")
        failed = await fill(service, endpoint, 20)
        await service.admin.execute(
            "UPDATE events e SET sequence = n.number FROM unnest($1::text[]) WITH ORDINALITY AS n(id, number) "
            "WHERE e.id = n.id",
            failed,
        )
        ended = await finished(service, endpoint, await recover(service, endpoint))
        assert ended["queued"] == 20
        await eventually(lambda: len(taken) == 20)
        assert taken == failed
