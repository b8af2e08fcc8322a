"""A callback's way in: whose it is, is it genuine, is it new; then it is committed, and only then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
from onerouter_providers.webhook import SignatureInvalid, WebhookModule
from onerouter_webhooks.callback.publisher import CallbackPublisher
from onerouter_webhooks.callback.reading import Source, read
from onerouter_webhooks.callback.repository import InboundEvent, Unpublished
from onerouter_webhooks.callback.targets import Targets
from onerouter_webhooks.callback.verification import Verification
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.group_commit import GroupCommit

log = structlog.get_logger()

_RETRY_AFTER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ReceiveCallback:
    """The use case of `POST /callbacks/{provider}/{token}`. Does no business before the answer, and calls no provider but
    for a certificate that it does not know yet, or where operators have chosen to ask the provider."""

    targets: Targets
    providers: Providers
    keyrings: KeyRings
    verification: Verification
    writer: GroupCommit[InboundEvent, bool]
    publisher: CallbackPublisher
    clock: Clock
    slots: asyncio.Semaphore
    """One for each callback that is worked on; only for addresses we gave out, so that nobody else uses them up."""

    def knows(self, provider: str) -> bool:
        """Whether a provider of this name is installed."""
        return any(package.manifest.id == provider for package in self.providers)

    async def __call__(
        self, provider: str, token: str, read_body: Callable[[], Awaitable[bytes]], headers: Mapping[str, str]
    ) -> str:
        """What was done: `stored`, `duplicate`, `unhandled` or `unparsed`; all of them are a success to the provider.

        The body is only read for an address we gave out: nobody else can make us hold anything.

        Raises NotFound (unknown token), SignatureInvalid (nothing is stored) and Overloaded (not stored: send it again).
        """
        target, package, module = await self._find(provider, token)
        if self.slots.locked():
            raise Overloaded("Too many callbacks at once.", retry_after_s=_RETRY_AFTER_S)
        async with self.slots:
            return await self._take(provider, target, package, module, read_body, headers)

    async def _take(
        self,
        provider: str,
        target: CallbackTarget,
        package: ProviderPackage,
        module: WebhookModule,
        read_body: Callable[[], Awaitable[bytes]],
        headers: Mapping[str, str],
    ) -> str:
        body = await read_body()
        secrets = await self._secrets_of(target)
        try:
            await self.verification(target, package, module, body, headers, secrets, self.clock.now())
        except SignatureInvalid:
            CALLBACKS_RECEIVED.labels(provider, "bad_signature").inc()
            raise
        event = read(module, self._source_of(target), body, headers)
        result = await self._store(event)
        CALLBACKS_RECEIVED.labels(provider, result).inc()
        return result

    async def _find(self, provider: str, token: str) -> tuple[CallbackTarget, ProviderPackage, WebhookModule]:
        target = await self.targets.find(provider, token)
        package = self.providers.find(target.category, target.provider) if target is not None else None
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

    async def _store(self, event: InboundEvent) -> str:
        try:
            is_new = await self.writer.submit(event)
        except DATABASE_AWAY as error:
            log.warning("callback.not_stored", provider=event.provider, error=type(error).__name__)
            raise Overloaded("The callback cannot be stored right now.", retry_after_s=_RETRY_AFTER_S) from error
        if not is_new:
            return "duplicate"
        log.info("callback.stored", provider=event.provider, kind=event.kind, state=event.state, callback_id=event.id)
        if event.callback is None or event.resource_key is None:
            return event.state
        self.publisher.offer(
            Unpublished(
                event.id, event.category, event.provider, event.resource_key, event.callback, event.received_at
            ),
            telemetry.kafka_headers(),
        )
        return "stored"
