"""What can be asked of the audit log, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from onerouter_common.contracts.base import Environment
from onerouter_registry.audit.chain import Entry


@dataclass(frozen=True, slots=True)
class Filter:
    """What an entry must be like; None: anything."""

    actor: str | None = None
    """An actor's id or name (a person's email address)."""
    action: str | None = None
    """How it begins: `api_key.` finds `api_key.created`."""
    target: str | None = None
    """The id of what was changed."""
    environment: Environment | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not itself."""


@dataclass(frozen=True, slots=True)
class EntryPage:
    entries: list[Entry]
    has_more: bool
