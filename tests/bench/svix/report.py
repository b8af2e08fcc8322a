"""Both beside each other as tables: on the terminal, and in docs/performance.md in place of the last run's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Final

from rich.console import Console
from rich.table import Table

OURS: Final = "OneRouter"
BAR: Final = 1.2
BEGIN: Final = "<!-- svix -->"
END: Final = "<!-- /svix -->"
HEADING: Final = "## Beside Svix"
_BEFORE: Final = "## What the webhooks service is held to"


@dataclass(frozen=True, slots=True)
class Measured:
    """One load."""

    per_s: float
    us: Mapping[str, float]
    """CPU microseconds a delivery, by process."""
    wal: float
    """Bytes of the write-ahead log a delivery."""
    missing: int = 0
    """Accepted and not delivered."""
    again: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    accepted_per_s: float
    """While nothing is delivered."""
    sustained: Measured
    drained: Measured


@dataclass(slots=True)
class Comparison:
    about: str
    """What was measured against what, in a sentence."""
    backlog: int
    systems: dict[str, list[Round]] = field(default_factory=dict)
    """Ours and, by how it was set, theirs; rounds of each."""

    def ratios(self) -> dict[str, float]:
        """Ours in theirs, by load, whichever settings of each were fastest in it."""
        return {
            what: max(_mean(rounds, of) for rounds in self._ours())
            / max(_mean(rounds, of) for rounds in self._theirs())
            for what, of in self._rates().items()
        }

    def met(self) -> bool:
        return min(self.ratios().values()) >= BAR and not self.missing()

    def missing(self) -> int:
        """Of ours: accepted and not delivered."""
        return sum(one.sustained.missing + one.drained.missing for rounds in self._ours() for one in rounds)

    def _ours(self) -> list[list[Round]]:
        return [rounds for name, rounds in self.systems.items() if name.startswith(OURS)]

    def _theirs(self) -> list[list[Round]]:
        return [rounds for name, rounds in self.systems.items() if not name.startswith(OURS)]

    def _rates(self) -> Mapping[str, "Figure"]:
        return {
            "sustained": lambda one: one.sustained.per_s,
            f"a backlog of {self.backlog:,} that drains": lambda one: one.drained.per_s,
        }

    def figures(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows."""
        wanted: dict[str, Figure] = {
            **{f"deliveries a second, {what}": of for what, of in self._rates().items()},
            "accepted a second, while nothing is delivered": lambda one: one.accepted_per_s,
            "WAL bytes a delivery, sustained": lambda one: one.sustained.wal,
            "of them when the backlog drains": lambda one: one.drained.wal,
            "accepted and not delivered": lambda one: one.sustained.missing + one.drained.missing,
            "delivered twice": lambda one: one.sustained.again + one.drained.again,
        }
        rows = [(what, *(_said(rounds, of) for rounds in self.systems.values())) for what, of in wanted.items()]
        return ("what", *self.systems), rows

    def held(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows of the bar."""
        rows: list[tuple[str, ...]] = [
            (what, f"{ratio:.2f} times", f"≥ {BAR:g} times", "yes" if ratio >= BAR else "no")
            for what, ratio in self.ratios().items()
        ]
        return ("the faster OneRouter beside the faster Svix", "found", "bar", "met"), rows

    def cpu(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows of what a delivery costs each process; means."""
        loads = [
            (f"{name}, {what}", [of(one).us for one in rounds])
            for what, of in (("sustained", _sustained), ("draining", _drained))
            for name, rounds in self.systems.items()
        ]
        processes = list(dict.fromkeys(process for _, all_us in loads for us in all_us for process in us))
        rows: list[tuple[str, ...]] = []
        for what, all_us in loads:
            means = [mean(us.get(process, 0.0) for us in all_us) for process in processes]
            rows.append((what, *(f"{one:,.0f}" for one in means), f"{sum(means):,.0f}"))
        return ("CPU a delivery, µs", *processes, "together"), rows


Figure = Callable[[Round], float]


def show(found: Comparison, console: Console) -> None:
    for headings, rows in (found.figures(), found.held(), found.cpu()):
        table = Table(*headings, title_justify="left")
        for cells in rows:
            table.add_row(*cells, style="red" if cells[-1] == "no" else None)
        console.print(table)
    console.print(found.about)


def page_with(page: str, found: Comparison) -> str:
    """The document with this run's figures between the markers."""
    lines = [
        line for headings, rows in (found.figures(), found.held(), found.cpu()) for line in _markdown(headings, rows)
    ]
    text = "\n".join([BEGIN, *lines, found.about, END])
    if BEGIN in page:
        before, rest = page.split(BEGIN, 1)
        return before + text + rest.split(END, 1)[1]
    before, beginning, rest = page.partition(_BEFORE)
    return f"{before.rstrip()}\n\n{HEADING}\n\n{text}\n" + (f"\n{beginning}{rest}" if beginning else "")


def _sustained(one: Round) -> Measured:
    return one.sustained


def _drained(one: Round) -> Measured:
    return one.drained


def _mean(rounds: Sequence[Round], of: Figure) -> float:
    return mean(of(one) for one in rounds)


def _said(rounds: Sequence[Round], of: Figure) -> str:
    """The mean; of several rounds with the least and the most."""
    values = [of(one) for one in rounds]
    low, high = f"{min(values):,.0f}", f"{max(values):,.0f}"
    return f"{mean(values):,.0f}" + (f" ({low} – {high})" if low != high else "")


def _markdown(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A table and an empty line."""
    return [*("| " + " | ".join(cells) + " |" for cells in (headings, ("---",) * len(headings), *rows)), ""]
