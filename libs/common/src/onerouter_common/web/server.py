"""How a service's process runs: uvicorn on uvloop and httptools, draining on SIGTERM."""

import gc

import uvicorn
from fastapi import FastAPI


def serve(app: FastAPI, *, host: str, port: int, drain_timeout_s: float) -> None:
    """Run until SIGTERM or SIGINT: stop accepting, finish requests in flight, then close what the lifespan opened."""
    gc.freeze()  # what is loaded by now lives for ever: keep it out of every later collection
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(drain_timeout_s),
        backlog=2048,
    )
