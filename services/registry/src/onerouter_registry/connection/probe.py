"""Asks a provider itself whether it accepts credentials: a call that only reads."""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx
from pydantic import SecretStr

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import ProviderError, ProviderRefusedUs, ProviderThrottled, ProviderUnavailable
from onerouter_common.metric_names import CREDENTIAL_CHECKS
from onerouter_providers.manifest import Manifest
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection.hiding import hide

_WORDS_MOST: Final = 500
_RETRY_AFTER_S: Final = 10.0


class Prober:
    def __init__(
        self,
        catalogue: Catalogue,
        http: httpx.AsyncBaseTransport,
        base_urls: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        """`http` is the process's pool of connections to providers, `base_urls` the operator's override by provider."""
        self._catalogue = catalogue
        self._http = http
        self._base_urls = base_urls
        self._timeout_s = timeout_s

    async def ask(
        self, category: str, provider: str, environment: Environment, credentials: Mapping[str, SecretStr]
    ) -> str | None:
        """None when the provider accepts them, else why not, in its words without any of the credentials.

        `credentials` are those its client needs (`api_fields`). Raises ProviderUnavailable or ProviderThrottled when it
        could not be asked in time, InvalidRequest when it is not installed.
        """
        package = self._catalogue.package(category, provider)
        client = package.open(
            credentials,
            http=self._http,
            environment=environment,
            base_url=self._base_urls.get(provider),
            timeout_s=self._timeout_s,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await client.probe()
        except ProviderRefusedUs as refusal:
            CREDENTIAL_CHECKS.labels(provider, "refused").inc()
            return _words_of(refusal, credentials)
        except (ProviderError, TimeoutError) as error:
            CREDENTIAL_CHECKS.labels(provider, "away").inc()
            raise _away(package.manifest, error) from error
        CREDENTIAL_CHECKS.labels(provider, "accepted").inc()
        return None


def api_fields(manifest: Manifest, values: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
    """What the provider's client is given: all but the secrets that verify callbacks, without empty ones."""
    return {
        field.key: values[field.key]
        for field in manifest.credentials
        if not (field.sensitive and field.used_by == "callback") and values.get(field.key)
    }


def _words_of(refusal: ProviderRefusedUs, credentials: Mapping[str, SecretStr]) -> str:
    words = refusal.detail
    if refusal.provider_message and refusal.provider_message not in words:
        words = f"{words} ({refusal.provider_message})"
    # What is not shown goes first: it could stand inside a secret.
    words = "".join(character for character in words if character.isprintable())
    return hide(words, credentials.values())[:_WORDS_MOST] or "refused"


def _away(manifest: Manifest, error: BaseException) -> ProviderError:
    if isinstance(error, ProviderUnavailable | ProviderThrottled):
        error.retry_after_s = error.retry_after_s or _RETRY_AFTER_S
        return error
    return ProviderUnavailable(
        f"{manifest.display_name} did not say whether it accepts the credentials.",
        provider=manifest.id,
        reason="provider_unavailable",
        retry_after_s=_RETRY_AFTER_S,
    )
