"""What a tenant may have a provider asked: so little that nobody can use us to find out which stolen credentials are good."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pydantic import SecretStr

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import ProviderThrottled, ProviderUnavailable, RateLimited
from onerouter_providers.manifest import Manifest
from onerouter_registry.actor import Actor
from onerouter_registry.connection.probe import Prober
from onerouter_registry.throttle.model import CREDENTIALS_ASKED
from onerouter_registry.throttle.service import Throttle

_AT_ONCE: Final = 2
"""Of one tenant in one process: a provider that is slow to answer holds up nobody else's questions."""
_OURS: Final = frozenset({"system", "command_line"})
"""Kinds of actors whose questions count for no tenant: the daily check, and whoever runs this installation."""


class Questions:
    def __init__(self, prober: Prober, throttle: Throttle) -> None:
        self._prober = prober
        self._throttle = throttle
        self._under_way: Counter[str] = Counter()

    async def ask(
        self,
        tenant_id: str,
        manifest: Manifest,
        environment: Environment,
        credentials: Mapping[str, SecretStr],
        *,
        by: Actor,
    ) -> str | None:
        """As `Prober.ask`. Raises RateLimited, too. No transaction may be open."""
        asked = (manifest.category, manifest.id, environment, credentials)
        if by.kind in _OURS:
            return await self._prober.ask(*asked)
        with self._place(tenant_id):
            counted = await self._throttle.count({CREDENTIALS_ASKED: tenant_id})
            try:
                return await self._prober.ask(*asked)
            except (ProviderUnavailable, ProviderThrottled):
                await self._throttle.take_back(counted)  # it told nobody anything
                raise

    @contextmanager
    def _place(self, tenant_id: str) -> Iterator[None]:
        if self._under_way[tenant_id] >= _AT_ONCE:
            raise RateLimited("Credentials of yours are being checked already; wait for the answers.", retry_after_s=2)
        self._under_way[tenant_id] += 1
        try:
            yield
        finally:
            self._under_way[tenant_id] -= 1
            if not self._under_way[tenant_id]:
                del self._under_way[tenant_id]
