"""Credentials as they were entered, before they are sealed: checked by the manifest, then by the provider itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import SecretStr

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import FieldError, InvalidRequest, ProviderThrottled, ProviderUnavailable
from onerouter_providers.manifest import Manifest
from onerouter_registry.actor import Actor
from onerouter_registry.connection.probe import api_fields
from onerouter_registry.connection.questions import Questions


@dataclass(frozen=True, slots=True)
class Entered:
    """All fields of a connection, in the clear, for as long as they are checked and sealed."""

    values: Mapping[str, str] = field(repr=False)
    for_api: Mapping[str, SecretStr]
    """What the provider's client is given."""

    @classmethod
    def of(cls, manifest: Manifest, credentials: Mapping[str, SecretStr]) -> Self:
        values = {key: value.get_secret_value() for key, value in credentials.items()}
        return cls(values, api_fields(manifest, credentials))


async def require_accepted(
    questions: Questions,
    tenant_id: str,
    manifest: Manifest,
    environment: Environment,
    for_api: Mapping[str, SecretStr],
    *,
    by: Actor,
) -> None:
    """Raises InvalidRequest (CREDENTIALS_REFUSED) with the provider's words, ProviderUnavailable when it is away, and
    RateLimited."""
    try:
        problem = await questions.ask(tenant_id, manifest, environment, for_api, by=by)
    except (ProviderUnavailable, ProviderThrottled) as away:
        raise ProviderUnavailable(
            f"{away.detail} Nothing was stored. Try again, or send verify: false to store the credentials without asking.",
            provider=manifest.id,
            reason=away.reason,
            retry_after_s=away.retry_after_s,
        ) from away
    if problem is not None:
        raise InvalidRequest(
            f"{manifest.display_name} does not accept these credentials: {problem}",
            code="CREDENTIALS_REFUSED",
            errors=(FieldError("credentials", problem),),
        )
