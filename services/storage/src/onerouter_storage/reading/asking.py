"""One question to a bucket: with a deadline, and without an effect, whatever comes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from onerouter_common.errors import CapabilityUnsupported, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.connections import ProviderConnection


@asynccontextmanager
async def asking(
    connection: ProviderConnection, capability: str, *, timeout_s: float
) -> AsyncIterator[asyncio.Timeout]:
    """Gives its deadline. Raises CapabilityUnsupported; ProviderUnavailable in place of an outcome that nobody knows, for
    nothing was changed."""
    if connection.idempotency_of(capability) is None:
        instead = connection.instead_of(capability)
        refusal = f"{connection.provider} does not support {capability}."
        raise CapabilityUnsupported(f"{refusal} {instead}" if instead else refusal)
    try:
        async with asyncio.timeout(min(connection.timeout_s, timeout_s)) as limit:
            yield limit
    except TimeoutError:
        raise ProviderUnavailable(
            f"{connection.provider} did not answer in time.",
            provider=connection.provider,
            reason="provider_unavailable",
        ) from None
    except ProviderOutcomeUnknown as error:
        raise ProviderUnavailable(
            f"{connection.provider} gave no answer that could be read.",
            provider=error.provider,
            reason="provider_unavailable",
            provider_code=error.provider_code,
            provider_request_id=error.provider_request_id,
            http_status_seen=error.http_status_seen,
        ) from None
