"""What may be done on the management API: permissions by role for people, by scope for API keys.

A permission is `area:read` or `area:write`. A developer changes what is in test and reads what is in live.
"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.contracts.base import Environment
from onerouter_registry.session.model import Role

_READ: Final = frozenset({"tenant:read", "services:read", "routing:read", "api_keys:read", "members:read"})
_BUILD: Final = frozenset({"services:write", "routing:write", "api_keys:write"})
_RUN: Final = frozenset({"audit:read", "members:write", "tenant:write"})
_OWN: Final = frozenset({"owners:write", "tenant:delete"})

_OF_KEYS: Final = _READ | _BUILD | {"audit:read"}
"""What a key can be given. People, and the tenant itself, are managed by people."""

_EVERYWHERE: Final[Mapping[Role, frozenset[str]]] = {
    "viewer": _READ,
    "developer": _READ,
    "admin": _READ | _BUILD | _RUN,
    "owner": _READ | _BUILD | _RUN | _OWN,
}


def permissions_of_role(role: Role, environment: Environment) -> frozenset[str]:
    permissions = _EVERYWHERE[role]
    return permissions | _BUILD if role == "developer" and environment == "test" else permissions


def permissions_of_key(scopes: frozenset[str]) -> frozenset[str]:
    """A key's `*` is all that a key can be given."""
    return _OF_KEYS if "*" in scopes else _OF_KEYS & scopes
