"""Where a sandbox's callbacks arrive in tests, how an app is served on a real port, and how a sandbox is controlled."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Inbox:
    """What was called back, by the path it was called at: headers and body as they came."""

    def __init__(self) -> None:
        self.url = ""
        self.came: dict[str, list[tuple[dict[str, str], bytes]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.came.setdefault(request.url.path.strip("/"), []).append((dict(request.headers), body))
        await Response(status_code=200)(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Its address, while the block runs."""
    # Named as TCP, or asyncio does not set TCP_NODELAY on what it accepts and every answer waits 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=1,
            # Longer than clients keep theirs: a connection closed while a request is on its way would be one more doubt.
            timeout_keep_alive=60,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not task.done():
            await asyncio.sleep(0)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await task


@asynccontextmanager
async def asking(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox's controls."""
    async with httpx.AsyncClient(base_url=f"{sandbox_url}/control", trust_env=False) as control:
        yield control
