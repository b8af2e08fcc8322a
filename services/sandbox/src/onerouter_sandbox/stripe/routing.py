"""What a call to Stripe's API is made of, for the modules that answer it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from onerouter_sandbox.stripe.account import Account

Params = Mapping[str, Any]
Handler = Callable[[Account, "Asked"], dict[str, Any]]
Routes = dict[tuple[str, ...], "Route"]
ID: Final = ":id"


class Asked(NamedTuple):
    """One call: `params` of body or query, the ids of its path, and its idempotency key.

    `host`: where the caller reaches the sandbox. `vendor`: the connected account that the caller acts as.
    """

    params: Params
    ids: tuple[str, ...]
    key: str | None
    host: str
    vendor: str | None = None

    @property
    def id(self) -> str:
        """The first id, "" where the path has none."""
        return self.ids[0] if self.ids else ""


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by."""

    operation: str
    handle: Handler
    for_vendors: bool = False
    """Whether a platform may ask it as one of its connected accounts."""
