"""API keys: what is stored of one, and the rules of making one."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest
from onerouter_common.registry_client import KeyStatus

EVERYTHING: Final = "*"
_SCOPE: Final = re.compile(r"[a-z][a-z_]{0,39}:(read|write)\Z")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """All but the key: that exists only in its owner's hands."""

    id: str
    tenant_id: str
    environment: Environment
    name: str
    hash: str
    display_prefix: str
    scopes: tuple[str, ...]
    rate_limit_per_s: int
    rate_burst: int
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def status_at(self, now: datetime) -> KeyStatus:
        return status_of(self.revoked_at, self.expires_at, now)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """The one moment the key itself is known to us."""

    key: SecretStr
    api_key: ApiKey


def status_of(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyStatus:
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "active"


def scopes_of(values: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted, without repeats. Raises InvalidRequest."""
    if not values:
        raise InvalidRequest.of("scopes", "must name at least one scope, or * for all")
    for value in values:
        if value != EVERYTHING and _SCOPE.match(value) is None:
            raise InvalidRequest.of("scopes", f"'{value}' must look like payments:read, payments:write or be *")
    return tuple(sorted(set(values)))


def expiry_of(value: datetime | None, now: datetime) -> datetime | None:
    """Raises InvalidRequest."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise InvalidRequest.of("expires_at", "must name its time zone")
    if value <= now:
        raise InvalidRequest.of("expires_at", "must be in the future")
    return value
