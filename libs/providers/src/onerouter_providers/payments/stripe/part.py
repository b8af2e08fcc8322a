"""What all parts of Stripe's client stand on."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from onerouter_common.errors import ProviderDeclined, ProviderOutcomeUnknown, ProviderRefusedUs
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.stripe.doubt import looked_up, made_before
from onerouter_providers.payments.stripe.finding import Finder
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.wire import Wire

_MAYBE_BECAUSE_OF_US: Final = frozenset({"duplicate", "idempotency_conflict"})
"""Refusals that an earlier, unanswered try of the same may be the cause of."""
Look = Callable[[], Awaitable[Mapping[str, Any] | None]]


class Part:
    """One connection: the wire that holds its key, what finds things again, and the time in seconds."""

    def __init__(
        self,
        http: ProviderHttp,
        *,
        base_url: str,
        secret_key: SecretStr,
        publishable_key: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._wire = Wire(http, base_url=base_url, secret_key=secret_key)
        self._finder = Finder(self._wire, now)
        self._publishable_key = publishable_key
        self._now = now

    async def _make(
        self, capability: str, path: str, params: Mapping[str, Value], deadline: float, *, key: str, look: Look
    ) -> Mapping[str, Any]:
        """Make an object; `look` finds what an earlier try made of it, for when the answer does not say."""
        try:
            return await self._wire.make(capability, path, params, deadline, key=key)
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            return await made_before(refused, look)

    async def _change(
        self,
        capability: str,
        thing: str,
        params: Mapping[str, Value],
        deadline: float,
        *,
        key: str,
        look: Look,
        by: str = "",
    ) -> Mapping[str, Any]:
        """Change the object at this path, or at what follows it (`by`: `/attach`).

        `look` gives it when it is as it was to become.
        """
        try:
            return await self._wire.make(capability, thing + by, params, deadline, key=key, thing=thing)
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in (*_MAYBE_BECAUSE_OF_US, "invalid_state"):
                raise
            return await made_before(refused, look)
