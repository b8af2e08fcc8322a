"""The errors of OneRouter, drawn once. Callers act on the class; one handler at the edge makes it HTTP.

OneRouterError
├── CallerError                    the caller can fix it
│   ├── InvalidRequest             422  a field is wrong; names it
│   │   └── MalformedRequest       400  not JSON, not a known content type, contradicting headers
│   ├── CapabilityUnsupported      422  the chosen provider cannot do this
│   ├── ServiceNotConfigured       422  no connection for this category
│   ├── CredentialsUnreadable      422  a connection's stored credentials do not open: enter them again
│   ├── Unauthenticated            401
│   ├── NotPermitted               403
│   ├── NotFound                   404
│   ├── Conflict                   409  the resource is in another state
│   │   ├── OperationInFlight      409  the first request of this key goes on; carries operation_id
│   │   └── Superseded             409  somebody has done something else there since: whether it was done is not known
│   ├── IdempotencyMismatch        422  same key, other body
│   ├── RequestTimedOut            408  the body did not come in time
│   ├── PreconditionFailed         412  what If-Match or If-None-Match asks for does not hold
│   ├── PayloadTooLarge            413
│   ├── RangeNotSatisfiable        416  nothing of the object lies in the range
│   ├── UnsupportedMediaType       415
│   └── RateLimited                429  carries retry_after_s
├── Overloaded                     503  shed before anything was done; carries retry_after_s
├── ProviderDisabled               503  the operator keeps new operations from the provider, for a while
└── ProviderError                  carries provider, provider_code, provider_message, provider_request_id
    ├── ProviderDeclined           402  final answer, "no"                           never retried
    ├── ProviderRefusedUs          502  our request or credentials are wrong         never retried, alerts
    ├── ProviderThrottled          503  nothing happened; carries retry_after_s      retried later
    ├── ProviderUnavailable        503  nothing happened, it was never reached       retried later or at the next provider
    ├── ResolvedAsNotDone          502  a person found out that nothing happened     never retried by us
    └── ProviderOutcomeUnknown     202  sent, no answer: money may have moved        reconciled first, never failed over
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self


class Retry(StrEnum):
    """What a repeat of the failed call would mean."""

    NEVER = "never"
    LATER = "later"
    RECONCILE = "reconcile"


class Effect(StrEnum):
    """What the failed call changed in the outside world."""

    NONE = "none"
    UNKNOWN = "unknown"
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `field` is its path (`customer.email`), `message` says what is wrong and what to do."""

    field: str
    message: str


class OneRouterError(Exception):
    """Base of all errors this product raises on purpose. `str(error)` is a sentence for the person who called."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    title: ClassVar[str] = "Something went wrong on our side"
    http_status: ClassVar[int] = 500
    retry: ClassVar[Retry] = Retry.NEVER
    effect: ClassVar[Effect] = Effect.NONE

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.error_code = code or self.code
        self.errors = errors
        self.retry_after_s = retry_after_s


class CallerError(OneRouterError):
    """The caller can fix it; nothing was done."""

    code = "VALIDATION_ERROR"
    title = "The request cannot be carried out as sent"
    http_status = 422
    is_of_connection: bool = False
    """It is a limit of the one provider that was to be asked, or of the connection: another may take the same request."""


class InvalidRequest(CallerError):
    title = "The request is invalid"

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        """An error about one field: `InvalidRequest.of("amount", "must be greater than zero")`."""
        return cls(f"{field} {message}.", errors=(FieldError(field, message),))


class MalformedRequest(InvalidRequest):
    code = "MALFORMED_REQUEST"
    title = "The request could not be read"
    http_status = 400


class CapabilityUnsupported(CallerError):
    code = "CAPABILITY_UNSUPPORTED"
    title = "The provider cannot do this"


class ServiceNotConfigured(CallerError):
    code = "SERVICE_NOT_CONFIGURED"
    title = "No provider is connected"


class CredentialsUnreadable(CallerError):
    """A sealed value was moved, changed or lost, or the key that opens it is gone. The log says which."""

    code = "CREDENTIALS_UNREADABLE"
    title = "The stored credentials cannot be read"

    @classmethod
    def of(cls, connection_id: str) -> Self:
        return cls(f"The stored credentials of {connection_id} cannot be read any more. Please enter them again.")


class IdempotencyMismatch(CallerError):
    code = "IDEMPOTENCY_KEY_REUSED"
    title = "The idempotency key was used with another request"


class Unauthenticated(CallerError):
    code = "UNAUTHORIZED"
    title = "The request is not authenticated"
    http_status = 401


class NotPermitted(CallerError):
    code = "FORBIDDEN"
    title = "The API key may not do this"
    http_status = 403


class NotFound(CallerError):
    code = "NOT_FOUND"
    title = "There is no such resource"
    http_status = 404


class Conflict(CallerError):
    code = "CONFLICT"
    title = "The resource is in another state"
    http_status = 409


class OperationInFlight(Conflict):
    """What was asked for under this idempotency key has not ended, and the caller will not wait for it."""

    code = "OPERATION_IN_FLIGHT"
    title = "The first request is still being carried out"

    def __init__(self, detail: str, *, operation_id: str) -> None:
        super().__init__(detail)
        self.operation_id = operation_id


class Superseded(Conflict):
    """There was no answer, and somebody has done something else there since: whether it was done cannot be told any more,
    and it is not done again."""

    code = "SUPERSEDED"
    title = "Something else has been done there since"
    effect = Effect.UNKNOWN


class RequestTimedOut(CallerError):
    code = "REQUEST_TIMEOUT"
    title = "The request did not come in time"
    http_status = 408
    retry = Retry.LATER


class PreconditionFailed(CallerError):
    """An object is there, is not, or is another than the caller took it for; nothing was done."""

    code = "PRECONDITION_FAILED"
    title = "The object is not as the request says"
    http_status = 412


class RangeNotSatisfiable(CallerError):
    code = "RANGE_NOT_SATISFIABLE"
    title = "The range is outside of the object"
    http_status = 416


class PayloadTooLarge(CallerError):
    code = "PAYLOAD_TOO_LARGE"
    title = "The request body is too large"
    http_status = 413


class UnsupportedMediaType(CallerError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    title = "The content type is not supported"
    http_status = 415


class RateLimited(CallerError):
    code = "RATE_LIMIT_EXCEEDED"
    title = "Too many requests"
    http_status = 429
    retry = Retry.LATER


class Overloaded(OneRouterError):
    """Shed before anything was done: a dependency is away or a bound is reached. Trying again later is safe."""

    code = "SERVICE_UNAVAILABLE"
    title = "The service is temporarily unavailable"
    http_status = 503
    retry = Retry.LATER


class ProviderDisabled(OneRouterError):
    """The operator has switched the provider off, or its whole category; nothing was sent. It ends when they say so."""

    code = "PROVIDER_DISABLED"
    title = "The provider is switched off"
    http_status = 503
    retry = Retry.LATER


class ProviderError(OneRouterError):
    """A provider did not do what was asked.

    `reason` is our normalized code (`card_declined`, `refund_rejected`, …; providers/payments taxonomy),
    `provider_code` and `provider_message` are the provider's own words: for the tenant's logs, never for decisions.
    """

    code = "PROVIDER_ERROR"
    title = "The provider did not complete the request"
    http_status = 502

    def __init__(
        self,
        detail: str,
        *,
        provider: str,
        reason: str = "unknown",
        provider_code: str | None = None,
        provider_message: str | None = None,
        provider_request_id: str | None = None,
        http_status_seen: int | None = None,
        retry_after_s: float | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, code=code)
        self.provider = provider
        self.reason = reason
        self.provider_code = provider_code
        self.provider_message = provider_message
        self.provider_request_id = provider_request_id
        self.http_status_seen = http_status_seen


class ProviderDeclined(ProviderError):
    code = "PAYMENT_FAILED"
    title = "The provider declined"
    http_status = 402


class ProviderRefusedUs(ProviderError):
    title = "The provider refused our request"


class ResolvedAsNotDone(ProviderError):
    """Nobody could tell the outcome, until an operator did: nothing was done, so it may be asked for again."""

    code = "RESOLVED_AS_NOT_DONE"
    title = "The provider did nothing"
    retry = Retry.LATER


class ProviderThrottled(ProviderError):
    title = "The provider is limiting our rate"
    http_status = 503
    retry = Retry.LATER


class ProviderUnavailable(ProviderError):
    title = "The provider could not be reached"
    http_status = 503
    retry = Retry.LATER


class ProviderOutcomeUnknown(ProviderError):
    title = "The provider has not told us the outcome"
    http_status = 202
    retry = Retry.RECONCILE
    effect = Effect.UNKNOWN
