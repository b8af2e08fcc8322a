"""What a refused message means: one error class and one sentence for each reason of `messages.REASONS`.

    about the recipient or the message    ProviderDeclined     a final "no" to this message
    about our request, the account,       ProviderRefusedUs    it may go elsewhere, but not again to them
    its keys or its senders
    too much at once                      ProviderThrottled    nothing was done
    away                                  ProviderUnavailable  nothing was done
    nobody knows                          ProviderOutcomeUnknown when the call sends, ProviderUnavailable when it only reads

Which reasons may go to another provider is not told by the class: see `messages.NEVER_ELSEWHERE`.
"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import (
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)

MESSAGE_CHARS: Final = 300
"""More of a provider's own words is not kept."""

_CLASS: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_recipient": ProviderDeclined,
    "unsubscribed": ProviderDeclined,
    "suppressed": ProviderDeclined,
    "content_rejected": ProviderDeclined,
    "payload_too_large": ProviderDeclined,
    "destination_not_permitted": ProviderDeclined,
    "rate_limited": ProviderThrottled,
    "provider_unavailable": ProviderUnavailable,
    "indeterminate": ProviderOutcomeUnknown,
}
"""Every other reason is a ProviderRefusedUs."""

_SENTENCES: Final[Mapping[str, str]] = {
    "invalid_recipient": "{} does not accept the recipient.",
    "unsubscribed": "The recipient has asked not to get messages; {} does not send it.",
    "suppressed": "The recipient is on the suppression list at {}.",
    "content_rejected": "{} does not send this content.",
    "payload_too_large": "The message is larger than {} takes.",
    "destination_not_permitted": "{} does not let this account send to that destination.",
    "invalid_sender": "{} does not let this account send from that sender.",
    "authentication_failed": "{} does not accept the connection's credentials.",
    "insufficient_credit": "The account at {} has used up its balance, quota or spend limit.",
    "rate_limited": "{} is limiting how often it may be called; nothing was done.",
    "provider_unavailable": "{} is not available; nothing was done.",
    "not_found": "{} does not know what the request names.",
    "conflict": "{} has seen another request with the same key.",
    "invalid_request": "{} does not accept the request as it is.",
    "indeterminate": "{} did not say whether it was done; that is being found out.",
}


def refusal(
    reason: str,
    *,
    provider: str,
    display_name: str,
    effect: bool,
    hint: str = "",
    provider_code: str | None = None,
    provider_message: str | None = None,
    provider_request_id: str | None = None,
    http_status_seen: int | None = None,
    retry_after_s: float | None = None,
) -> ProviderError:
    """The error to raise. `effect`: whether the call sends or changes something; `hint`: one more sentence for the caller."""
    kind = _CLASS.get(reason, ProviderRefusedUs)
    if kind is ProviderOutcomeUnknown and not effect:
        kind = ProviderUnavailable
    sentence = _SENTENCES.get(reason, "{} refused the request.").format(display_name)
    return kind(
        f"{sentence} {hint}".rstrip(),
        provider=provider,
        reason=reason,
        provider_code=provider_code,
        provider_message=None if provider_message is None else provider_message[:MESSAGE_CHARS],
        provider_request_id=provider_request_id,
        http_status_seen=http_status_seen,
        retry_after_s=retry_after_s,
        code="MESSAGE_REJECTED" if kind is ProviderDeclined else None,
    )
