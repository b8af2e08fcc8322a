"""A question about a callback, put to the provider of the connection it came for."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from onerouter_common.errors import CapabilityUnsupported, NotFound, Overloaded
from onerouter_common.web.internal import TenantContext
from onerouter_payments.rules import CATEGORY
from onerouter_providers.connections import ProviderConnection
from onerouter_providers.webhook import AnswersForCallbacks

AT_ONCE: Final = 32
"""Questions at once in this process: callbacks must leave room for payments at the provider, too."""
_RETRY_AFTER_S: Final = 5.0


class Connections(Protocol):
    """What is needed of `ProviderConnections`."""

    async def get(
        self, tenant_id: str, environment: str, category: str, connection_id: str
    ) -> ProviderConnection | None: ...


@dataclass(frozen=True, slots=True)
class CallbackQuestions:
    connections: Connections
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def ask(self, context: TenantContext, connection_id: str, question: bytes) -> bool:
        """Whether the provider has sent the callback that the question carries.

        Raises NotFound for a connection that is not the tenant's, CapabilityUnsupported where the provider cannot be asked,
        Overloaded beyond what may be asked at once, and the ProviderError of a call that was not answered.
        """
        connection = await self.connections.get(context.tenant_id, context.environment, CATEGORY, connection_id)
        if connection is None:
            raise NotFound("There is no such connection.")
        if not hasattr(connection.client, "verify_callback"):
            raise CapabilityUnsupported(f"The provider '{connection.provider}' cannot be asked about its callbacks.")
        if self.slots.locked():
            raise Overloaded("Too many questions about callbacks at once.", retry_after_s=_RETRY_AFTER_S)
        async with self.slots:
            return await cast(AnswersForCallbacks, connection.client).verify_callback(question)
