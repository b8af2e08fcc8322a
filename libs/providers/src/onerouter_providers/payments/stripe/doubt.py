"""What to believe when Stripe answered a call of ours with a 5xx, or refused what an earlier try may have done."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from onerouter_common.errors import (
    CallerError,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.payments.stripe.errors import PROVIDER

T = TypeVar("T")
Look = Callable[[], Awaitable[T | None]]
_FIRST_SERVER_ERROR: Final = 500


async def looked_up(doubt: ProviderOutcomeUnknown, look: Look[T]) -> T:
    """What a call made although it was answered with a 5xx. The doubt stays when nothing is found: it may yet appear."""
    if not is_stored(doubt):
        raise doubt
    try:
        found = await look()
    except (ProviderError, CallerError):
        raise doubt from None
    if found is None:
        raise doubt
    return found


async def made_before(refused: ProviderError, look: Look[T]) -> T:
    """Whether a refusal speaks of what an earlier try of ours made. That it may is said already, so no answer is a doubt."""
    try:
        found = await look()
    except (ProviderUnavailable, ProviderThrottled) as error:
        raise ProviderOutcomeUnknown(
            "Stripe refused, perhaps because it was done before, and cannot be asked right now.",
            provider=PROVIDER,
            reason="duplicate",
            retry_after_s=error.retry_after_s,
        ) from error
    if found is None:
        raise refused
    return found


def is_stored(doubt: ProviderOutcomeUnknown) -> bool:
    """Whether Stripe answered, and so will answer a repeat under the same key in the same way."""
    return (doubt.http_status_seen or 0) >= _FIRST_SERVER_ERROR
