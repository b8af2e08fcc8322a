"""What it takes to deliver events: latency, rate, a backlog, black holes, a million rows, a held transaction; in one run.

    python -m tests.bench.deliveries [--broker kafka] [--parts latency,sustained] [--seconds 10] [--backlog 50000] [--write]

Once on Apache Kafka, where Java and Maven are there, and once on the embedded broker, unless one of them is chosen.

The webhooks service runs as in production but for its log (warnings), on durable engines; a hundred tenants have one endpoint
each, all in one receiver process. Events are published as the workers publish them. Receiver, publisher and engines share the
machine: to compare two versions take the CPU a delivery, which a busy machine changes little. `--profile FILE` samples the
service's stacks (as flame graphs want them) and PostgreSQL's statements, and makes both somewhat slower.
"""

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Final

import uvloop
from rich.console import Console
from tests.bench.deliveries.found import Found
from tests.bench.deliveries.parts import PARTS, warm_up
from tests.bench.deliveries.report import PAGE, page_with, show
from tests.bench.deliveries.rig import Options, running
from tests.bench.machine import kafka_is_there

BROKERS: Final[Mapping[str, str]] = {"kafka": "Apache Kafka", "embedded": "the embedded broker"}
_PART_S: Final = 600.0
"""Longer no part lasts that ever ends."""


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> int:
    chosen = options.parts.split(",")
    if unknown := set(chosen) - PARTS.keys():
        console.print(f"[red]There is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}[/red]")
        return 2
    missed = False
    for broker in _brokers(options.broker):
        found = Found(options.seconds, options.backlog)
        try:
            await _on(broker, options, chosen, found, console, directory / broker)
        finally:
            show(found, BROKERS[broker], console)
        missed |= any(figure.met is False for figure in found.figures)
        if options.write:
            PAGE.write_text(page_with(PAGE.read_text(), found, BROKERS[broker]))
    return 1 if missed and not options.report_only else 0


def _brokers(wanted: str) -> list[str]:
    if wanted != "all":
        return [wanted]
    return ["kafka", "embedded"] if kafka_is_there() else ["embedded"]


async def _on(
    broker: str, options: argparse.Namespace, chosen: list[str], found: Found, console: Console, directory: Path
) -> None:
    directory.mkdir(mode=0o711)
    profile = options.profile and options.profile.with_name(f"{options.profile.name}.{broker}")
    environment = dict(one.split("=", 1) for one in options.set)
    async with running(directory, Options(broker == "kafka", profile, environment)) as rig:
        await warm_up(rig)
        for name in (name for name in PARTS if name in chosen):
            console.print(f"{BROKERS[broker]}: {name} …")
            began = monotonic()
            try:
                async with asyncio.timeout(_PART_S):
                    await PARTS[name](rig, found)
            except TimeoutError:
                found.add(name, f"did not end within {_PART_S:.0f} s", "ends", False)
            console.print(f"{BROKERS[broker]}: {name} took {monotonic() - began:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated; default: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="of one load")
    parser.add_argument("--backlog", type=int, default=50_000, help="events that wait and are then let go")
    parser.add_argument("--broker", choices=["all", *BROKERS], default="all")
    parser.add_argument("--profile", type=Path, help="file for samples of the service's stacks; the broker is appended")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="environment of the service")
    parser.add_argument("--report-only", action="store_true", help="a bar that is missed is no failure")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    directory.chmod(0o711)  # PostgreSQL's account walks through it
    try:
        raise SystemExit(uvloop.run(bench(options, Console(width=150), directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
