"""A door: a method and a path that lead to an endpoint. Older ones say on every answer which newer one to use."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onerouter_gateway.edge.endpoint import Endpoint, Handler
from onerouter_gateway.edge.routes import RawRoute

Generation = Literal["canonical", "new", "alias"]

DEPRECATED_SINCE: Final = "@1767225600"
"""2026-01-01 (RFC 9745): from then on the newer paths are the ones to use. The older ones stay."""


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    path: str
    endpoint: Endpoint
    generation: Generation
    """`canonical`: published clients use it, and it is the one to use; `alias`: they use it, and it is not."""
    successor: str | None = None
    """Of an alias: the path to use, of the same parameters."""
    name: str = ""
    """Operation id; the method name of generated clients."""
    tag: str = ""

    @property
    def pattern(self) -> str:
        """The path as routes know it: an object's key has slashes."""
        return self.path.replace("{key}", "{key:path}")

    @property
    def handler(self) -> Handler:
        return self.endpoint.handle if self.successor is None else announced(self.endpoint.handle, self.successor)

    @property
    def text(self) -> str:
        if self.successor is None:
            return self.endpoint.text
        return f"{self.endpoint.text}\n\nAn older path: `{self.successor}` is the one to use."


def canonical(method: str, path: str, endpoint: Endpoint) -> Door:
    return Door(method, path, endpoint, "canonical", name=endpoint.name)


def new(method: str, path: str, endpoint: Endpoint) -> Door:
    return Door(method, path, endpoint, "new", name=endpoint.name)


def alias(method: str, path: str, endpoint: Endpoint, successor: str, *, name: str | None = None) -> Door:
    """Named after its endpoint where that is its own, else `…_alias`; `name` where there are several."""
    own = endpoint.name if endpoint.name.startswith("legacy_") else f"{endpoint.name}_alias"
    return Door(method, path, endpoint, "alias", successor, name or own)


def tagged(tag: str, *doors: Door) -> Iterator[Door]:
    return (replace(door, tag=tag) for door in doors)


def router_of(doors: Iterable[Door]) -> APIRouter:
    """Their routes, in this order."""
    routes = APIRouter(route_class=RawRoute)
    for door in doors:
        routes.add_api_route(
            door.pattern,
            door.handler,
            methods=[door.method],
            name=door.name,
            tags=[door.tag],
            description=door.text,
            deprecated=door.generation == "alias" or None,
            **_options(door.endpoint),
        )
    return routes


def announced(handle: Handler, successor: str) -> Handler:
    """The handler, with `Deprecation` and `Link` on every answer, errors included."""

    async def door(request: Request) -> Response:
        # Quoted again: a decoded path may hold what ends a header.
        path = successor.format(**{name: quote(value, safe="") for name, value in request.path_params.items()})
        request.state.response_headers.extend(
            [
                (b"deprecation", DEPRECATED_SINCE.encode()),
                (b"link", f'<{path}>; rel="successor-version"'.encode()),
            ]
        )
        return await handle(request)

    return door


def _options(endpoint: Endpoint) -> dict[str, Any]:
    return {name: value for name, value in endpoint.described.items() if name != "body"}
