"""A run's figures as tables: on the terminal, and in docs/performance.md in place of the last run's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from tests.bench.callbacks.load import Measured

BAR_MS: Final = 50.0
PAGE: Final = Path(__file__).parents[3] / "docs" / "performance.md"
_BEGIN: Final = "<!-- callbacks -->"
_END: Final = "<!-- /callbacks -->"


def is_met(one: Measured) -> bool:
    return one.at(0.99) <= BAR_MS and not one.failed


def table(found: Sequence[Measured], held: Sequence[Measured]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows. `held`: those that the bar is for."""
    processes = list(dict.fromkeys(name for one in found for name in one.us))
    headings = (
        *("callback", "a second", "p50 ms", "p95", "p99", "not 2xx", f"p99 ≤ {BAR_MS:.0f}"),
        *(f"CPU µs {name}" for name in processes),
    )
    rows = [
        (
            one.what,
            f"{one.rate:g}",
            *(f"{one.at(share):.1f}" for share in (0.5, 0.95, 0.99)),
            str(one.failed),
            ("yes" if is_met(one) else "no") if one in held else "",
            *(f"{one.us[name]:,.0f}" for name in processes),
        )
        for one in found
    ]
    return headings, rows


def show(found: Sequence[Measured], held: Sequence[Measured], broker: str, console: Console) -> None:
    headings, rows = table(found, held)
    shown = Table(*headings, title=f"Callbacks in, on {broker}", title_justify="left")
    for cells in rows:
        shown.add_row(*cells, style="red" if cells[6] == "no" else None)
    console.print(shown)


def page_with(page: str, found: Sequence[Measured], held: Sequence[Measured], broker: str, seconds: float) -> str:
    """The document with this run's figures between the markers."""
    headings, rows = table(found, held)
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, ("---",) * len(headings), *rows)]
    text = "\n".join([_BEGIN, *lines, "", f"Broker: {broker}; one process of the service, {seconds:g} s a load.", _END])
    if _BEGIN not in page:
        return f"{page.rstrip()}\n\n## Callbacks from providers\n\n{text}\n"
    before, rest = page.split(_BEGIN, 1)
    return before + text + rest.split(_END, 1)[1]
