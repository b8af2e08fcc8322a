"""What a stack tells whoever started it."""

from typing import Protocol


class Reporter(Protocol):
    """Called on the event loop; must neither block nor raise."""

    def step(self, what: str, detail: str, seconds: float) -> None:
        """A part of the start is done."""

    def line(self, service: str, line: str) -> None:
        """A line a service wrote."""

    def ready(self, service: str, url: str, seconds: float) -> None:
        """A service answers, so long after it was started."""

    def ended(self, service: str, how: str, again_in_s: float) -> None:
        """A process ended by itself and is started again."""


class Silent:
    """Tells nobody; for tests."""

    def step(self, what: str, detail: str, seconds: float) -> None:
        """Ignored."""

    def line(self, service: str, line: str) -> None:
        """Ignored: the log files have it."""

    def ready(self, service: str, url: str, seconds: float) -> None:
        """Ignored."""

    def ended(self, service: str, how: str, again_in_s: float) -> None:
        """Ignored."""
