"""Callbacks that no mapping understood when they came, or not all of it, read again after one was added."""

import asyncio
from dataclasses import dataclass

import structlog

from onerouter_common.secrets import SecretUnopenable
from onerouter_providers.loader import Providers
from onerouter_providers.webhook import WebhookModule
from onerouter_webhooks.callback.reading import read
from onerouter_webhooks.callback.sealing import Sealing
from onerouter_webhooks.callback.stored.repository import Kept, StoredCallbacks, Wanted
from onerouter_webhooks.callback.stored.schemas import Replayed, ReplayRequest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReplayCallbacks:
    """A page at a time, so that whoever asks sees how far it is. Repeatable: what was told before adds nothing."""

    stored: StoredCallbacks
    providers: Providers
    sealing: Sealing

    async def page(self, request: ReplayRequest) -> Replayed:
        """Raises Overloaded while a KMS is away, and what the database raises."""
        wanted = Wanted(
            tenant_id=request.tenant_id,
            provider=request.provider,
            connection_id=request.connection_id,
            since=request.since,
            until=request.until,
            states=tuple(request.states),
        )
        page = await self.stored.page(wanted, request.after)
        again = understood = records = unopenable = 0
        for kept in await self.stored.fetch(page.ids):
            package = self.providers.find(kept.source.category, kept.source.provider)
            if package is None or package.webhook is None:
                continue
            try:
                told = await self._read_again(kept, package.webhook)
            except SecretUnopenable as error:
                log.warning("callback.replay.unopenable", callback_id=kept.source.id, why=str(error))
                unopenable += 1
                continue
            again += 1
            understood += told > 0
            records += told
        return Replayed(
            examined=page.examined,
            unopenable=unopenable,
            reached=page.reached,
            next_after=page.last,
            read_again=again,
            understood=understood,
            records=records,
        )

    async def _read_again(self, kept: Kept, module: WebhookModule) -> int:
        """How many records are new of it."""
        source = kept.source
        headers, body = await self.sealing.open(source.owner, source.id, kept.sealed)
        reading = await asyncio.to_thread(read, module, source, body, headers)
        if not reading.records:
            return 0
        return await self.stored.understood(source.id, reading.state, reading.kind, reading.records)
