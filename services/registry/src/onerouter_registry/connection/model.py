"""A connection as it is stored: what is secret in it is sealed, here too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
    position: int
    """Place in the route, lowest first; gaps mean nothing."""
    enabled: bool
    currency: str | None
    max_in_flight: int
    credentials: SealedCredentials
    callback_token_hash: str
    callback_token: str = field(repr=False)
    """Sealed with the credential keyring's data key: the address is shown again, the service that is called needs only
    the hash."""
    version: int
    created_at: datetime
    updated_at: datetime
    verified_at: datetime | None = None
    """When the provider last accepted these credentials."""
    verified_error: str | None = None
    """Why it did not, the last time it was asked."""


@dataclass(frozen=True, slots=True)
class Connected:
    connection: Connection
    callback_token: SecretStr | None
    """The last part of the address to give to the provider; None when it never calls back."""


@dataclass(frozen=True, slots=True)
class DataKeyRow:
    id: str
    wrapped: str
