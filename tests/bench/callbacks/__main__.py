"""What a provider waits for: a callback verified, stored with fsync, and answered with 2xx; beside a route that does nothing.

    python -m tests.bench.callbacks [--rates 50,200,500] [--seconds 10] [--broker kafka] [--write]

Razorpay's (JSON, HMAC-SHA256) and Twilio's (a form, HMAC-SHA1 over address and fields) at each rate, each with a signature
and an event of its own; then SendGrid's batches, alone and beside single ones. The service is a process of its own on durable
engines. Load generator, database and broker run on the same machine: compare with the rows of nothing. The bar is 50 ms at
the 99th percentile, of the providers that send one thing at a time. `--profile FILE` leaves the batches out, samples the
service's stacks, says how its time divides, and keeps PostgreSQL's statements; all of it is somewhat slower then.
"""

import argparse
import asyncio
from pathlib import Path

from rich.console import Console
from tests.bench.callbacks.load import Measured, measure
from tests.bench.callbacks.report import BAR_MS, PAGE, is_met, page_with, show
from tests.bench.callbacks.rig import Rig, running, serve
from tests.bench.callbacks.senders import Connections, MakeCall, nothing, razorpay, sendgrid, twilio
from tests.bench.callbacks.where import divide
from tests.bench.machine import kafka_is_there

from onerouter_local.testing import scratch_directory

_WARM_UP_S = 2.0
_BATCHES_A_SECOND = 2.0
_BESIDE_A_SECOND = 100.0


async def bench(options: argparse.Namespace, console: Console) -> int:
    kafka = options.broker == "kafka"
    broker = "Apache Kafka" if kafka else "the embedded broker"
    connection = Connections()
    singles = {"Razorpay": razorpay(connection), "Twilio": twilio(connection)}
    batches = {size: sendgrid(connection, size) for size in (10, 500)}
    with scratch_directory() as directory:
        async with running(directory, connection, kafka=kafka, profile=options.profile) as rig:
            for make in (nothing, *singles.values()):
                await measure(rig, "warm up", make, 50, _WARM_UP_S)
            held, found = await _rates(rig, singles, options, console)
            if options.profile is None:  # what is sampled are those that the bar is for
                found += await _batches(rig, singles["Razorpay"], batches, options.seconds, console)
            stored = await rig.stored()
    show(found, held, broker, console)
    console.print(f"stored: {stored}")
    if options.profile is not None:
        calls = sum(len(one.latencies_ms) for one in held)
        us = sum(one.us["webhooks"] * len(one.latencies_ms) for one in held) / calls
        _show_where(options.profile, us, console)
    if options.write:
        PAGE.write_text(page_with(PAGE.read_text(), found, held, broker, options.seconds))
    met = all(is_met(one) for one in held) and not any(one.failed for one in found)
    console.print(f"p99 of each provider's within {BAR_MS:.0f} ms at each rate: {'yes' if met else 'no'}")
    return 0 if met or options.report_only else 1


async def _rates(
    rig: Rig, singles: dict[str, MakeCall], options: argparse.Namespace, console: Console
) -> tuple[list[Measured], list[Measured]]:
    """What the bar is for, and all."""
    held: list[Measured] = []
    found: list[Measured] = []
    for rate in options.rates:
        console.print(f"{rate:g} a second …")
        found.append(await measure(rig, "nothing (/livez)", nothing, rate, options.seconds))
        for name, make in singles.items():
            held.append(await measure(rig, name, make, rate, options.seconds))
            found.append(held[-1])
    return held, found


async def _batches(
    rig: Rig, single: MakeCall, batches: dict[int, MakeCall], seconds: float, console: Console
) -> list[Measured]:
    console.print("batches …")
    beside, _ = await asyncio.gather(
        measure(rig, "Razorpay, beside SendGrid's batches of 500", single, _BESIDE_A_SECOND, seconds),
        measure(rig, "batches", batches[500], _BATCHES_A_SECOND, seconds),
    )
    return [
        await measure(rig, "SendGrid, a batch of 10", batches[10], _BESIDE_A_SECOND / 4, seconds),
        await measure(rig, "SendGrid, a batch of 500", batches[500], _BATCHES_A_SECOND, seconds),
        beside,
    ]


def _show_where(profile: Path, us: float, console: Console) -> None:
    """`us`: CPU time of the service for a callback of one of the providers, on average."""
    with profile.open() as lines:
        shares = divide(lines)
    console.print(f"Of the service's process, some {us:,.0f} µs a callback:")
    for name, share in shares:
        console.print(f"  {share:6.1%}  {us * share:6.0f} µs  {name}")


def _rates_of(text: str) -> list[float]:
    return [float(one) for one in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=_rates_of, default=[50.0, 200.0, 500.0], help="callbacks a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of one load")
    parser.add_argument(
        "--broker",
        choices=["kafka", "embedded"],
        default="kafka" if kafka_is_there() else "embedded",
        help="default: Apache Kafka where Java and Maven are there",
    )
    parser.add_argument("--profile", type=Path, help="file for samples of the service's stacks")
    parser.add_argument("--report-only", action="store_true", help="a bar that is missed is no failure")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    raise SystemExit(asyncio.run(bench(options, Console(width=170))))


if __name__ == "__main__":
    main()
