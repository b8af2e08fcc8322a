"""Waiting, in the synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from onerouter._deadline import bounded, until_then

__all__ = ["Place", "blocking", "bounded", "finished", "place", "sleep", "to_its_end", "until_then", "within"]

T = TypeVar("T")


class Place:
    """What connections belong to: threads share them."""

    def is_closed(self) -> bool:
        return False


_EVERYWHERE = Place()


def place() -> Place | None:
    """The same everywhere."""
    return _EVERYWHERE


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def within(seconds: float, work: T) -> T:  # noqa: ARG001
    """Nothing can stop a thread from outside: the work, and its connections, have looked at the clock themselves."""
    return work


def to_its_end(seconds: float, work: T) -> T:  # noqa: ARG001
    """The same."""
    return work


def blocking(work: Callable[..., T], *args: Any) -> T:
    return work(*args)


def finished(value: object) -> None:
    """A hook has done its work when it returns."""
