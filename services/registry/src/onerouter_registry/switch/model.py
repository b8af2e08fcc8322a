"""What is switched off, and what an operator sees of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WHOLE_CATEGORY: Final = "*"
"""In place of a provider: all of its category."""


@dataclass(frozen=True, slots=True)
class Switch:
    """While there is one, nothing new is begun with the provider; what has been begun is followed to its end."""

    category: str
    provider: str
    reason: str
    disabled_by: str
    """An operator's email address, or the command line's name."""
    disabled_at: datetime


@dataclass(frozen=True, slots=True)
class Switchable:
    """A provider (or `WHOLE_CATEGORY`) and its own switch; None: it is on, unless its category is off."""

    category: str
    provider: str
    display_name: str
    switch: Switch | None


def is_off(category: str, provider: str, off: Collection[tuple[str, str]]) -> bool:
    """Whether the provider may not be used, by its own switch or its category's."""
    return (category, provider) in off or (category, WHOLE_CATEGORY) in off
