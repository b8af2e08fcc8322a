"""Is a callback genuine? By a shared secret, by the provider's certificate, or by asking the provider, as operators choose.

Asking needs API credentials, which this service cannot open and is not given: the payments service asks, with those of the
connection that the callback came for (docs/security.md).
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

import httpx
import structlog
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from onerouter_common.errors import Overloaded
from onerouter_common.registry_client import CallbackTarget
from onerouter_common.web.internal import InternalAuth
from onerouter_providers.certificates import Certificates
from onerouter_providers.loader import ProviderPackage
from onerouter_providers.webhook import (
    SignatureInvalid,
    VerifiedByAsking,
    WebhookModule,
    can_be_asked,
    is_signed_by_certificate,
)

log = structlog.get_logger()

_RETRY_AFTER_S: Final = 5.0
_AT_ONCE: Final = 32
"""Callbacks that wait for a provider's word: each costs a call with the tenant's credentials."""


class Questions:
    """Puts questions about callbacks to the payments service. An asynchronous context manager; one a process."""

    def __init__(
        self,
        base_url: str,
        internal_tokens: SecretStr,
        *,
        timeout_s: float = 4.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._auth = InternalAuth(internal_tokens)
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=timeout_s, transport=transport or AiohttpTransport(trust_env=False)
        )
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, target: CallbackTarget, question: bytes) -> bool:
        """Whether the provider has sent it. Raises Overloaded when nobody can say now: the callback is to be sent again."""
        if self._places.locked():
            raise Overloaded("Too many callbacks at once.", retry_after_s=_RETRY_AFTER_S)
        headers = self._auth.tenant_headers(target.tenant_id, target.environment)
        path = f"/internal/connections/{target.connection_id}/verify-callback"
        async with self._places:
            try:
                answer = await self._http.post(path, content=question, headers=headers)
            except httpx.TransportError as error:
                raise _not_known(target, type(error).__name__) from error
        if answer.status_code != 200:
            raise _not_known(target, f"status {answer.status_code}")
        try:
            said = answer.json().get("is_genuine")
        except (ValueError, AttributeError):
            said = None
        if not isinstance(said, bool):
            raise _not_known(target, "an answer of another shape")
        return said


class Verification:
    """`questions` None: nobody is asked. `asked`: providers that are, in place of looking at their certificates."""

    def __init__(
        self, certificates: Certificates, questions: Questions | None = None, asked: frozenset[str] = frozenset()
    ) -> None:
        self._certificates = certificates
        self._questions = questions
        self._asked = asked

    async def __call__(
        self,
        target: CallbackTarget,
        package: ProviderPackage,
        module: WebhookModule,
        body: bytes,
        headers: Mapping[str, str],
        secrets: Mapping[str, SecretStr],
        now: datetime,
    ) -> None:
        """Raises SignatureInvalid, and Overloaded when it cannot be told now."""
        if self._questions is not None and target.provider in self._asked and can_be_asked(module):
            await self._ask(self._questions, module, target, body, headers, secrets, now)
            return
        if not is_signed_by_certificate(module):
            module.verify(body, headers, secrets)
            return
        facts = package.manifest.certificates
        assert facts is not None  # noqa: S101 - the loader loads no such module without them
        url = module.certificate_url(headers, body)
        module.verify(body, headers, secrets, await self._certificates.get(target.provider, facts, url, now), now)

    async def _ask(
        self,
        questions: Questions,
        module: VerifiedByAsking,
        target: CallbackTarget,
        body: bytes,
        headers: Mapping[str, str],
        secrets: Mapping[str, SecretStr],
        now: datetime,
    ) -> None:
        if not await questions.ask(target, module.question(body, headers, secrets, now)):
            raise SignatureInvalid("The provider says that it has not sent this callback.")


def _not_known(target: CallbackTarget, why: str) -> Overloaded:
    log.warning("callback.not_asked", provider=target.provider, connection_id=target.connection_id, why=why)
    return Overloaded("The callback cannot be verified right now.", retry_after_s=_RETRY_AFTER_S)
