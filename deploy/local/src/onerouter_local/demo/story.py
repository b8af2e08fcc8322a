"""How the demo tells what happens: a sentence, what was seen, how long it took; or what went wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_SENTENCE_WIDTH = 76


class Wrong(Exception):
    """A step did not end as promised; the message says what was expected and what was seen."""


class Step:
    """What one step found out."""

    def __init__(self) -> None:
        self.facts: list[str] = []

    def saw(self, fact: str) -> None:
        """Something worth showing below the step."""
        self.facts.append(fact)

    def check(self, holds: bool, expectation: str, seen: object = None) -> None:
        """Raise Wrong unless the expectation holds; a kept one is not printed."""
        if not holds:
            raise Wrong(f"expected {expectation}" + ("" if seen is None else f", but saw: {seen}"))


class Story:
    """Numbers the steps and prints each when it is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    @contextmanager
    def step(self, sentence: str) -> Iterator[Step]:
        """One step; an exception inside it is shown as its failure and goes on."""
        self._number += 1
        step, began = Step(), time.monotonic()
        try:
            yield step
        except BaseException:
            self._print("✖", "bold red", sentence, step, began)
            raise
        self._print("✓", "bold green", sentence, step, began)

    def _print(self, sign: str, style: str, sentence: str, step: Step, began: float) -> None:
        took = f"{(time.monotonic() - began) * 1000:,.0f} ms"
        head = Text.assemble(
            ("  " + sign + " ", style), (f"{self._number:>2}  ", "dim"), (f"{sentence:<{_SENTENCE_WIDTH}}", "bold")
        )
        self._console.print(head.append(f"{took:>9}", "cyan"))
        for fact in step.facts:
            self._console.print(Text(f"         {fact}", "dim"))
