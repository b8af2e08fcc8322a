"""A browser's way to an issuer and back, piece by piece: where it can go, goes, comes back from, and arrives."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from onerouter_registry.access.origin import Origin
from onerouter_registry.oidc.flows import FlowCookie
from onerouter_registry.session.model import OpenedSession


@dataclass(frozen=True, slots=True)
class IssuerChoice:
    """A button on the sign-in page."""

    id: str
    name: str
    start_path: str


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it must bring back."""

    url: str
    cookie: FlowCookie


@dataclass(frozen=True, slots=True)
class IssuerAnswer:
    """What the issuer sent the browser back with."""

    state: str | None
    code: SecretStr | None
    error: str | None
    iss: str | None


@dataclass(frozen=True, slots=True)
class Browser:
    """Who brings the answer."""

    cookies: Mapping[str, str]
    session_token: SecretStr | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Arrival:
    """`session` is None where an identity was linked: the session they came with goes on."""

    return_to: str
    session: OpenedSession | None
