"""What a caller may give to a key: never more than is theirs.

Without these rules whoever may write keys could make one that may do anything.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import NotPermitted
from onerouter_common.registry_client import Principal
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.permissions import permissions_of_key, permissions_of_role
from onerouter_registry.api_key.model import SETTINGS, KeySettings
from onerouter_registry.api_key.networks import is_within
from onerouter_registry.api_key.scopes import EVERYTHING, beyond, reach_of

MANAGEMENT: Final = permissions_of_key(frozenset({EVERYTHING}))
"""Scopes that open the management API to a key."""


class Authority(Protocol):
    def cannot_give(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Which of these scopes, or of what they include, are not the caller's to give."""
        ...

    def require_making(self, key: KeySettings) -> None:
        """Called before the caller is handed a key with these settings. Raises NotPermitted."""
        ...

    def require_change(self, before: KeySettings, after: KeySettings, changed: frozenset[str]) -> None:
        """Raises NotPermitted."""
        ...


class Unbounded:
    """The operator's command line, and the registry itself."""

    def cannot_give(self, scopes: Iterable[str]) -> tuple[str, ...]:
        del scopes
        return ()

    def require_making(self, key: KeySettings) -> None:
        del key

    def require_change(self, before: KeySettings, after: KeySettings, changed: frozenset[str]) -> None:
        del before, after, changed


UNBOUNDED: Final = Unbounded()


class OfPerson:
    """A person gives what their role permits on the management API, and every scope of the services themselves."""

    def __init__(self, permissions: frozenset[str]) -> None:
        self._permissions = permissions

    def cannot_give(self, scopes: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted((reach_of(scopes) & MANAGEMENT) - self._permissions))

    def require_making(self, key: KeySettings) -> None:
        _require_none(self.cannot_give(key.scopes), "Your role does not permit")

    def require_change(self, before: KeySettings, after: KeySettings, changed: frozenset[str]) -> None:
        del before
        if "scopes" in changed:
            self.require_making(after)


class OfKey:
    """A key makes keys that are bound at least as it is itself, and changes none that may do more."""

    def __init__(self, key: Principal) -> None:
        self._key = key

    def cannot_give(self, scopes: Iterable[str]) -> tuple[str, ...]:
        return beyond(scopes, self._key.scopes)

    def require_making(self, key: KeySettings) -> None:
        if self._key.quotas:
            # Each key counts for itself, so that two keys would have the quota twice.
            raise NotPermitted("An API key with a monthly quota cannot make others: sign in, or use one without.")
        self._require_bounds(key, SETTINGS)

    def require_change(self, before: KeySettings, after: KeySettings, changed: frozenset[str]) -> None:
        self._require_scopes(before)
        self._require_bounds(after, changed)

    def _require_scopes(self, key: KeySettings) -> None:
        _require_none(self.cannot_give(key.scopes), "Your API key does not have the scope")

    def _require_bounds(self, key: KeySettings, names: frozenset[str]) -> None:
        own = self._key
        too_much = {
            "rate_limit_per_s": key.rate_limit_per_s > own.rate_limit_per_s,
            "rate_burst": key.rate_burst > own.rate_burst,
            "expires_at": own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at),
            "ip_allow_list": not is_within(key.ip_allow_list, own.ip_allow_list),
            "quotas": any(key.quotas.get(category, most + 1) > most for category, most in own.quotas.items()),
        }
        if "scopes" in names:
            self._require_scopes(key)
        beyond_own = sorted(name for name, is_more in too_much.items() if is_more and name in names)
        if beyond_own:
            raise NotPermitted(f"An API key cannot give more than it has itself: {', '.join(beyond_own)}.")


def authority_of(caller: Caller, environment: Environment) -> Authority:
    """What the caller may give to keys of this environment. Raises NotPermitted when that is nothing."""
    if caller.key is not None:
        if environment == "live" and caller.key.environment == "test":
            raise NotPermitted("A test key cannot make a live one; use a live key, or sign in.")
        return OfKey(caller.key)
    permissions = caller.permissions
    if environment != caller.environment and caller.role is not None:
        permissions = permissions_of_role(caller.role, environment)
    if "api_keys:write" not in permissions:
        raise NotPermitted(f"Your role does not permit api_keys:write in the {environment} environment.")
    return OfPerson(permissions)


def _require_none(missing: tuple[str, ...], why: str) -> None:
    if missing:
        raise NotPermitted(f"You cannot give what you may not do yourself. {why}: {', '.join(missing)}.")
