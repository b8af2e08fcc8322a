"""A run's figures as tables: on the terminal, and in docs/performance.md in place of the last run's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from tests.bench.deliveries.found import Figure, Found

PAGE: Final = Path(__file__).parents[3] / "docs" / "performance.md"
_FIGURES: Final = ("what", "found", "bar", "met")


def show(found: Found, broker: str, console: Console) -> None:
    table = Table(*_FIGURES, title=f"Events to tenants, on {broker}", title_justify="left")
    for figure in found.figures:
        style = "red" if figure.met is False else None
        table.add_row(*_cells(figure), style=style)
    console.print(table)
    processes = _processes(found)
    if not processes:
        return
    cpu = Table("CPU a delivery, µs", *processes, "together")
    for load, us in found.us.items():
        cpu.add_row(*_cpu(load, us, processes))
    console.print(cpu)


def page_with(page: str, found: Found, broker: str) -> str:
    """The document with this run's figures between the broker's markers."""
    begin, end = f"<!-- deliveries on {broker} -->", f"<!-- /deliveries on {broker} -->"
    processes = _processes(found)
    lines = [
        *_markdown(_FIGURES, [_cells(figure) for figure in found.figures]),
        "",
        *_markdown(
            ("CPU a delivery, µs", *processes, "together"),
            [_cpu(load, us, processes) for load, us in found.us.items()],
        ),
        "",
        f"Broker: {broker}; one process of the service, {found.seconds:g} s a load.",
    ]
    text = "\n".join([begin, *lines, end])
    if begin not in page:
        return f"{page.rstrip()}\n\n## Events to tenants, on {broker}\n\n{text}\n"
    before, rest = page.split(begin, 1)
    return before + text + rest.split(end, 1)[1]


def _cells(figure: Figure) -> tuple[str, ...]:
    met = {True: "yes", False: "no", None: ""}[figure.met]
    return figure.what, figure.value, figure.bar, met


def _cpu(load: str, us: Mapping[str, float], processes: list[str]) -> tuple[str, ...]:
    return load, *(f"{us.get(name, 0):,.0f}" for name in processes), f"{sum(us.values()):,.0f}"


def _processes(found: Found) -> list[str]:
    return list(dict.fromkeys(name for us in found.us.values() for name in us))


def _markdown(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (headings, ("---",) * len(headings), *rows)]
