"""Results: services.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

__all__ = ["ServiceCapability", "ServiceConnection", "UsableService"]


class ServiceCapability(Object):
    """Service capability."""

    guarantee: Literal["exactly_once", "at_most_once"] | str
    """What is promised of its effect, also where an answer is lost."""
    name: str


class ServiceConnection(Object):
    """Service connection."""

    bucket: str | None
    """Of storage: where its objects are, `/v1/storage/{bucket}`."""
    currency: str | None
    id: str
    label: str


class UsableService(Object):
    """A provider that can be used now."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    capabilities: list[ServiceCapability]
    category: Literal["payments", "sms", "email", "storage"] | str
    connections: list[ServiceConnection]
    """Your enabled accounts there, the first is tried first."""
    currencies: list[str] | None
    """Null: the provider decides."""
    display_name: str
    environment: Literal["test", "live"] | str
    limits: dict[str, int]
    """Of the provider's API."""
    object: Literal["service"]
    provider: str
    scopes: list[str]
    """What this key may do here."""
    unsupported: dict[str, str]
    """Capability of the category that it lacks → what to do instead."""


UsableService._nested = {"capabilities": ServiceCapability, "connections": ServiceConnection}
