"""S3's error codes → ours, as tables. A HEAD has no body: its code is then the status as text.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
https://developers.cloudflare.com/r2/api/error-codes/, read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import (
    InvalidRequest,
    NotFound,
    OneRouterError,
    PreconditionFailed,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
    RangeNotSatisfiable,
)
from onerouter_providers.aws import AwsRefused, AwsUnreadable
from onerouter_providers.storage.s3_protocol.profile import Profile

MESSAGE_CHARS: Final = 300
"""More of a provider's own words is not kept."""

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "authentication_failed": (
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "Unauthorized",
        "AccessDenied",
        "AllAccessDisabled",
        "AccountProblem",
        "NotEntitled",
        "ExpiredRequest",
        "RequestTimeTooSkewed",
        "NotSignedUp",
    ),
    "invalid_request": (
        "NoSuchBucket",
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "InvalidBucketName",
        "InvalidBucketState",
        "InvalidObjectName",
        "InvalidArgument",
        "InvalidRequest",
        "InvalidDigest",
        "InvalidPart",
        "InvalidPartOrder",
        "EntityTooSmall",
        "KeyTooLongError",
        "MalformedXML",
        "MetadataTooLarge",
        "MethodNotAllowed",
        "MissingContentLength",
        "NotImplemented",
    ),
    "payload_too_large": ("EntityTooLarge", "MaxMessageLengthExceeded"),
    "provider_unavailable": (
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "IncompleteBody",
        "RequestTimeout",
        "ClientDisconnect",
    ),
    "conflict": ("ConditionalRequestConflict", "OperationAborted"),
    "content_rejected": ("ObjectLockedByBucketPolicy",),
    "rate_limited": ("SlowDown", "TooManyRequests", "Throttling", "RequestLimitExceeded"),
    "insufficient_credit": ("QuotaExceeded", "PaymentRequired", "BillingDisabled"),
}
"""Ours → theirs. What names a thing of the caller's is in `_ABSENT` and `_FIELDS`."""

_BY_CODE: Final = {theirs: ours for ours, codes in CODES.items() for theirs in codes}
_BY_STATUS: Final = {
    401: "authentication_failed",
    402: "insufficient_credit",
    403: "authentication_failed",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limited",
}
_ABSENT: Final[Mapping[str, tuple[str, str]]] = {
    "NoSuchKey": ("OBJECT_NOT_FOUND", "There is no object of this key."),
    "404": ("OBJECT_NOT_FOUND", "There is no object of this key."),
    "NoSuchUpload": ("UPLOAD_NOT_FOUND", "There is no such upload any more: it was completed or aborted."),
    "InvalidObjectState": ("OBJECT_ARCHIVED", "The object is archived: it has to be restored before it can be read."),
}
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "InvalidPart": ("parts", "has a part that was not uploaded, or whose ETag is another"),
    "InvalidPartOrder": ("parts", "must be in the order of their numbers, each once"),
    "EntityTooSmall": ("parts", "has a part below 5 MiB that is not the last"),
    "KeyTooLongError": ("key", "is longer than 1024 bytes with the connection's prefix"),
    "InvalidObjectName": ("key", "is not one that the provider takes"),
    "MetadataTooLarge": ("metadata", "is larger than the provider takes"),
}
_CLASS: Final[Mapping[str, type[ProviderError]]] = {
    "content_rejected": ProviderDeclined,
    "payload_too_large": ProviderDeclined,
    "rate_limited": ProviderThrottled,
    "provider_unavailable": ProviderUnavailable,
    "indeterminate": ProviderOutcomeUnknown,
}
"""Every other reason is a ProviderRefusedUs."""
_SENTENCES: Final[Mapping[str, str]] = {
    "authentication_failed": "{} does not accept the connection's credentials for this.",
    "invalid_request": "{} does not accept the request as it is.",
    "payload_too_large": "{} does not take objects of this size.",
    "provider_unavailable": "{} is not available; nothing was done.",
    "conflict": "{} was changing the same object at the same time; nothing was done.",
    "content_rejected": "The bucket at {} protects the object from being changed.",
    "rate_limited": "{} is limiting how often it may be called; nothing was done.",
    "insufficient_credit": "The account at {} has used up its quota, or is not paid for.",
    "indeterminate": "{} did not say whether it was done; that is being found out.",
}
_HINTS: Final[Mapping[str, str]] = {
    "NoSuchBucket": "The connection's bucket does not exist there: check its name, its region and its jurisdiction.",
    "PermanentRedirect": "The bucket is in another region than the connection says.",
    "AuthorizationHeaderMalformed": "The bucket is in another region than the connection says.",
    "IllegalLocationConstraintException": "The bucket is in another region than the connection says.",
    "301": "The bucket is in another region than the connection says.",
    "400": "It says no more of a HEAD: the region, the key or the session token may be wrong.",
    "RequestTimeTooSkewed": "The clock of this machine is wrong.",
    "ExpiredToken": "The session token has expired.",
    "NotImplemented": "It does not have this feature.",
}


def refusal(refused: AwsRefused, profile: Profile) -> OneRouterError:
    """The error that a 4xx answer means."""
    code, status = refused.code, refused.status
    if code in _ABSENT:
        public, sentence = _ABSENT[code]
        return NotFound(sentence, code=public)
    if code in _FIELDS:
        return InvalidRequest.of(*_FIELDS[code])
    if status == 412:
        return PreconditionFailed("The object is another than the request expects, or it is there, or it is not.")
    if status == 416:
        return RangeNotSatisfiable("The object has no such bytes.")
    reason = _BY_CODE.get(code) or _BY_STATUS.get(status, "invalid_request")
    return _error(
        reason,
        profile,
        hint=_HINTS.get(code, profile.absent_hint if status == 403 and code in {"AccessDenied", "403", ""} else ""),
        code=code,
        message=refused.message,
        request_id=refused.request_id,
        status=status,
        retry_after_s=refused.retry_after_s,
    )


def no_bucket(profile: Profile) -> ProviderError:
    """Of a 404 without words to a question about the bucket itself."""
    return _error("invalid_request", profile, hint=_HINTS["NoSuchBucket"], status=404)


def doubt(
    unreadable: AwsUnreadable, profile: Profile, *, effect: bool, retry_after_s: float | None = None
) -> ProviderError:
    """What a 5xx, a 3xx or an unreadable answer means. `retry_after_s`: of that answer."""
    code, status = unreadable.code, unreadable.status
    moved = status is not None and 300 <= status < 400
    if status == 503 and code == "ServiceUnavailable":  # its own word; a 503 without it may be a proxy's
        reason, hint = "provider_unavailable", ""
    elif code in {"SlowDown", "NotImplemented"} or moved:
        reason = "rate_limited" if code == "SlowDown" else "invalid_request"
        hint = _HINTS["PermanentRedirect"] if moved else _HINTS.get(code, "")
    else:
        reason = "indeterminate" if effect and unreadable.was_sent else "provider_unavailable"
        hint = ""
    return _error(reason, profile, hint=hint, code=code, status=status, retry_after_s=retry_after_s)


def _error(
    reason: str,
    profile: Profile,
    *,
    hint: str = "",
    code: str = "",
    message: str = "",
    request_id: str | None = None,
    status: int | None = None,
    retry_after_s: float | None = None,
) -> ProviderError:
    kind = _CLASS.get(reason, ProviderRefusedUs)
    sentence = _SENTENCES.get(reason, "{} refused the request.").format(profile.display_name)
    return kind(
        f"{sentence} {hint}".rstrip(),
        provider=profile.provider,
        reason=reason,
        provider_code=code or None,
        provider_message=message[:MESSAGE_CHARS] or None,
        provider_request_id=request_id,
        http_status_seen=status,
        retry_after_s=retry_after_s,
        code="OBJECT_REJECTED" if kind is ProviderDeclined else None,
    )
