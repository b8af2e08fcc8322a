"""SES's error codes → our reasons, as tables. Source: botocore's model of sesv2 and
https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html, read 2026-11-21."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from onerouter_common.errors import ProviderError
from onerouter_providers import message_errors
from onerouter_providers.aws import AwsRefused

PROVIDER: Final = "ses"
DISPLAY_NAME: Final = "Amazon SES"

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "invalid_request": ("BadRequestException", "ValidationException"),
    "content_rejected": ("MessageRejected",),
    "invalid_sender": ("MailFromDomainNotVerifiedException",),
    "rate_limited": (
        "TooManyRequestsException",
        "LimitExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
    ),
    "not_found": ("NotFoundException",),
    "authentication_failed": (
        "AccountSuspendedException",
        "SendingPausedException",
        "AccessDeniedException",
        "AccessDenied",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "ExpiredToken",
        "ExpiredTokenException",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
        "OptInRequired",
    ),
}
"""Ours → SES's."""

_BY_CODE: Final = {theirs: ours for ours, codes in CODES.items() for theirs in codes}
_BY_STATUS: Final = {
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limited",
}
_DAILY: Final = re.compile(r"daily (message|sending) quota exceeded", re.IGNORECASE)
_UNVERIFIED: Final = re.compile(r"not verified", re.IGNORECASE)
_NO_ADDRESS: Final = re.compile(
    r"illegal address|missing final '@domain'|local address contains|domain (name is invalid|contains|starts|ends)",
    re.IGNORECASE,
)
"""How SES says that an address cannot be one. Whose it is it does not say; the sender's was checked when it was set up."""
_FAILING: Final = re.compile(r"failed the check in region [A-Z0-9-]+: (.+)", re.IGNORECASE)
_HINTS: Final[Mapping[str, str]] = {
    "AccountSuspendedException": "AWS has suspended the account's sending.",
    "SendingPausedException": "Sending is paused for the account or its configuration set.",
}


def refusal(refused: AwsRefused, *, effect: bool, recipients: Collection[str] = ()) -> ProviderError:
    """The error that a 4xx answer means. `recipients`: bare addresses, to tell whose identity is not verified."""
    reason = _reason(refused, recipients)
    return message_errors.refusal(
        reason,
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        hint=_HINTS.get(refused.code, ""),
        provider_code=refused.code or None,
        provider_message=refused.message or None,
        provider_request_id=refused.request_id,
        http_status_seen=refused.status,
        retry_after_s=refused.retry_after_s,
    )


def _reason(refused: AwsRefused, recipients: Collection[str]) -> str:
    reason = _BY_CODE.get(refused.code) or _BY_STATUS.get(refused.status, "invalid_request")
    if reason == "rate_limited" and _DAILY.search(refused.message):
        return "insufficient_credit"  # until the 24 hours have moved on
    if reason == "invalid_request" and _NO_ADDRESS.search(refused.message):
        return "invalid_recipient"
    if refused.code == "MessageRejected" and _UNVERIFIED.search(refused.message):
        # An account in SES's sandbox may only send to identities of its own, and the same error says so.
        return "destination_not_permitted" if _are_recipients(refused.message, recipients) else "invalid_sender"
    return reason


def _are_recipients(message: str, recipients: Collection[str]) -> bool:
    """Whether all that failed the check are recipients."""
    found = _FAILING.search(message)
    failing = {each.strip().lower() for each in found.group(1).split(",")} if found is not None else set()
    return bool(failing) and failing <= {recipient.lower() for recipient in recipients}
