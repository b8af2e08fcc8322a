"""`/livez` (the event loop turns) and `/readyz` (dependencies answer, not draining)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

log = structlog.get_logger()

Check = Callable[[], Awaitable[bool]]

_CHECK_TIMEOUT_S: Final = 2.0


def install(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """Add both routes. A check returns whether its dependency can be used now; raising or hanging counts as no.

    `app.state.draining = True` makes `/readyz` answer 503, so that no new work is sent to a stopping process.
    """
    app.state.draining = False

    async def livez(_: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def readyz(_: Request) -> Response:
        results = dict(
            zip(checks, await asyncio.gather(*(_holds(name, check) for name, check in checks.items())), strict=True)
        )
        draining = bool(app.state.draining)
        ready = all(results.values()) and not draining
        body = {"status": "draining" if draining else "ready" if ready else "not ready", "checks": results}
        return Response(orjson.dumps(body), status_code=200 if ready else 503, media_type="application/json")

    app.router.routes.extend(
        Route(path, endpoint, methods=["GET"], include_in_schema=False)
        for path, endpoint in (("/livez", livez), ("/readyz", readyz))
    )


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            return await check()
    except Exception as error:
        log.warning("readiness.check.failed", check=name, error=type(error).__name__)
        return False
