"""What the Python SDK adds to a call, beside the HTTP client it stands on.

    .venv/bin/python -m tests.bench.sdk

The same payment over the same loopback server (a process of its own, which answers at once), by `httpx2` alone and by the
SDK, in turns, so that the machine's moods meet both; once in the synchronous client and once in the asynchronous one.
Then `import onerouter` in fresh processes. Exits 1 when the SDK takes more than 1.15 times as long at the median, or the
import more than 80 ms, unless it was asked only to report.
"""

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.table import Table

from onerouter import OneRouter, OneRouterSync
from onerouter.testing import API_KEY

WORKSPACE: Final = Path(__file__).parents[2]
GOAL: Final = 1.15
IMPORT_GOAL_MS: Final = 80.0
CALLS: Final = 3_000
_WARM_UP: Final = 100

PAYMENT: Final[dict[str, Any]] = {
    "id": "pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
    "object": "payment",
    "transaction_id": "pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
    "provider": "razorpay",
    "provider_order_id": "order_9A33XWu170gUtm",
    "provider_payment_id": None,
    "amount": "499.00",
    "amount_minor": 49900,
    "currency": "INR",
    "status": "created",
    "checkout_url": "https://checkout.example.com/pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
    "client_secret": None,
    "payment_method": "upi",
    "method_details": {"upi_app": "gpay"},
    "notes": {"order": "1042"},
    "metadata": {"order": "1042"},
    "customer": {"email": "a@example.com", "name": "A"},
    "created_at": "2026-01-31T09:30:00.125Z",
    "created": 1769851800,
    "environment": "test",
    "effect_guarantee": "exactly_once",
}
_BODY: Final = json.dumps(PAYMENT).encode()
ANSWER: Final = (
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"x-request-id: req_01k9zq3v7m8e5t2r4w6y8a0c1d\r\nx-trace-id: 0af7651916cd43dd8448eb211c80319c\r\n"
    b"ratelimit: default;r=99;t=1\r\nratelimit-policy: default;q=100;w=1\r\nserver-timing: total;dur=12\r\n"
    b"x-onerouter-overhead-ms: 3.1\r\nx-onerouter-operation-id: op_01k9zq3v7m8e5t2r4w6y8a0c1d\r\n\r\n%b"
) % (len(_BODY), _BODY)
REQUEST: Final[dict[str, Any]] = {"amount": "499.00", "currency": "INR", "description": "Order 1042"}


class _Server(asyncio.Protocol):
    """Answers each whole request at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._came = b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            named = self._came[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            whole = end + 4 + int(named or 0)
            if len(self._came) < whole:
                return
            self._came = self._came[whole:]
            self._transport.write(ANSWER)


async def serve() -> None:
    """Until it is ended. Its port is the first line it writes."""
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.sdk", "--serve"]
    with subprocess.Popen(command, cwd=WORKSPACE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}"
        finally:
            process.terminate()


def measure(url: str, calls: int) -> tuple[list[float], list[float]]:
    """µs of each call: by httpx2 alone, and by the SDK."""
    alone: list[float] = []
    by_sdk: list[float] = []
    with (
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}) as bare,
        OneRouterSync(API_KEY, url) as sdk,
    ):
        for number in range(calls):
            key = f"order-{number}"
            started = time.perf_counter_ns()
            bare.post("/v1/payments", json=REQUEST, headers={"Idempotency-Key": key}).json()
            between = time.perf_counter_ns()
            sdk.payments.create(**REQUEST, idempotency_key=key)
            alone.append((between - started) / 1000)
            by_sdk.append((time.perf_counter_ns() - between) / 1000)
    return alone[_WARM_UP:], by_sdk[_WARM_UP:]


async def measure_async(url: str, calls: int) -> tuple[list[float], list[float]]:
    """The same of the asynchronous ones."""
    alone: list[float] = []
    by_sdk: list[float] = []
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers) as bare, OneRouter(API_KEY, url) as sdk:
        for number in range(calls):
            key = f"order-{number}"
            started = time.perf_counter_ns()
            (await bare.post("/v1/payments", json=REQUEST, headers={"Idempotency-Key": key})).json()
            between = time.perf_counter_ns()
            await sdk.payments.create(**REQUEST, idempotency_key=key)
            alone.append((between - started) / 1000)
            by_sdk.append((time.perf_counter_ns() - between) / 1000)
    return alone[_WARM_UP:], by_sdk[_WARM_UP:]


def import_ms(times: int) -> float:
    """Of `import onerouter` in a fresh process, the median."""
    program = "import time; t = time.perf_counter(); import onerouter; print((time.perf_counter() - t) * 1000)"
    taken = []
    for _ in range(times):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        taken.append(float(done.stdout))
    return statistics.median(taken)


def bench(console: Console, calls: int) -> float:
    """The larger ratio of the two clients."""
    gc.collect()
    gc.freeze()
    with serving() as url:
        taken = {"sync": measure(url, calls), "async": asyncio.run(measure_async(url, calls))}
    table = Table(title=f"A payment, µs ({calls} each, in turns)")
    for heading in ("", "httpx2 p50", "SDK p50", "httpx2 p95", "SDK p95", "ratio of p50"):
        table.add_column(heading, justify="left" if not heading else "right")
    worst = 0.0
    for name, (alone, by_sdk) in taken.items():
        ratio = statistics.median(by_sdk) / statistics.median(alone)
        worst = max(worst, ratio)
        late = [statistics.quantiles(values, n=20)[18] for values in (alone, by_sdk)]
        table.add_row(
            name,
            f"{statistics.median(alone):.0f}",
            f"{statistics.median(by_sdk):.0f}",
            f"{late[0]:.0f}",
            f"{late[1]:.0f}",
            f"{ratio:.3f}",
        )
    console.print(table)
    console.print(f"Goal: at most {GOAL:g} times httpx2 alone; reached: {worst:.3f}.")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--report-only", action="store_true", help="exit 0 whatever was measured: the machine may be busy"
    )
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    console = Console(width=120)
    worst = bench(console, options.calls)
    imported = import_ms(9)
    console.print(f"`import onerouter` takes {imported:.0f} ms. Goal: at most {IMPORT_GOAL_MS:g}.")
    sys.exit(0 if (worst <= GOAL and imported <= IMPORT_GOAL_MS) or options.report_only else 1)


if __name__ == "__main__":
    main()
