"""Svix's open-source server and our webhooks service, one after the other on the same machine: deliveries a second.

    SVIX_SERVER=/path/to/svix-server python -m tests.bench.svix [--rounds 2] [--seconds 15] [--backlog 20000] [--write]

Both get the same PostgreSQL (fsync, synchronous_commit), the same receiver and the same payload for a hundred tenants with
one endpoint each. Svix takes messages by its API, over kept connections of a client that costs little, and queues in Valkey;
ours takes events from the topics. Each is asked for all it can do twice: with a thousand under way all the time, and with a
backlog, which in Svix its API alone has taken before its worker alone is started, so that deliveries alone are compared.
"""

import argparse
import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from tests.bench.deliveries import rig as ours
from tests.bench.deliveries.load import Events, Load, as_fast_as_they_go
from tests.bench.deliveries.parts import hold, release, warm_up
from tests.bench.deliveries.report import PAGE
from tests.bench.machine import kafka_is_there
from tests.bench.svix import rig as theirs
from tests.bench.svix.engines import HOW_TO_GET, find_server
from tests.bench.svix.load import CONNECTIONS, drained, drains, sustained
from tests.bench.svix.report import OURS, Comparison, Measured, Round, page_with, show

SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "Svix": {},
    # A hundred connections, its default, are many for two cores.
    "Svix, 20 connections": {"SVIX_DB_POOL_MAX_SIZE": "20"},
    "Svix, 10 connections": {"SVIX_DB_POOL_MAX_SIZE": "10"},
}
"""How theirs is set beside what is documented; the bar is held to the fastest, of ours and of theirs."""
PROCESSES: Final = {OURS: 1, f"{OURS}, two processes": 2}
"""Ours: one process has one core, as many as there are cores have them all, as theirs has by threads."""
_WARM_UP_S: Final = 3.0
_RUN_S: Final = 1_200.0

System = Callable[[Path], Awaitable[Round]]


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> int:
    binary = find_server()
    if binary is None:
        console.print(HOW_TO_GET, markup=False, soft_wrap=True)
        return 2
    broker = "Apache Kafka" if options.kafka else "the embedded broker"
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=30)
    found = Comparison(
        f"{version.stdout.strip()}; ours on {broker}. {options.seconds:g} s of each load, "
        + (f"{options.rounds} rounds in turns: the mean (least – most)." if options.rounds > 1 else "one round."),
        options.backlog,
    )
    systems: dict[str, System] = {name: partial(_ours, options, count) for name, count in PROCESSES.items()}
    for name, settings in SETTINGS.items():
        own = {**settings, **dict(one.split("=", 1) for one in options.set)}
        systems[name] = partial(_theirs, options, binary, own)
    for number in range(options.rounds):
        # In turns from either end: what comes later finds a machine that has warmed up, or worn out its disk's cache.
        for name in list(systems)[:: -1 if number % 2 else 1]:
            console.print(f"round {number + 1}: {name} …")
            async with asyncio.timeout(_RUN_S):
                one = await systems[name](directory / f"{number}-{list(systems).index(name)}")
            found.systems.setdefault(name, []).append(one)
            console.print(f"  {one.sustained.per_s:,.0f} a second sustained, {one.drained.per_s:,.0f} drained")
    found.systems = {name: found.systems[name] for name in systems}
    show(found, console)
    if options.write:
        PAGE.write_text(page_with(PAGE.read_text(), found))
    return 0 if found.met() or options.report_only else 1


async def _ours(options: argparse.Namespace, processes: int, directory: Path) -> Round:
    directory.mkdir(mode=0o711)
    async with ours.running(directory, ours.Options(options.kafka, processes=processes)) as rig:
        await warm_up(rig)
        load = await as_fast_as_they_go(rig, Events(rig.endpoints), options.seconds)
        held_s = await hold(rig, options.backlog)
        backlog = await drains(rig, options.backlog, lambda: release(rig))
        return Round(options.backlog / held_s, _steady(load, options.seconds), _measured(backlog))


async def _theirs(options: argparse.Namespace, binary: Path, settings: Mapping[str, str], directory: Path) -> Round:
    async with theirs.running(directory, binary, settings) as rig:
        await sustained(rig, _WARM_UP_S, options.clients)
        load = await sustained(rig, options.seconds, options.clients)
        accepted_per_s, backlog = await drained(rig, options.backlog, options.clients)
        return Round(accepted_per_s, _steady(load, options.seconds), _measured(backlog))


def _steady(load: Load, seconds: float) -> Measured:
    """Raises RuntimeError where the thousand were under way for too short a time to tell a rate."""
    if load.elapsed_s < seconds / 2:
        raise RuntimeError(f"a thousand were under way for {load.elapsed_s:.1f} of {seconds:g} s: take more seconds")
    return _measured(load)


def _measured(load: Load) -> Measured:
    us: dict[str, float] = {}
    for name, used in load.us.items():
        kind = "server" if name.startswith(ours.SERVICE) else "queue" if name == "broker" else name
        us[kind] = us.get(kind, 0.0) + used
    return Measured(load.per_s, us, load.wal, load.missing(), load.again)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="of each system")
    parser.add_argument("--seconds", type=float, default=15.0, help="with a thousand under way")
    parser.add_argument("--backlog", type=int, default=20_000, help="deliveries that wait and are then let go")
    parser.add_argument("--clients", type=int, default=CONNECTIONS, help="connections that ask Svix's API at once")
    parser.add_argument("--broker", choices=["kafka", "embedded"], default="kafka" if kafka_is_there() else "embedded")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="environment of Svix's server")
    parser.add_argument("--report-only", action="store_true", help="a bar that is missed is no failure")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    options.kafka = options.broker == "kafka"
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    directory.chmod(0o711)  # PostgreSQL's account walks through it
    try:
        raise SystemExit(uvloop.run(bench(options, Console(width=150), directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
