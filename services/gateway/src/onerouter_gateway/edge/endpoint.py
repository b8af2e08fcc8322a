"""An endpoint: what carries a request out, and what OpenAPI says of it. Which door leads to it stands in `doors.py`."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    handle: Handler
    described: Mapping[str, Any]
    """As `documentation` makes it: what FastAPI takes of a route, and `body`, the model of its body where it has one."""
    name: str
    """Method name of generated clients."""
    text: str
    """What to know beside the summary."""


def endpoint(described: Mapping[str, Any], *, name: str | None = None) -> Callable[[Handler], Endpoint]:
    """Decorates a handler; its own name and docstring are the endpoint's."""

    def make(handle: Handler) -> Endpoint:
        own = str(getattr(handle, "__name__", ""))
        return Endpoint(handle, described, own if name is None else name, inspect.getdoc(handle) or "")

    return make
