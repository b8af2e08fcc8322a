"""What the parts of the client share: each kind of thing is a class of its own, and the client is all of them."""

from collections.abc import Awaitable
from typing import TypeVar

from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderThrottled, ProviderUnavailable
from onerouter_providers.payments.paypal.errors import PROVIDER
from onerouter_providers.payments.paypal.wire import Wire

T = TypeVar("T")


class Part:
    """Knows how to call PayPal."""

    _wire: Wire
    _client_id: str
    _merchant_id: str | None
    """The account's own, where the tenant has told it: a platform's, which may invite vendors."""


async def after_refusal(question: Awaitable[T], refused: ProviderError) -> T:
    """What a read says after a refusal that may speak of what we did before. No answer is a doubt then, not a no."""
    try:
        return await question
    except (ProviderUnavailable, ProviderThrottled) as error:
        raise ProviderOutcomeUnknown(
            "PayPal refused, perhaps because it was done before, and cannot be asked right now.",
            provider=PROVIDER,
            reason=refused.reason,
            retry_after_s=error.retry_after_s,
        ) from error


async def after_success(question: Awaitable[T], otherwise: T) -> T:
    """What a read says of what was just done; `otherwise` when it cannot be had: it was done all the same."""
    try:
        return await question
    except ProviderError:
        return otherwise
