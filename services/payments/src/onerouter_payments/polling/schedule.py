"""When to ask again. Pure."""

from typing import Final

WAITS_S: Final[tuple[float, ...]] = (300, 1_800, 7_200, 21_600, 43_200, 86_400, 98_640)
"""Seconds between two polls of one resource; with the first minute that is three days. Then it is left alone."""

SOON_S: Final[tuple[float, ...]] = (2, 10, 60)
"""The same before them of what a callback left open, and a read is to settle now: it may fail."""

ABANDONED: Final = frozenset({"created", "requires_action"})
"""States in which silence is ordinary: the payer went away, and no money is involved."""
