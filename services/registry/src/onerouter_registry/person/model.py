"""A person, as the registry knows them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

SignUpPolicy = Literal["open", "invited", "closed"]
"""Who may become a person here: anyone, those who were invited to a tenant, or nobody."""


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """An issuer on whose word a person is let in."""

    id: str
    issuer: str
    created_at: datetime
    """When it was linked."""


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    email: str
    """Lower case; what `recipients.email_of` makes of what was typed."""
    name: str
    is_operator: bool
    disabled_at: datetime | None
    email_verified_at: datetime | None
    """When they proved that mail to this address reaches them; None: they only said so."""
    totp_enabled_at: datetime | None
    created_at: datetime
    password_hash: str | None = field(repr=False)
    """None: signs in at an issuer, or has not chosen one yet."""

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None

    @property
    def has_totp(self) -> bool:
        return self.totp_enabled_at is not None
