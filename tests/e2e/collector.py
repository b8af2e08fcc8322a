"""An OpenTelemetry collector that keeps what it is sent, as bytes: text stands in protobuf as it is."""

import gzip
from typing import Self

from aiohttp import web

from onerouter_local.ports import LOOPBACK, free_port


class Collector:
    """An HTTP server on the loopback interface for OTLP traces."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received: list[bytes] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 << 20)
        application.router.add_post("/v1/traces", self._receive)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        # aiohttp has inflated it already where the header said so; a body that still is gzip was sent without one.
        self.received.append(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        return web.Response(body=b"", content_type="application/x-protobuf")
