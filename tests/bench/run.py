"""`make bench`: the whole durable path beside a direct proxy and an empty Kafka round trip, in one run.

Read the ratios: the absolute numbers belong to the machine, on which the load generator, the broker, the database and
the sandbox run as well. Every round measures all three one after the other; the table shows the median of the rounds.
Durable settings: fsync on, synchronous_commit on, acks=all; Apache Kafka where Java and Maven are there.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import psutil
from pydantic import AnyHttpUrl, PostgresDsn, SecretStr
from rich.console import Console
from rich.table import Table
from tests.bench import peers

from onerouter_common.broker import ensure_topics
from onerouter_local.engines import ApacheKafka
from onerouter_local.environment import database_url
from onerouter_local.ports import free_port
from onerouter_local.stack import Stack
from onerouter_registry.admin import ManagementSettings, open_admin

HERE = Path(__file__).parent
BODY = json.dumps(
    {
        "amount": "499.00",
        "currency": "INR",
        "receipt": "order-2026-000123",
        "description": "Two tickets for the evening show",
        "notes": {"cart": "c_81234", "channel": "web"},
        "customer": {"name": "Asha Rao", "email": "asha@example.com", "phone": "+919876543210"},
        "metadata": {"campaign": "winter", "seat": "F12"},
    }
)
RATE_LIMIT = 10_000  # a second: the limiter is asked each time and never says no
IN_FLIGHT = 1_000
LABELS = ("64 in flight", "1 in flight", "100 per second")
PATHS = ("direct proxy", "empty Kafka round trip", "OneRouter")


@dataclass
class Rig:
    stack: Stack
    key: str
    urls: dict[str, str]
    processes: dict[str, list[int]]
    console: Console
    latency_ms: int = 0
    results: dict[tuple[str, str, int], list[dict[str, Any]]] = field(default_factory=dict)

    async def set_latency(self, ms: int) -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{self.stack.addresses.url('sandbox')}/control/latency", json={"ms": ms})
            answer.raise_for_status()
        self.latency_ms = ms

    async def measure(self, path: str, label: str, **options: float) -> dict[str, Any]:
        """Run the load generator against one path; adds the CPU each process used per operation."""
        before = self._cpu_s(path)
        arguments = [item for name, value in options.items() for item in (f"--{name}", str(value))]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "load.py"),
            "--url",
            self.urls[path],
            "--key",
            self.key,
            "--body",
            BODY,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        result: dict[str, Any] = json.loads(out)
        used = {name: self._cpu_s(path)[name] - before[name] for name in before}
        result["us"] = {name: round(s * 1e6 / max(1, result["requests"])) for name, s in used.items()}
        bad = {status: count for status, count in result["statuses"].items() if status != "201"}
        if bad:
            self.console.print(f"    [red]{path}: answers other than 201: {bad}[/red]")
        self.results.setdefault((path, label, self.latency_ms), []).append(result)
        self.console.print(
            f"    {path:24} {label:16} {result['per_s']:8.0f}/s  p50 {result['p50_ms']:7.2f}  p95 {result['p95_ms']:7.2f}"
            f"  p99 {result['p99_ms']:7.2f} ms   CPU µs/op {result['us']}"
        )
        return result

    def _cpu_s(self, path: str) -> dict[str, float]:
        shared = {"postgres": self.processes["postgres"], "kafka": self.processes["kafka"]}
        wanted = {
            "direct proxy": {"proxy": self.processes["proxy"]},
            "empty Kafka round trip": {"echo": self.processes["echo"], "kafka": shared["kafka"]},
            "OneRouter": {"gateway": self.processes["gateway"], "payments": self.processes["payments"], **shared},
        }[path]
        return {name: sum(_cpu_of(pid) for pid in pids) for name, pids in wanted.items()}

    def median(self, path: str, label: str, latency_ms: int, figure: str) -> float:
        return float(statistics.median(result[figure] for result in self.results[path, label, latency_ms]))


def _cpu_of(pid: int) -> float:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return float(sum(times.user + times.system for one in family if (times := one.cpu_times())))


def running(pid: int | None) -> int:
    if pid is None:
        raise RuntimeError("a process of the stack is not running")
    return pid


async def start_peer(name: str, environment: Mapping[str, str]) -> tuple[asyncio.subprocess.Process, int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "peers.py"), name, str(port), env=dict(environment)
    )
    return process, port


async def until_answers(url: str, key: str) -> None:
    """The peer serves a whole request (its caches are then warm, too)."""
    async with httpx.AsyncClient() as http, asyncio.timeout(30):
        while True:
            try:
                headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
                if (await http.post(url, content=BODY, headers=headers, timeout=20)).status_code == 201:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> None:
    broker = None
    if shutil.which("java") and shutil.which("mvn") and not options.embedded_broker:
        broker = ApacheKafka(directory / "kafka", free_port())
    console.print(f"Broker: {'Apache Kafka' if broker else 'embedded (Kafka-compatible)'}; PostgreSQL: fsync on")
    environment = {
        "gateway": {"ONEROUTER_LOG_LEVEL": "WARNING"},
        "payments": {"ONEROUTER_LOG_LEVEL": "WARNING", "ONEROUTER_PAYMENTS_IN_FLIGHT_PER_TENANT": str(IN_FLIGHT)},
    }
    async with Stack(directory / "stack", broker=broker, environment=environment) as stack:
        await ensure_topics(stack.broker.bootstrap_servers, [peers.REQUESTS, peers.ANSWERS])
        key = await bench_tenant(stack)
        both = {**stack.services["gateway"].spec.environment, **stack.services["payments"].spec.environment}
        started = [
            await start_peer("proxy", both),
            await start_peer("echo", both),
            await start_peer("echo-worker", both),
        ]
        (proxy, proxy_port), (echo, echo_port), (worker, _) = started
        try:
            rig = Rig(
                stack,
                key,
                {
                    "direct proxy": f"http://127.0.0.1:{proxy_port}/v1/payments",
                    "empty Kafka round trip": f"http://127.0.0.1:{echo_port}/v1/payments",
                    "OneRouter": f"{stack.addresses.url('gateway')}/v1/payments",
                },
                {
                    "proxy": [proxy.pid],
                    "echo": [echo.pid, worker.pid],
                    "gateway": [running(stack.services["gateway"].pid)],
                    "payments": [running(stack.services["payments"].pid)],
                    "postgres": [running(stack.postgres.pid)],
                    "kafka": [running(stack.broker.pid)],
                },
                console,
            )
            for url in rig.urls.values():
                await until_answers(url, key)
            await rounds(rig, options)
        finally:
            for process, _ in started:
                process.terminate()
            await asyncio.gather(*(process.wait() for process, _ in started))
    report(rig, console)


async def rounds(rig: Rig, options: argparse.Namespace) -> None:
    for path in PATHS:
        await rig.measure(path, "warm-up", connections=16, seconds=2)
    for number in range(1, options.rounds + 1):
        for latency_ms in (0, 120):
            await rig.set_latency(latency_ms)
            rig.console.print(
                f"[bold]Round {number} of {options.rounds}, provider answers after {latency_ms} ms[/bold]"
            )
            for path in PATHS:
                await rig.measure(path, "64 in flight", connections=64, seconds=options.seconds)
            for path in PATHS:
                await rig.measure(path, "1 in flight", connections=1, seconds=min(3.0, options.seconds))
            for path in PATHS:
                await rig.measure(path, "100 per second", rate=100, seconds=options.seconds)
    await rig.set_latency(300)
    rig.console.print("[bold]One worker, a provider that takes 300 ms, 1,000 in flight[/bold]")
    await rig.measure("OneRouter", "1000 in flight", connections=1000, seconds=max(6.0, options.seconds))
    await rig.set_latency(0)


def report(rig: Rig, console: Console) -> None:
    for latency_ms in (0, 120):
        table = Table(title=f"Provider answers after {latency_ms} ms: medians of the rounds", title_justify="left")
        for heading in ("path", "64 in flight /s", "p50", "p99", "1 in flight p50", "100/s: p50", "p95", "p99 ms"):
            table.add_column(heading, justify="left" if heading == "path" else "right")
        for path in PATHS:
            busy, lone, steady = (partial(rig.median, path, label, latency_ms) for label in LABELS)
            table.add_row(
                path,
                f"{busy('per_s'):.0f}",
                f"{busy('p50_ms'):.1f}",
                f"{busy('p99_ms'):.1f}",
                f"{lone('p50_ms'):.2f}",
                f"{steady('p50_ms'):.2f}",
                f"{steady('p95_ms'):.2f}",
                f"{steady('p99_ms'):.2f}",
            )
        console.print(table)
    ours, direct = (rig.median(path, "64 in flight", 0, "per_s") for path in ("OneRouter", "direct proxy"))
    round_trip = {p: rig.median("empty Kafka round trip", "100 per second", 0, p) for p in ("p50_ms", "p99_ms")}
    added = {
        p: rig.median("OneRouter", "100 per second", 0, p) - rig.median("direct proxy", "100 per second", 0, p)
        for p in ("p50_ms", "p99_ms")
    }
    slow = rig.median("OneRouter", "1000 in flight", 300, "per_s")
    table = Table(title="Against the targets", title_justify="left")
    for heading in ("what", "target", "reached"):
        table.add_column(heading)
    table.add_row("sustained throughput / direct proxy, 64 in flight", ">= 0.6", f"{ours / direct:.2f}")
    table.add_row("added p50 at 100/s, in empty round trips", "<= 3", f"{added['p50_ms'] / round_trip['p50_ms']:.2f}")
    table.add_row(
        "added p99 at 100/s, in empty round trips (p50)", "<= 10", f"{added['p99_ms'] / round_trip['p50_ms']:.2f}"
    )
    table.add_row("one worker, 300 ms provider, 1,000 in flight", ">= 1,200 /s", f"{slow:.0f} /s")
    console.print(table)


async def bench_tenant(stack: Stack) -> str:
    """An API key of a tenant of its own, whose limits are out of the way and whose provider does not call back."""
    secrets, addresses = stack.secrets, stack.addresses
    settings = ManagementSettings(
        database_url=PostgresDsn(database_url("registry", addresses, secrets)),
        credential_keys_test=SecretStr(secrets.credential_keys_test),
        credential_keys_live=SecretStr(secrets.credential_keys_live),
        callback_keys_test=SecretStr(secrets.callback_keys_test),
        callback_keys_live=SecretStr(secrets.callback_keys_live),
        api_key_pepper=SecretStr(secrets.api_key_pepper),
        secret=SecretStr(secrets.registry_secret),
        callback_base_url=AnyHttpUrl(addresses.url("webhooks")),
    )
    account = {"key_id": "rzp_test_BENCH000000001", "key_secret": token_hex(16)}
    async with open_admin(settings) as admin:
        tenant = await admin.tenants.create("Bench")
        created = await admin.api_keys.create(
            tenant.id, "test", name="bench", rate_limit_per_s=RATE_LIMIT, rate_burst=RATE_LIMIT
        )
        credentials = {name: SecretStr(value) for name, value in account.items()}
        await admin.connections.connect(tenant.id, "test", "razorpay", credentials, max_in_flight=IN_FLIGHT)
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{addresses.url('sandbox')}/control/razorpay/accounts", json=account)
        answer.raise_for_status()
    return created.key.get_secret_value()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--embedded-broker", action="store_true")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    try:
        asyncio.run(bench(options, Console(width=150), directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
