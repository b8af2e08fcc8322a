"""How a service's process runs: uvicorn on uvloop and httptools, draining on SIGTERM."""

import gc
from types import FrameType

import uvicorn
from fastapi import FastAPI

from onerouter_common.web.bounded import BoundedHttp


class _Server(uvicorn.Server):
    """Says "not ready" from the moment it is asked to stop, before it stops accepting."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def serve(app: FastAPI, *, host: str, port: int, drain_timeout_s: float) -> None:
    """Run until SIGTERM or SIGINT: stop accepting, finish requests in flight, then close what the lifespan opened."""
    gc.freeze()  # what is loaded by now lives for ever: keep it out of every later collection
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
    _Server(app, config).run()
