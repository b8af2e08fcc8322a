"""What a provider's `webhook` module offers: who says it, and what it says.

A callback is verified on its raw bytes, before anything parses them.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from cryptography.x509 import Certificate
from pydantic import SecretStr
from typing_extensions import TypeIs

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.errors import MalformedRequest, Unauthenticated

ADDRESS_HEADER: Final = "x-onerouter-callback-address"
"""The address, query and all, that the callback came to: for a provider that signs it, or carries our id in it. Set by who
receives callbacks, from its own configuration (the outside scheme and host) and never from `Host`; whatever the sender put
there is replaced."""


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


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a provider is answered once its callback is stored, or known already."""

    status: int
    body: bytes = b""
    media_type: str | None = None


RECEIVED: Final = Acknowledgement(200, b'{"received":true}', "application/json")


class ReadsCallbacks(Protocol):
    """What every provider's `webhook` module has. Header names are looked up case-insensitively."""

    def identify(self, body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
        """The provider's event id and event type. Raises CallbackUnreadable."""
        ...

    def parse(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """The event, or None for a kind we do not follow. Raises CallbackUnreadable."""
        ...


class ReadsSeveral(ReadsCallbacks, Protocol):
    """The module of a provider whose callback may tell of several things at once: a batch, or several recipients.

    Who takes callbacks in verifies and stores one as a whole, and then follows each of its events by its own id. `identify`
    names the whole; `parse` is for a callback that tells of one thing, and raises CallbackUnreadable for any other.
    """

    def parse_all(self, body: bytes, headers: Mapping[str, str]) -> tuple[ProviderEvent, ...]:
        """Every event that we follow, in the order given; empty when there is none. Raises CallbackUnreadable."""
        ...


class Acknowledges(ReadsCallbacks, Protocol):
    """The module of a provider that reads what it is answered, so that `RECEIVED` would be wrong."""

    ACKNOWLEDGEMENT: Acknowledgement


class Counts(ReadsCallbacks, Protocol):
    """The module of a provider whose batches may hold events of which some cannot be followed, the others can."""

    def count(self, body: bytes, headers: Mapping[str, str]) -> int:
        """How many events the callback tells of, followed or not: so it is seen that some were left out, and they can be read
        again when a mapping is there. Raises CallbackUnreadable."""
        ...


class SignedBySecret(ReadsCallbacks, Protocol):
    """The module of a provider that shares a secret with us: it verifies from memory."""

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
        """Raises SignatureInvalid unless one of the secrets fits; takes the same time whichever it is.

        `secrets` holds the connection's callback credentials by field name, so that a provider may keep several live
        secrets, or need more than a secret (an account or webhook id).
        """
        ...


class SignedByCertificate(ReadsCallbacks, Protocol):
    """The module of a provider that signs with a certificate and says where that is (manifest: `[certificates]`).

    It does no I/O either: who verifies asks it for the address, fetches the certificate (`certificates.py`: only from
    allowed hosts, bounded, cached, its chain verified), and hands it in.
    """

    def certificate_url(self, headers: Mapping[str, str], body: bytes) -> str:
        """The address as the callback names it, not yet allowed. Raises SignatureInvalid."""
        ...

    def verify(
        self,
        body: bytes,
        headers: Mapping[str, str],
        secrets: Mapping[str, SecretStr],
        certificate: Certificate,
        at: datetime,
    ) -> None:
        """Raises SignatureInvalid unless the certificate's key signed it for this connection. `at`: now."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a provider waits for before it calls back: that somebody at this address says yes."""

    subject: str
    """What would call back (a topic's ARN): the one that the connection names."""
    token: str


class AsksFirst(ReadsCallbacks, Protocol):
    """The module of a provider that asks before it calls back, in a callback of its own."""

    def handshake(self, body: bytes, headers: Mapping[str, str]) -> Handshake | None:
        """Of a callback that was verified. None: it is none of these. Raises CallbackUnreadable, also for one that is to be
        confirmed elsewhere than at the provider.

        Say yes by the category's client (`Confirms`), which has the credentials: no address in a callback is ever fetched.
        """
        ...


class Confirms(Protocol):
    """A provider's client that can say yes to a handshake."""

    async def confirm_subscription(self, topic_arn: str, token: str) -> None:
        """Of `Handshake.subject` and `.token`; a repeat is the same. Raises ProviderError."""
        ...


class VerifiedByAsking(ReadsCallbacks, Protocol):
    """The module of a provider that can also be asked whether it has sent a callback (an operator chooses that).

    Asking needs API credentials, which who receives callbacks does not have: the question is made here, and put by the
    category's service, whose client has `verify_callback` (`AnswersForCallbacks`).
    """

    def question(
        self, body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], at: datetime
    ) -> bytes:
        """What the provider is asked, with the callback in it byte by byte. Raises SignatureInvalid for what is not signed
        at all, or not lately. `at`: now."""
        ...


class AnswersForCallbacks(Protocol):
    """A provider's client that can be asked."""

    async def verify_callback(self, question: bytes) -> bool:
        """Whether the provider has sent it. Raises ProviderUnavailable and ProviderThrottled when it does not say."""
        ...


WebhookModule = SignedBySecret | SignedByCertificate


def is_signed_by_certificate(module: WebhookModule) -> TypeIs[SignedByCertificate]:
    return hasattr(module, "certificate_url")


def can_be_asked(module: ReadsCallbacks) -> TypeIs[VerifiedByAsking]:
    return hasattr(module, "question")


def reads_several(module: ReadsCallbacks) -> TypeIs[ReadsSeveral]:
    return hasattr(module, "parse_all")


def counts(module: ReadsCallbacks) -> TypeIs[Counts]:
    return hasattr(module, "count")


def acknowledgement_of(module: ReadsCallbacks) -> Acknowledgement:
    given = getattr(module, "ACKNOWLEDGEMENT", RECEIVED)
    if not isinstance(given, Acknowledgement):
        raise TypeError(f"ACKNOWLEDGEMENT of {module!r} is none")
    return given


def asks_first(module: ReadsCallbacks) -> TypeIs[AsksFirst]:
    return hasattr(module, "handshake")


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
