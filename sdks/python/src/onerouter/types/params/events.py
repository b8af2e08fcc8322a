"""Parameters: events.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = ["EventRedeliver"]


class EventRedeliver(TypedDict, total=False):
    """Where to send an event again."""

    endpoint_id: str | None
    """Only there. Absent: to each endpoint that is enabled and takes its type."""
