"""SNS's error codes → ours, as a table. Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import ProviderError
from onerouter_providers import message_errors
from onerouter_providers.aws import AwsRefused

PROVIDER: Final = "sns"
DISPLAY_NAME: Final = "Amazon SNS"

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "invalid_request": ("InvalidParameter", "ParameterValueInvalid", "ValidationException", "InvalidParameterValue"),
    "authentication_failed": (
        "AuthorizationError",
        "AuthorizationErrorException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "IncompleteSignature",
        "OptInRequired",
    ),
    "rate_limited": ("Throttled", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"),
    "unsubscribed": ("OptedOut",),
    "not_found": ("NotFound",),
    "insufficient_credit": ("MonthlySpendLimitExceeded", "SpendLimitExceeded"),
}
"""Ours → SNS's. No spend limit error is documented: past its limit SNS takes messages and does not send them."""

_BY_CODE: Final = {theirs: ours for ours, codes in CODES.items() for theirs in codes}
_BY_STATUS: Final = {
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limited",
}
_REGION_HINT: Final = "The number is not one, or the connection's region does not send SMS to it."


def refusal(refused: AwsRefused, *, effect: bool) -> ProviderError:
    """The error that a 4xx answer means."""
    reason = _BY_CODE.get(refused.code) or _BY_STATUS.get(refused.status, "invalid_request")
    about_number = reason == "invalid_request" and "PhoneNumber" in refused.message
    if reason == "invalid_request" and "too long" in refused.message:  # it counts bytes where another counts characters
        reason = "payload_too_large"
    return message_errors.refusal(
        "invalid_recipient" if about_number else reason,
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        hint=_REGION_HINT if about_number else "",
        provider_code=refused.code or None,
        provider_message=refused.message or None,
        provider_request_id=refused.request_id,
        http_status_seen=refused.status,
        retry_after_s=refused.retry_after_s,
    )


def opted_out() -> ProviderError:
    """Of a number that SNS would take a message for, and not send it."""
    return message_errors.refusal("unsubscribed", provider=PROVIDER, display_name=DISPLAY_NAME, effect=True)


def nobody_can_be_asked() -> ProviderError:
    return message_errors.refusal(
        "indeterminate",
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=True,
        hint="SNS cannot be asked what became of it.",
    )
