"""A callback's way in: whose it is, is it genuine, is it new; then it is committed, and only then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from pydantic import SecretStr

from onerouter_common import telemetry
from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound, Overloaded
from onerouter_common.ids import CALLBACK, new_id
from onerouter_common.metric_names import CALLBACKS_RECEIVED
from onerouter_common.registry_client import CallbackTarget
from onerouter_common.secrets import KeyRings, SecretUnopenable, open_sealed
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.manifest import CallbackFacts
from onerouter_providers.webhook import (
    RECEIVED,
    Acknowledgement,
    Handshake,
    SignatureInvalid,
    WebhookModule,
    acknowledgement_of,
)
from onerouter_webhooks.callback.handshake.service import Confirmations
from onerouter_webhooks.callback.model import AskedFirst, InboundEvent, Source, Stored, Unpublished
from onerouter_webhooks.callback.publisher import CallbackPublisher
from onerouter_webhooks.callback.reading import Reading, read, storable
from onerouter_webhooks.callback.sealing import Sealing
from onerouter_webhooks.callback.targets import Targets
from onerouter_webhooks.callback.verification import Verification
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.group_commit import GroupCommit

log = structlog.get_logger()

_RETRY_AFTER_S: Final = 5.0
_LARGE: Final = 32 * 1024
"""Bytes from which a body is read on a thread: a batch of two thousand events would keep everybody waiting."""

_FEW: Final = 10
"""Events up to which a callback is written with all others."""

ReadBody = Callable[[int], Awaitable[bytes]]
"""Reads at most so many bytes."""


@dataclass(frozen=True, slots=True)
class ReceiveCallback:
    """The use case of `POST /callbacks/{provider}/{token}`. Does no business before the answer, and calls no provider but
    for a certificate that it does not know yet, or where operators have chosen to ask the provider."""

    targets: Targets
    providers: Providers
    keyrings: KeyRings
    verification: Verification
    sealing: Sealing
    writer: GroupCommit[InboundEvent, Stored]
    batches: GroupCommit[InboundEvent, Stored]
    """For callbacks that tell many things: those that tell one need not wait until a batch is written."""
    publisher: CallbackPublisher
    confirmations: Confirmations
    clock: Clock
    body_limit: int
    """Of a provider whose manifest does not say that it sends more."""
    slots: asyncio.Semaphore
    """One for each callback that is worked on; only for addresses we gave out, so that nobody else uses them up."""
    _answers: dict[str, Acknowledgement] = field(init=False, repr=False, default_factory=dict)
    """By the name of each provider that is installed."""

    def __post_init__(self) -> None:
        for package in self.providers:
            known = self._answers.setdefault(package.manifest.id, RECEIVED)
            if known is RECEIVED and package.webhook is not None:
                self._answers[package.manifest.id] = acknowledgement_of(package.webhook)

    def knows(self, provider: str) -> bool:
        """Whether a provider of this name is installed."""
        return provider in self._answers

    def acknowledgement_of(self, provider: str) -> Acknowledgement:
        """What it is answered after success."""
        return self._answers.get(provider, RECEIVED)

    async def __call__(self, provider: str, token: str, read_body: ReadBody, headers: Mapping[str, str]) -> str:
        """What was done: `stored`, `duplicate`, `unhandled`, …; all of them are a success to the provider.

        The body is only read for an address we gave out: nobody else can make us hold anything.

        Raises NotFound (unknown token, or a provider that does not call back), SignatureInvalid (nothing is stored) and
        Overloaded (not stored: send it again).
        """
        target, package, module = await self._find(provider, token)
        if self.slots.locked():
            raise Overloaded("Too many callbacks at once.", retry_after_s=_RETRY_AFTER_S)
        async with self.slots:
            return await self._take(target, package, module, read_body, headers)

    async def _take(
        self,
        target: CallbackTarget,
        package: ProviderPackage,
        module: WebhookModule,
        read_body: ReadBody,
        headers: Mapping[str, str],
    ) -> str:
        facts = package.manifest.callback
        assert facts is not None  # noqa: S101 - the loader loads no module without them
        body = await read_body(max(self.body_limit, facts.body_limit))
        secrets = await self._secrets_of(target)
        try:
            await self.verification(target, package, module, body, headers, secrets, self.clock.now())
        except SignatureInvalid:
            CALLBACKS_RECEIVED.labels(target.provider, "bad_signature").inc()
            raise
        source = self._source_of(target)
        if len(body) < _LARGE:
            reading = read(module, source, body, headers)
        else:
            reading = await asyncio.to_thread(read, module, source, body, headers)
        result = await self._store(source, reading, facts, headers, body)
        CALLBACKS_RECEIVED.labels(target.provider, result).inc()
        return result

    async def _find(self, provider: str, token: str) -> tuple[CallbackTarget, ProviderPackage, WebhookModule]:
        target = await self.targets.find(provider, token)
        package = self.providers.find(target.category, target.provider) if target is not None else None
        if target is not None and package is None:
            # The address is good, and this process is not as it should be: 404 would be taken for the end of the matter.
            CALLBACKS_RECEIVED.labels("unknown", "not_installed").inc()
            log.error("callback.provider.not_installed", provider=target.provider, connection_id=target.connection_id)
            raise Overloaded("The callback cannot be read right now.", retry_after_s=_RETRY_AFTER_S)
        if target is None or package is None or package.webhook is None:
            CALLBACKS_RECEIVED.labels("unknown", "unknown_token").inc()
            raise NotFound("There is nothing at this address.")
        return target, package, package.webhook

    async def _secrets_of(self, target: CallbackTarget) -> dict[str, SecretStr]:
        public = {name: SecretStr(value) for name, value in target.credentials_public.items()}
        try:
            opened = await open_sealed(
                self.keyrings.of(target.environment),
                target.secrets,
                target.data_keys,
                owner=(target.tenant_id, target.environment),
                connection_id=target.connection_id,
            )
        except SecretUnopenable as error:
            log.error(  # noqa: TRY400 - a traceback could carry values
                "callback.secrets.unopenable", connection_id=target.connection_id, why=str(error)
            )
            raise Overloaded("The callback cannot be verified right now.", retry_after_s=_RETRY_AFTER_S) from error
        return {**public, **opened}

    def _source_of(self, target: CallbackTarget) -> Source:
        return Source(
            id=new_id(CALLBACK),
            tenant_id=target.tenant_id,
            environment=target.environment,
            connection_id=target.connection_id,
            provider=target.provider,
            category=target.category,
            received_at=self.clock.now(),
        )

    async def _store(
        self, source: Source, reading: Reading, facts: CallbackFacts, headers: Mapping[str, str], body: bytes
    ) -> str:
        try:
            event = InboundEvent(
                source,
                reading.dedupe_key,
                reading.kind,
                reading.state,
                await self.sealing.seal(source.owner, source.id, headers, body),
                reading.records,
                await self._asked_first(source, reading.handshake, facts),
            )
            writer = self.writer if len(event.records) <= _FEW else self.batches
            stored = await writer.submit(event)
        except (SecretUnopenable, *DATABASE_AWAY) as error:
            log.warning("callback.not_stored", provider=source.provider, error=type(error).__name__)
            raise Overloaded("The callback cannot be stored right now.", retry_after_s=_RETRY_AFTER_S) from error
        if not stored.is_new:
            return "duplicate"
        log.info(
            "callback.stored",
            provider=source.provider,
            kind=reading.kind,
            state=reading.state,
            callback_id=source.id,
            events=len(reading.records),
            new=len(stored.record_ids),
        )
        self._hand_on(event, stored)
        return "stored" if reading.state == "read" else reading.state

    async def _asked_first(
        self, source: Source, handshake: Handshake | None, facts: CallbackFacts
    ) -> AskedFirst | None:
        if handshake is None:
            return None
        assert facts.handshake_valid_s is not None  # noqa: S101 - the loader loads no such module without it
        sealed = await self.sealing.seal_token(source.owner, source.id, SecretStr(handshake.token))
        until = source.received_at + timedelta(seconds=facts.handshake_valid_s)
        return AskedFirst(storable(handshake.subject), sealed, until)

    def _hand_on(self, event: InboundEvent, stored: Stored) -> None:
        if event.asked_first is not None:
            self.confirmations.hurry()
        source, trace = event.source, telemetry.kafka_headers()
        for one in event.records:
            if one.id in stored.record_ids:
                record = Unpublished(
                    one.id, source.category, source.provider, one.resource_key, one.callback, source.received_at
                )
                self.publisher.offer(record, trace)
