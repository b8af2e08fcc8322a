"""`/health` and `/api/health`: where load balancers and older clients look. Says that this process answers, no more."""

from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PATHS: Final = ("/health", "/api/health")


def install(app: FastAPI) -> None:
    """`/readyz` says whether it can do its work."""

    async def health(_: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    app.router.routes.extend(Route(path, health, methods=["GET"], include_in_schema=False) for path in _PATHS)
