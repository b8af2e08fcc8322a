"""A session, and what a request made with it may know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import SecretStr

Role = Literal["owner", "admin", "developer", "viewer"]
Method = Literal["password", "oidc"]

LIFETIME: Final = timedelta(days=14)
"""A session ends then whatever happens."""
IDLE: Final = timedelta(hours=24)
"""And when it was not used for so long."""


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    user_id: str
    email: str
    name: str
    is_operator: bool
    tenant_id: str | None
    """The tenant it works on now; None for a user without any."""
    tenant_status: str | None
    role: Role | None
    """The user's role there."""
    pending_totp: bool
    """The password was right, the second factor has not come yet: such a session may do nothing else."""
    method: Method
    ip: str
    user_agent: str
    created_at: datetime
    authenticated_at: datetime
    """When the user last proved who they are; sensitive changes ask for a recent proof."""
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """The one moment the token is known to us: it goes into the cookie."""

    token: SecretStr
    id: str
    expires_at: datetime
    pending_totp: bool = False
    """It may do nothing but bring the second factor."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """As its owner sees it among their others."""

    id: str
    method: Method
    ip: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
