"""A service's process as it runs, in this one."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from onerouter_common.web.server import Server


class Opened:
    """Something that lives as long as the process."""


async def test_no_collection_looks_at_what_the_lifespan_opened() -> None:
    """All that is there by then is some hundred thousand objects: a collection of them stops every request for 150 ms."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.opened = [Opened()]
        yield

    app = FastAPI(lifespan=lifespan)
    server = Server(app, uvicorn.Config(app, port=0, lifespan="on", log_config=None))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    assert not any(isinstance(one, Opened) for one in gc.get_objects())
    server.should_exit = True
    await serving
