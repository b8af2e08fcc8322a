"""`/docs`, `/asyncapi` and `/asyncapi.json`: made when first asked for, then kept."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from onerouter_gateway.reference import api, topics
from onerouter_gateway.reference.html import POLICY

_TOPICS: Final = "asyncapi.json"


def install(app: FastAPI) -> None:
    """Serve the pages of this app."""
    app.router.routes.extend(
        [
            _page("/docs", lambda: api.render(app.openapi())),
            _page("/asyncapi", lambda: topics.render(described_topics())),
            Route("/asyncapi.json", _topics, methods=["GET"], include_in_schema=False),
        ]
    )


@cache
def described_topics() -> dict[str, Any]:
    """The AsyncAPI document of docs/, as it is kept beside this file (`make docs` writes both)."""
    document: dict[str, Any] = orjson.loads((files(__package__) / _TOPICS).read_bytes())
    return document


async def _topics(_: Request) -> Response:
    return Response(orjson.dumps(described_topics()), media_type="application/json")


def _page(path: str, render: Callable[[], str]) -> Route:
    made = cache(render)

    async def show(_: Request) -> HTMLResponse:
        return HTMLResponse(made(), headers={"Content-Security-Policy": POLICY})

    return Route(path, show, methods=["GET"], include_in_schema=False)
