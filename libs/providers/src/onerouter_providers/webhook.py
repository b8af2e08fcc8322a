"""What a provider's `webhook` module offers: who says it, and what it says.

A callback is verified on its raw bytes, before anything parses them.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.errors import MalformedRequest, Unauthenticated


class SignatureInvalid(Unauthenticated):
    """Not signed by the provider with any secret we hold; nothing of it may be stored or believed."""

    title = "The callback's signature is not valid"


class CallbackUnreadable(MalformedRequest):
    """Signed, but not in a form that this provider documents."""

    title = "The callback could not be read"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A callback in our words."""

    id: str
    """The provider's own event id: the same for each redelivery."""
    type: str
    """The provider's name of it."""
    occurred_at: datetime
    object: CallbackObject


class WebhookModule(Protocol):
    """The functions a provider's `webhook` module has. Header names are looked up case-insensitively."""

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
        """Raises SignatureInvalid unless one of the secrets fits; takes the same time whichever it is.

        `secrets` holds the connection's callback credentials by field name, so that a provider may keep several live
        secrets, or need more than a secret (an account or webhook id).
        """
        ...

    def identify(self, body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
        """The provider's event id and event type. Raises CallbackUnreadable."""
        ...

    def parse(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """The event, or None for a kind we do not follow. Raises CallbackUnreadable."""
        ...


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header whatever its case; when it was sent twice in different cases, the first."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def require_signature(given: str | None, expected: list[str]) -> None:
    """Compare with every expected signature in constant time. Raises SignatureInvalid."""
    if given is None:
        raise SignatureInvalid("The callback is not signed.")
    if not expected:
        raise SignatureInvalid("This connection has no callback secret, so no callback can be verified.")
    given_bytes = given.encode("utf-8", "surrogateescape")
    fits = [hmac.compare_digest(given_bytes, one.encode()) for one in expected]  # all of them: no early way out
    if not any(fits):
        raise SignatureInvalid("The callback's signature does not fit.")
