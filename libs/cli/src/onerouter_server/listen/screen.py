"""What a person, or the next program in a pipe, sees of it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from onerouter_webhooks.delivery.transport import Answer

_WORDS: Final[Mapping[str, str]] = {"connect": "unreachable", "disconnected": "hung up", "dns": "no such host"}
"""What a delivery calls it → what it is called here."""
_STATUS_WIDTH: Final = 12
_TIME_WIDTH: Final = 8
_TYPE_WIDTH: Final = 28


@dataclass(frozen=True, slots=True)
class Event:
    """As much of one as is shown."""

    id: str
    type: str
    resource: str
    body: bytes


@dataclass
class Screen:
    """Events on standard output: as rows, or with `as_json` as they are, one a line; then the rows are notes, too."""

    as_json: bool = False
    out: Console = field(default_factory=lambda: Console(highlight=False))
    notes: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    events: int = 0
    failed: int = 0
    _is_connected: bool | None = None

    def begins(self, facts: Sequence[tuple[str, str]]) -> None:
        """What is known before anything comes: names and values."""
        lines = [Text.assemble("  ", (f"{name:<12}", "dim"), _plain(value)) for name, value in facts]
        self._note(Text.assemble(("\n  OneRouter ", "bold cyan"), ("listen", "dim"), "\n"))
        for line in (*lines, Text("")):
            self._note(line)

    def connected(self) -> None:
        self._note(Text.assemble(("  ✓ ", "green"), "connected again" if self._is_connected is False else "connected"))
        self._is_connected = True

    def disconnected(self, why: str, again_in_s: float) -> None:
        self._is_connected = False
        self._note(Text.assemble(("  ↻ ", "yellow"), f"{_plain(why)}; again in {again_in_s:.1f} s"))

    def event(self, event: Event, answer: Answer | None) -> None:
        """One that came, and what came of forwarding it; None: it was not forwarded."""
        self.events += 1
        self.failed += answer is not None and not answer.delivered
        if self.as_json:
            sys.stdout.write(event.body.decode("utf-8", "replace") + "\n")
            sys.stdout.flush()
        console = self.notes if self.as_json else self.out
        if console.is_terminal:
            console.print(_row(event, answer), no_wrap=True, overflow="ellipsis")
        else:
            console.file.write("\t".join(_cells(event, answer)) + "\n")
            console.file.flush()

    def ends(self, position: str) -> None:
        """It is over; from there on another run misses nothing."""
        failed = f", {self.failed} of them not taken" if self.failed else ""
        count = f"{self.events} event{'' if self.events == 1 else 's'}"
        self._note(Text(f"\n  {count}{failed}. Go on behind the last: --after {_plain(position)}"))

    def _note(self, line: Text) -> None:
        self.notes.print(line, soft_wrap=True)  # what is to be copied stays on one line


def word_of(answer: Answer) -> str:
    """`200`, or why there was no status."""
    if answer.status is not None:
        return str(answer.status)
    return _WORDS.get(answer.failure or "", answer.failure or "failed").replace("_", " ")


def _row(event: Event, answer: Answer | None) -> Text:
    row = Text.assemble((f"  {_now():%H:%M:%S}", "dim"), "  ")
    if answer is not None:
        row.append(f"{word_of(answer):<{_STATUS_WIDTH}}", "green" if answer.delivered else "bold red")
        row.append(f"{f'{answer.duration_ms} ms':>{_TIME_WIDTH}}  ", "dim")
    row.append(f"{_plain(event.type):<{_TYPE_WIDTH}}  ")
    return row.append(f"{_plain(event.id)}  {_plain(event.resource)}", "dim")


def _cells(event: Event, answer: Answer | None) -> list[str]:
    forwarded = [] if answer is None else [word_of(answer), str(answer.duration_ms)]
    what = [_plain(one) for one in (event.type, event.id, event.resource)]
    return [_now().isoformat(timespec="seconds"), *what, *forwarded]


def _now() -> datetime:
    return datetime.now().astimezone()


def _plain(text: str) -> str:
    """Without what a terminal would take for a command."""
    return "".join(one if one.isprintable() else "?" for one in text)
