"""How a service's process runs: uvicorn on uvloop and httptools, draining on SIGTERM."""

import gc
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from onerouter_common.web.bounded import BoundedHttp

log = structlog.get_logger()

_OBJECTS_BETWEEN_COLLECTIONS: Final = 10_000
"""Fourteen times Python's own number: what many requests have under way is looked through that much less often."""

_THREADS_TURN_S: Final = 0.001
"""How long a thread that computes keeps the loop from going on, each time that wakes: what reads a large callback, seals, or
writes spans and metrics. Python's own number is 5 ms."""


class Server(uvicorn.Server):
    """Says "not ready" from the moment it is asked to stop, before it stops accepting. Collects no garbage among what is
    there when it starts."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _keep_loaded()  # and what the lifespan has opened

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def serve(app: FastAPI, *, host: str, port: int, drain_timeout_s: float, metrics_port: int | None = None) -> None:
    """Run until SIGTERM or SIGINT: stop accepting, finish requests in flight, then close what the lifespan opened."""
    _keep_loaded()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    sys.setswitchinterval(_THREADS_TURN_S)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="auto",
        http=BoundedHttp,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-For of whoever comes from this machine
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(drain_timeout_s),
        backlog=2048,
    )
    with metrics_served(host, metrics_port):
        Server(app, config).run()


def _keep_loaded() -> None:
    """What is there by now lives for ever: no later collection looks at it, which would stop all requests for some 150 ms."""
    gc.freeze()


@contextmanager
def metrics_served(host: str, port: int | None) -> Iterator[None]:
    """Meanwhile `/metrics` (Prometheus) is on a port of its own: what is served to the outside has no part in it.

    A port that is taken costs the metrics, not the service.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=host)
    except OSError as error:
        log.warning("metrics.port.taken", port=port, error=type(error).__name__)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
