"""From a path to its handler, and what a repeat under one request id gets."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from onerouter_sandbox.paypal import shapes
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.errors import bad_request
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.wire import Reply, Request
from onerouter_sandbox.world import World

ID: Final = ":id"
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
_MINIMAL: Final = ("id", "status", "payment_source", "links")

Shown = dict[str, Any]


class Asked:
    """One authenticated request: `ids` are those of its path, `base` is the API's address."""

    def __init__(self, account: Account, request: Request, ids: tuple[str, ...], base: str) -> None:
        self.account = account
        self.request = request
        self.ids = ids
        self.base = base

    @property
    def id(self) -> str:
        return self.ids[0]

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.request.query.decode("latin-1")))

    def request_id(self, issues: str, most: int = 108) -> str | None:
        header = self.request.headers.get(b"paypal-request-id")
        if header is None:
            return None
        if not 0 < len(header) <= most:
            raise bad_request("INVALID_STRING_LENGTH", "PayPal-Request-Id", issues)
        return header.decode("latin-1")

    @property
    def wants_all(self) -> bool:
        return b"return=representation" in self.request.headers.get(b"prefer", b"")


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by."""

    operation: str
    handle: Callable[[Asked], Reply]


Table = Mapping[str, Route]
"""By "METHOD version/path", ids written as `:id`."""


class Router:
    def __init__(self, *tables: Table) -> None:
        self._routes: defaultdict[tuple[str, int], list[tuple[tuple[str, ...], Route]]] = defaultdict(list)
        for table in tables:
            for place, route in table.items():
                method, _, path = place.partition(" ")
                steps = tuple(path.split("/"))
                self._routes[method, len(steps)].append((steps, route))

    def find(self, method: str, steps: Sequence[str]) -> tuple[Route, tuple[str, ...]] | None:
        """The route and the ids on the way to it."""
        for template, route in self._routes.get((method, len(steps)), ()):
            if all(step and wanted in (ID, step) for wanted, step in zip(template, steps, strict=True)):
                return route, tuple(step for wanted, step in zip(template, steps, strict=True) if wanted == ID)
        return None


class Repeats:
    """A repeat under a request id gets the latest state of what the first one made, as long as PayPal knows the id.

    A refusal is not remembered.
    """

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world

    def once(
        self,
        operation: str,
        asked: Asked,
        kept_s: float,
        make: Callable[[], str],
        show: Callable[[str], Shown],
        *,
        minimal: Sequence[str] | None = _MINIMAL,
        most: int = 108,
        status: int = 201,
    ) -> Reply:
        """Make it (201), or show what the same request id made before (200).

        `minimal` names what is answered to who does not ask for the representation; None: always all.
        """
        given = asked.request_id(operation, most)
        key = None if given is None else "\n".join((asked.account.client_id, operation, given))
        now = self._world.clocks.of(asked.account.client_id).now()
        made = None if key is None else self._state.remembered(key, now)
        if made is None:
            made = make()
            if key is not None:
                self._state.remember(key, made, now + kept_s)
        else:
            status = 200
        shown = show(made)
        if minimal is not None and not asked.wants_all:
            shown = {name: shown[name] for name in minimal if name in shown}
        return shapes.answer(status, shown)
