"""The tree of errors. Each says whether repeating the call can help (`retryable`) and whether it did anything (`effect`).

OneRouterError
├─ ConfigurationError                                           the client cannot be made like this; also a ValueError
├─ APIConnectionError (sent)  └─ APITimeoutError                nothing came back
├─ APIError                                                     any answer that is not a success
│  ├─ ValidationError 400 422  ├─ ServiceNotConfiguredError 422  └─ IdempotencyMismatchError 422
│  ├─ AuthenticationError 401 · DeclinedError 402 · PermissionDeniedError 403 · NotFoundError 404 · ConflictError 409
│  ├─ PreconditionFailedError 412
│  ├─ RateLimitError 429 (retry_after)
│  └─ ProviderError 502 · ProviderUnavailableError 503 · InternalServerError, any other 5xx
├─ OutcomeUnknownError (operation_id)                           after waiting: nobody knows yet
└─ WebhookVerificationError                                     not ours, or not now; also a ValueError
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypedDict

Effect = Literal["none", "unknown", "committed"]


class FieldError(TypedDict, total=False):
    """What is wrong with one field."""

    field: str
    message: str


class OneRouterError(Exception):
    """Everything this package raises on purpose. What is not known is None."""

    status_code: int | None = None
    code: str | None = None
    """For programs: `VALIDATION_ERROR`, `PAYMENT_NOT_FOUND`, …"""
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    """Name it when you ask for help."""
    trace_id: str | None = None
    retryable: bool = False
    """Whether the same call, under the same idempotency key, may succeed later."""
    effect: Effect | None = None
    """Whether anything changed in the outside world."""
    provider: str | None = None
    provider_code: str | None = None
    operation_id: str | None = None
    idempotency_key: str | None = None
    """The key all attempts were sent under: calling again with it has no second effect."""
    attempts: int = 0
    """How often it was tried."""
    retry_after: float | None = None
    """Seconds to wait, as the server says."""
    headers: Mapping[str, str] = {}
    """The answer's headers, their names in lower case."""
    body: Any = None
    """The answer's JSON, or its text."""
    doc_url: str | None = None

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message
        """A sentence."""

    def __str__(self) -> str:
        facts = [
            f"{name}={value}"
            for name, value in (
                ("status", self.status_code),
                ("code", self.code),
                ("effect", self.effect),
                ("request_id", self.request_id),
            )
            if value is not None
        ]
        return f"{self.message} [{', '.join(facts)}]" if facts else self.message

    @property
    def response(self) -> Any:
        """The answer's JSON, under the name it had in version 2."""
        return self.body


class ConfigurationError(OneRouterError, ValueError):
    """The client cannot be made like this: no API key, one with a typing error, an address that is none."""


class APIConnectionError(OneRouterError):
    """Nothing came back, or only a part. All attempts used `idempotency_key`: calling again with it is safe."""

    retryable = True
    sent: bool = True
    """False: not one byte of the request left, so nothing can have happened."""


class APITimeoutError(APIConnectionError):
    """No answer within the time."""


class APIError(OneRouterError):
    """An answer that is not a success."""

    default_status: ClassVar[int | None] = None

    def __init__(self, message: str = "", status_code: int | None = None, response: Any = None) -> None:
        super().__init__(message)
        self.status_code = status_code if status_code is not None else self.default_status
        self.body = response


class ValidationError(APIError):
    """400, 422: the request is wrong; `errors` names the fields."""

    default_status = 422


class ServiceNotConfiguredError(ValidationError):
    """422: no provider is connected that could do it."""


class IdempotencyMismatchError(ValidationError):
    """422: the idempotency key was used with another request."""


class AuthenticationError(APIError):
    """401: not a valid API key."""

    default_status = 401


class DeclinedError(APIError):
    """402: the provider said no. Final: a repeat gets the same answer."""

    default_status = 402


class PermissionDeniedError(APIError):
    """403: the key may not do this."""

    default_status = 403


class NotFoundError(APIError):
    """404: there is no such thing in this environment."""

    default_status = 404


class ConflictError(APIError):
    """409: it is in another state, or the first request with this key is still being carried out."""

    default_status = 409


class PreconditionFailedError(APIError):
    """412: an object is there, is not, or is another than `if_none_match` or `if_match` says."""

    default_status = 412


class RateLimitError(APIError):
    """429: over a limit."""

    default_status = 429

    def __init__(
        self,
        message: str = "",
        retry_after: float | None = None,
        status_code: int | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(message, status_code, response)
        self.retry_after = retry_after


class InternalServerError(APIError):
    """5xx: something went wrong on the server's side."""

    default_status = 500


class ProviderError(InternalServerError):
    """502: the provider refused the request."""

    default_status = 502


class ProviderUnavailableError(InternalServerError):
    """503, 504: the provider or a part of the service is away."""

    default_status = 503


class OutcomeUnknownError(OneRouterError):
    """The time to wait is over and the operation has not ended: nobody knows yet what it came to.

    Not a failure: it may still succeed. Ask for `operation_id` later, or listen to its events.
    """

    effect = "unknown"
    operation_status: str | None = None


class WebhookVerificationError(OneRouterError, ValueError):
    """The message is not what the holder of the secret sent, or too old to be believed. Answer 400 and read no further."""


BY_CODE: Final[Mapping[str, type[APIError]]] = {
    "SERVICE_NOT_CONFIGURED": ServiceNotConfiguredError,
    "IDEMPOTENCY_KEY_REUSED": IdempotencyMismatchError,
}
BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    400: ValidationError,
    401: AuthenticationError,
    402: DeclinedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    422: ValidationError,
    429: RateLimitError,
    502: ProviderError,
    503: ProviderUnavailableError,
    504: ProviderUnavailableError,
}


def class_of(status_code: int, code: str | None) -> type[APIError]:
    """Codes say more than the status, where there is one for it."""
    by_code = BY_CODE.get(code) if code is not None else None
    return by_code or BY_STATUS.get(status_code) or (InternalServerError if status_code >= 500 else APIError)
