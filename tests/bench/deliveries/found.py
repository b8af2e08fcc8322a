"""What a run has found: figures, the bars they are held to, and what the processor did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.deliveries.load import Load, percentile


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: str
    bar: str = ""
    met: bool | None = None
    """None: it has no bar."""


@dataclass
class Found:
    """What a run has found so far; later parts compare with earlier ones."""

    seconds: float
    backlog: int
    figures: list[Figure] = field(default_factory=list)
    us: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """CPU microseconds a delivery, by load and process."""
    per_s: float | None = None
    """Sustained."""

    def add(self, what: str, value: str, bar: str = "", met: bool | None = None) -> None:
        self.figures.append(Figure(what, value, bar, met))


def compare(
    found: Found, what: str, clean: Sequence[float], load: Load, without: Sequence[str] = (), *, under: str
) -> None:
    """Latencies of `load` against those of the same load while nothing is wrong. `under`: which load that is."""
    ordered = load.latencies_ms(without)
    ratio = percentile(ordered, 0.99) / percentile(clean, 0.99)
    found.add(f"{under}, clean, p50 / p95 / p99 ms", three(clean))
    met = ratio <= 1.2 and not load.missing(without)
    value = f"{three(ordered)}: {ratio:.2f} times{lost(load, without)}"
    found.add(f"{what}, the others' p50 / p95 / p99 ms", value, "p99 ≤ 1.2 times", met)


def three(ordered: Sequence[float]) -> str:
    """p50 / p95 / p99 of what is sorted."""
    return " / ".join(f"{percentile(ordered, share):.0f}" for share in (0.5, 0.95, 0.99))


def lost(load: Load, without: Sequence[str] = ()) -> str:
    """What did not come, or came twice; else nothing."""
    missing = load.missing(without)
    return (f", {missing} missing ({load.lost})" if missing else "") + (f", {load.again} twice" if load.again else "")
