"""Callbacks that no mapping understood when they came, read again after one was added."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from onerouter_providers.loader import Providers
from onerouter_webhooks.callback.reading import Source, read
from onerouter_webhooks.callback.repository import InboundEvents

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class ReplayCallbacks:
    """Reads all stored `unhandled` and `unparsed` callbacks again; those understood now go to the relay."""

    events: InboundEvents
    providers: Providers

    async def __call__(self, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Answers how many are understood now. Repeatable; `stop` is asked between pages."""
        replayed = 0
        after = ""
        while not stop() and (page := await self.events.replayable(after, _PAGE)):
            for stored in page:
                package = self.providers.find(stored.category, stored.provider)
                if package is None or package.webhook is None:
                    continue
                source = Source(
                    id=stored.id,
                    tenant_id=stored.tenant_id,
                    environment=stored.environment,
                    connection_id=stored.connection_id,
                    provider=stored.provider,
                    category=stored.category,
                    received_at=stored.received_at,
                )
                event = read(package.webhook, source, stored.raw, stored.headers)
                if event.callback is not None and event.resource_key is not None:
                    await self.events.replay(event.id, event.kind, event.resource_key, event.callback)
                    replayed += 1
            after = page[-1].id
        return replayed
