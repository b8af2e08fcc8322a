"""A subscription to a connection's callbacks, confirmed with the connection's own credentials."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from onerouter_common.errors import CapabilityUnsupported, NotFound, Overloaded
from onerouter_common.ids import is_id
from onerouter_common.web.internal import TenantContext
from onerouter_providers.connections import ProviderConnection

AT_ONCE: Final = 8
"""Anybody may knock: that must leave room for messages at the provider."""
_RETRY_AFTER_S: Final = 5.0
_CATEGORIES: Final = ("sms", "email")


class Connections(Protocol):
    """What is needed of `ProviderConnections`."""

    async def get(
        self, tenant_id: str, environment: str, category: str, connection_id: str
    ) -> ProviderConnection | None: ...


@dataclass(frozen=True, slots=True)
class Handshakes:
    connections: Connections
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def confirm(self, context: TenantContext, connection_id: str, subject: str, token: str) -> None:
        """`subject`: what wants to call (a topic). A repeat is the same.

        Raises NotFound for a connection that is not the tenant's, CapabilityUnsupported where there is nothing to confirm,
        Overloaded beyond what may be asked at once, and the ProviderError of a call that was refused or not answered.
        """
        connection = await self._connection(context, connection_id)
        client: Any = connection.client
        if not hasattr(client, "confirm_subscription"):
            raise CapabilityUnsupported(f"The provider '{connection.provider}' has no subscription to confirm.")
        if self.slots.locked():
            raise Overloaded("Too many confirmations at once.", retry_after_s=_RETRY_AFTER_S)
        async with self.slots:
            await client.confirm_subscription(subject, token)

    async def _connection(self, context: TenantContext, connection_id: str) -> ProviderConnection:
        if is_id("con", connection_id):
            for category in _CATEGORIES:
                found = await self.connections.get(context.tenant_id, context.environment, category, connection_id)
                if found is not None:
                    return found
        raise NotFound("There is no such connection.")
