"""What a refused payment, refund or resource means: one error class and one sentence for each of our reasons.

    about the deal                        ProviderDeclined     a final "no" to this payment, refund or subscription
    about our request, the account,       ProviderRefusedUs
    its keys or its settings
    in doubt                              ProviderOutcomeUnknown when the call has an effect, else ProviderUnavailable

Which of a provider's words is which reason, and what leaves its own call in doubt, stands with the provider.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)

_MESSAGE_CHARS: Final = 300
"""More of a provider's own words is not kept."""

_OF_THE_DEAL: Final = frozenset(
    {
        "card_declined",
        "insufficient_funds",
        "expired_card",
        "incorrect_details",
        "authentication_required",
        "canceled_by_customer",
        "fraud_suspected",
        "payment_method_unavailable",
        "currency_not_supported",
        "amount_invalid",
        "invalid_state",
        "refund_rejected",
        "unsupported_operation",
    }
)

_SENTENCES: Final[Mapping[str, str]] = {
    "authentication_failed": "{} does not accept the connection's API key.",
    "permission_denied": "{} has not enabled this for the connected account.",
    "not_found": "{} does not know this object in the connected account.",
    "refund_rejected": "{} refused the refund: more than is left of the payment, too late, or disputed.",
    "invalid_state": "{} refused: it is not in a state that allows this.",
    "unsupported_operation": "{} cannot do this with the payer's method.",
    "amount_invalid": "{} refused the amount.",
    "currency_not_supported": "{} does not take this currency on the connected account.",
    "duplicate": "{} has seen this reference before.",
    "idempotency_conflict": "{} has seen another request with the same idempotency key.",
    "in_progress": "{} is still working on this request.",
    "insufficient_funds": "The account to be charged does not cover the amount.",
    "expired_card": "The card has expired.",
    "incorrect_details": "The payer's details are not correct.",
    "authentication_required": "The payer was not authenticated.",
    "canceled_by_customer": "The payer canceled.",
    "fraud_suspected": "The payment was stopped by a risk check.",
    "payment_method_unavailable": "The payment method or the bank is not available.",
    "card_declined": "The payment was declined.",
}


def sentence_of(reason: str, display_name: str, own: Mapping[str, str] | None = None) -> str:
    """`own`: where a provider's refusal has more to say."""
    return (own or {}).get(reason) or _SENTENCES.get(reason, "{} refused the request.").format(display_name)


def refusal(
    reason: str,
    sentence: str,
    *,
    provider: str,
    capability: str,
    effect: bool,
    status: int,
    in_doubt: bool = False,
    provider_code: str | None = None,
    provider_message: str | None = None,
    provider_request_id: str | None = None,
) -> ProviderError:
    """The error that an answer of 4xx means. `in_doubt`: it broke there, so that nobody knows what became of it.

    A request that is still running (`in_progress`) is in doubt as well.
    """
    kind = _class_of(reason, effect=effect, in_doubt=in_doubt or reason == "in_progress")
    return kind(
        sentence,
        provider=provider,
        reason="indeterminate" if kind is ProviderOutcomeUnknown and reason != "in_progress" else reason,
        provider_code=provider_code,
        provider_message=short(provider_message),
        provider_request_id=provider_request_id,
        http_status_seen=status,
        code="REFUND_FAILED" if kind is ProviderDeclined and capability.startswith("refund.") else None,
    )


def short(message: str | None) -> str | None:
    return None if message is None else message[:_MESSAGE_CHARS]


def text_of(thing: Mapping[str, Any], name: str) -> str | None:
    """A field's text; None where there is none, or something else."""
    value = thing.get(name)
    return value if isinstance(value, str) else None


def _class_of(reason: str, *, effect: bool, in_doubt: bool) -> type[ProviderError]:
    if in_doubt:
        return ProviderOutcomeUnknown if effect else ProviderUnavailable
    return ProviderDeclined if reason in _OF_THE_DEAL else ProviderRefusedUs
