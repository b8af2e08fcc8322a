"""A connection as it is stored: what is secret in it is sealed, here too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict

from pydantic import SecretStr

from onerouter_common.contracts.base import Category, Environment


@dataclass(frozen=True, slots=True)
class SealedCredentials:
    """A connection's credentials by who may open them. Every mapping is by the manifest's field name."""

    api: Mapping[str, str] = field(repr=False)
    """Sealed with the credential keyring's data key."""
    callback: Mapping[str, str] = field(repr=False)
    """Sealed with the callback keyring's data key."""
    public: Mapping[str, str]
    masked: Mapping[str, str]
    """What may be shown of the sealed ones: `••••x7Qp`."""


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    tenant_id: str
    environment: Environment
    category: Category
    provider: str
    label: str
    position: int | None
    """Place in the route, lowest first; gaps mean nothing. None once it is disconnected."""
    enabled: bool
    currency: str | None
    max_in_flight: int
    credentials: SealedCredentials
    version: int
    created_at: datetime
    updated_at: datetime
    rate_per_s: float | None = None
    """Most messages a second; None: what the provider's manifest says."""
    verified_at: datetime | None = None
    """When the provider last accepted these credentials."""
    verified_error: str | None = None
    """Why it did not, the last time it was asked."""
    disconnected_at: datetime | None = None
    """From then on it takes nothing new; what it took can be refunded and looked up until it is forgotten."""
    forget_after: datetime | None = None
    """When the credentials of a disconnected one will be destroyed."""
    forgotten_at: datetime | None = None
    """When they were: nothing reaches the provider with it any more."""
    next_check_at: datetime | None = None
    told_refused: bool = False
    """Whether the tenant was last told that the provider refuses these credentials."""
    event_sequence: int = 0
    """How many events of it there have been."""
    priority: int | None = None
    """1 is tried first: its rank by position among the connected ones of its category. Not stored."""

    @property
    def verification(self) -> Literal["unverified", "accepted", "refused"]:
        if self.verified_error is not None:
            return "refused"
        return "unverified" if self.verified_at is None else "accepted"

    @property
    def status(self) -> Literal["enabled", "disabled", "disconnected"]:
        if self.disconnected_at is not None:
            return "disconnected"
        return "enabled" if self.enabled else "disabled"


class ConnectionChanges(TypedDict, total=False):
    """What of a connection may be changed besides its credentials; absent: it stays."""

    enabled: bool
    label: str
    priority: int
    """1: tried first; past the end: last."""
    currency: str | None
    max_in_flight: int
    rate_per_s: float | None


@dataclass(frozen=True, slots=True)
class Connected:
    connection: Connection
    callback_token: SecretStr | None
    """The last part of the address to give to the provider; None when it never calls back, and for a repeat."""
