"""API keys: what is stored of one, and the rules of making and changing one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, TypedDict

from pydantic import SecretStr

from onerouter_common.clock import isoformat
from onerouter_common.contracts.base import Environment
from onerouter_common.registry_client import KeyStatus
from onerouter_registry.api_key.limits import MOST_PER_S, expiry_of, quotas_of
from onerouter_registry.api_key.networks import networks_of
from onerouter_registry.api_key.scopes import scopes_of
from onerouter_registry.validation import count_of, name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """What its owner chooses of a key, and may change later."""

    name: str
    scopes: tuple[str, ...]
    rate_limit_per_s: int
    rate_burst: int
    expires_at: datetime | None = None
    ip_allow_list: tuple[str, ...] = ()
    """Networks in CIDR notation; empty: from anywhere."""
    quotas: Mapping[str, int] = field(default_factory=dict)
    """Category → most operations in a calendar month (UTC); absent: unlimited."""


SETTINGS: Final = frozenset(one.name for one in fields(KeySettings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(KeySettings):
    """All but the key: that exists only in its owner's hands."""

    id: str
    tenant_id: str
    environment: Environment
    family: str
    """The id of the first of the keys that were rotated into one another: they share their limits and what is counted."""
    hash: str = field(repr=False)
    display_prefix: str
    created_at: datetime
    created_by: str | None = None
    """`kind:id` of the actor; None: made before that was kept."""
    replaced_by: str | None = None
    """The key it was rotated into."""
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def status_at(self, now: datetime) -> KeyStatus:
        return status_of(self.revoked_at, self.expires_at, now)


class KeyChanges(TypedDict, total=False):
    """Settings by name; those that are absent stay as they are."""

    name: str
    scopes: Sequence[str]
    rate_limit_per_s: int
    rate_burst: int
    expires_at: datetime | None
    ip_allow_list: Sequence[str]
    quotas: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """The one moment the key itself is known to us."""

    key: SecretStr
    api_key: ApiKey


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """What an earlier request made: its key was shown then, and nobody can show it again."""

    api_key: ApiKey


@dataclass(frozen=True, slots=True)
class RotatedKey:
    created: CreatedKey
    previous: ApiKey
    """The one that ends when the overlap does."""


@dataclass(frozen=True, slots=True)
class RepeatedRotation:
    created: RepeatedKey
    previous: ApiKey


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Newest first."""

    keys: tuple[ApiKey, ...]
    next_cursor: str | None


def status_of(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyStatus:
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "active"


def checked(changes: KeyChanges, now: datetime) -> dict[str, Any]:
    """The same settings, each valid and written in the one way it is stored. Raises InvalidRequest that names the field."""
    valid: dict[str, Any] = {}
    if "name" in changes:
        valid["name"] = name_of("name", changes["name"])
    if "scopes" in changes:
        valid["scopes"] = scopes_of(changes["scopes"])
    if "rate_limit_per_s" in changes:
        valid["rate_limit_per_s"] = count_of("rate_limit_per_s", changes["rate_limit_per_s"], MOST_PER_S)
    if "rate_burst" in changes:
        valid["rate_burst"] = count_of("rate_burst", changes["rate_burst"], MOST_PER_S)
    if "expires_at" in changes:
        valid["expires_at"] = expiry_of(changes["expires_at"], now)
    if "ip_allow_list" in changes:
        valid["ip_allow_list"] = networks_of(changes["ip_allow_list"])
    if "quotas" in changes:
        valid["quotas"] = quotas_of(changes["quotas"])
    return valid


def settings_of(key: KeySettings) -> KeySettings:
    """Only what may be chosen, of a key."""
    return KeySettings(**{name: getattr(key, name) for name in SETTINGS})


def described(key: KeySettings, names: frozenset[str] = SETTINGS) -> dict[str, Any]:
    """These settings as JSON, for the audit log."""
    values = {name: getattr(key, name) for name in sorted(names)}
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return isoformat(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
