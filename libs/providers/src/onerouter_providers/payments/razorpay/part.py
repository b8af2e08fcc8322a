"""What the parts of the client share. Each part is one kind of thing; `client.py` puts them together."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from onerouter_providers.payments.razorpay.fields import noted
from onerouter_providers.payments.razorpay.wire import Wire

LOOK_BACK_S: Final = 90 * 86_400
"""How far back a look-up reads lists that cannot be searched by our id: longer than any attempt is in doubt."""


class Part:
    """One account's client. `now`: Unix seconds."""

    def __init__(self, wire: Wire, now: Callable[[], float]) -> None:
        self._wire = wire
        self._now = now

    async def _noted(
        self, capability: str, path: str, params: Mapping[str, str], our_id: str, deadline: float
    ) -> Mapping[str, Any] | None:
        """The thing whose note is our id, or None when surely none was made in the time that is looked back on."""
        window = {**params, "from": str(max(0, int(self._now()) - LOOK_BACK_S))}
        async for items in self._wire.pages(capability, path, window, deadline):
            found = noted(items, our_id)
            if found is not None:
                return found
        return None
