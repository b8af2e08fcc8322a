"""Members of a tenant and invitations to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import SecretStr

from onerouter_registry.session.model import Role

RANK: Final[Mapping[Role, int]] = {"viewer": 0, "developer": 1, "admin": 2, "owner": 3}
INVITATION_LIFETIME: Final = timedelta(days=7)
MOST_OPEN_INVITATIONS: Final = 100
MOST_TENANTS: Final = 20
"""That one person may be an owner of."""

InvitationStatus = Literal["open", "accepted", "revoked", "expired"]


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    email: str
    name: str
    role: Role
    has_totp: bool
    is_disabled: bool
    created_at: datetime
    """When they joined."""


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    tenant_id: str
    email: str
    role: Role
    invited_by: str
    mailed: bool
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None

    def status_at(self, now: datetime) -> InvitationStatus:
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class Invited:
    """`link` only where no mail can carry it: whoever invites passes it on."""

    invitation: Invitation
    link: SecretStr | None
    is_repeat: bool = False
    """Of an earlier request: its link was shown or mailed then, and nobody can tell it again."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One of a person's tenants."""

    tenant_id: str
    tenant_name: str
    tenant_status: str
    role: Role
