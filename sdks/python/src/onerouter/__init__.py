"""OneRouter: payments, SMS, email and webhooks over the providers you already have accounts with.

from onerouter import OneRouterSync

client = OneRouterSync()  # reads ONEROUTER_API_KEY
payment = client.payments.create(amount="499.00", currency="INR")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from onerouter._errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DeclinedError,
    IdempotencyMismatchError,
    InternalServerError,
    NotFoundError,
    OneRouterError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PreconditionFailedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
    ServiceNotConfiguredError,
    ValidationError,
    WebhookVerificationError,
)
from onerouter._object import Accepted, Object, Objects, OpenObject
from onerouter._options import NOT_GIVEN, NotGiven, RequestOptions, Timeout
from onerouter._response import Outgoing, RawResponse, Response
from onerouter._version import __version__

if TYPE_CHECKING:
    from onerouter import testing as testing
    from onerouter import types as types
    from onerouter import webhooks as webhooks
    from onerouter._client import OneRouter
    from onerouter._client import OneRouter as AsyncOneRouter
    from onerouter._sync._client import OneRouterSync

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "Accepted",
    "AsyncOneRouter",
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "DeclinedError",
    "IdempotencyMismatchError",
    "InternalServerError",
    "NotFoundError",
    "NotGiven",
    "Object",
    "Objects",
    "OneRouter",
    "OneRouterError",
    "OneRouterSync",
    "OpenObject",
    "OutcomeUnknownError",
    "Outgoing",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "ProviderError",
    "ProviderUnavailableError",
    "RateLimitError",
    "RawResponse",
    "RequestOptions",
    "Response",
    "ServiceNotConfiguredError",
    "Timeout",
    "ValidationError",
    "WebhookVerificationError",
    "__version__",
    "testing",
    "types",
    "webhooks",
]

_LATER: Final = {
    "OneRouter": ("onerouter._client", "OneRouter"),
    "AsyncOneRouter": ("onerouter._client", "OneRouter"),
    "OneRouterSync": ("onerouter._sync._client", "OneRouterSync"),
}
_MODULES: Final = frozenset({"testing", "types", "webhooks"})


if not TYPE_CHECKING:  # a type checker is to know a name that is not there

    def __getattr__(name: str) -> Any:
        """What an import need not wait for is loaded when it is first asked for."""
        if name in _LATER:
            module, attribute = _LATER[name]
            found = getattr(import_module(module), attribute)
        elif name in _MODULES:
            found = import_module(f"onerouter.{name}")
        else:
            raise AttributeError(f"module 'onerouter' has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return __all__
