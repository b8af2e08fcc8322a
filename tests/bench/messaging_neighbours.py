"""What a bulk send costs its neighbour: one tenant's single SMS on an idle system, then beside another's bulk of 1,000.

    python -m tests.bench.messaging_neighbours [--singles 280] [--rate 7] [--write]

Both halves are measured in one run, on the same processes. What counts is the added time: of the whole answer less what the
provider took (`x-onerouter-overhead-ms`). The bar: its 95th percentile beside the bulk is within 1.5 times of the idle one.
Singles begin at fixed times whatever happened to those before, for as long as a bulk takes; the other tenant's bulks follow
one another until the last single was answered. The provider answers 429 beyond what an account may by our manifest: a bulk is
to be no faster, and one such answer fails the run. Who nobody waits for, the background of the messaging service and the
webhooks service, runs at nice 10, as on any machine that has all of them. `--write` puts the table into docs/performance.md.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from tests.e2e.tenants import admin_dsn, administration

from onerouter_local.stack import Stack
from onerouter_providers.loader import Providers

BAR: Final = 1.5
BULK: Final = 1_000
PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN: Final = "<!-- messaging neighbours -->"
END: Final = "<!-- /messaging neighbours -->"
_LIMIT: Final = 10_000
_NUMBER: Final = "+15005550006"
_PROVIDER_MS: Final = 60
_WARM_UP: Final = 20


@dataclass
class Half:
    """Singles of one half of the run, in milliseconds."""

    whole: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    idle: Half
    beside: Half
    bulk_sent: int
    """Messages of the other tenant that the provider took while singles were sent."""
    elapsed_s: float
    throttled: int
    """Calls that the provider refused with a 429."""

    @property
    def ratio(self) -> float:
        return percentile(self.beside.added, 0.95) / percentile(self.idle.added, 0.95)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def tenant(stack: Stack, sandbox: httpx.AsyncClient, name: str) -> tuple[str, str]:
    """Key and Twilio account of a tenant whose limits are out of the way; what it sends is not called back."""
    sid, token = f"AC{token_hex(16)}", token_hex(16)
    account = {"account_sid": sid, "auth_token": token, "numbers": [_NUMBER], "messages_per_s": account_rate()}
    credentials = {"account_sid": sid, "api_key_secret": token, "auth_token": token, "from_number": _NUMBER}
    async with administration(stack) as admin:
        made = await admin.tenants.create(name)
        await admin.tenants.change(made.id, {"plan": "unlimited"})
        key = await admin.api_keys.create(made.id, "test", name="bench", rate_limit_per_s=_LIMIT, rate_burst=_LIMIT)
        secret = {field: SecretStr(value) for field, value in credentials.items()}
        await admin.connections.connect(made.id, "test", "twilio", secret, category="sms")
    (await sandbox.post("/control/twilio/accounts", json=account)).raise_for_status()
    return key.key.get_secret_value(), sid


def account_rate() -> int:
    """How many messages a second Twilio takes of an account, as our manifest has it."""
    package = Providers.load().find("sms", "twilio")
    assert package is not None
    return package.manifest.limits["messages_per_s"]


async def throttled(stack: Stack) -> int:
    connection = await asyncpg.connect(admin_dsn(stack, "messaging"))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM attempts WHERE outcome = 'throttled'"))
    finally:
        await connection.close()


async def singles(api: httpx.AsyncClient, count: int, rate: float) -> Half:
    half = Half()
    began = time.perf_counter()

    async def one(due: float) -> None:
        body = {"to": f"+1415{2_000_000 + uuid4().int % 8_000_000}", "body": "Your code is 481-223."}
        answer = await api.post("/v1/sms", json=body)
        half.whole.append((time.perf_counter() - due) * 1_000)
        half.statuses[answer.status_code] = half.statuses.get(answer.status_code, 0) + 1
        # Without the header (202: not answered in time) all of it was ours.
        half.added.append(float(answer.headers.get("x-onerouter-overhead-ms", half.whole[-1])))

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return half


async def bulks(api: httpx.AsyncClient) -> None:
    """One after the other, until it is cancelled."""
    while True:
        recipients = [{"to": f"+1212{2_000_000 + uuid4().int % 8_000_000}"} for _ in range(BULK)]
        answer = await api.post("/v1/sms/bulk", json={"body": "The sale has begun.", "recipients": recipients})
        answer.raise_for_status()
        batch = f"/v1/sms/batches/{answer.json()['id']}"
        while (await api.get(batch)).json()["status"] == "processing":
            await asyncio.sleep(1)


async def measure(stack: Stack, options: argparse.Namespace) -> Measured:
    async with httpx.AsyncClient(base_url=stack.addresses.url("sandbox"), timeout=30) as sandbox:
        key, _ = await tenant(stack, sandbox, "One-time codes")
        other_key, other_account = await tenant(stack, sandbox, "Newsletters")
        (await sandbox.post("/control/latency", json={"ms": _PROVIDER_MS})).raise_for_status()
        url = stack.addresses.url("gateway")
        async with _client(url, key) as api, _client(url, other_key) as other:
            await singles(api, _WARM_UP, options.rate)
            idle = await singles(api, options.singles, options.rate)
            bulk = asyncio.create_task(bulks(other))
            await asyncio.sleep(2)  # it is under way
            before, began = await _sent(sandbox, other_account), time.monotonic()
            beside = await singles(api, options.singles, options.rate)
            elapsed_s, after = time.monotonic() - began, await _sent(sandbox, other_account)
            if bulk.done():
                bulk.result()
            bulk.cancel()
            with suppress(asyncio.CancelledError):
                await bulk
        return Measured(idle, beside, after - before, elapsed_s, await throttled(stack))


def _client(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


async def _sent(sandbox: httpx.AsyncClient, account: str) -> int:
    answer = await sandbox.get("/control/ledger/summary", params={"account": account, "limit": 0})
    return int(answer.raise_for_status().json()["counts"].get("sms.sent", 0))


def rows(measured: Measured) -> list[tuple[str, ...]]:
    def row(name: str, half: Half) -> tuple[str, ...]:
        added = [f"{percentile(half.added, share):.1f}" for share in (0.5, 0.95, 0.99)]
        return (name, str(len(half.added)), *added, f"{statistics.median(half.whole):.0f}")

    return [row("idle", measured.idle), row(f"beside a bulk of {BULK:,} SMS", measured.beside)]


HEADINGS: Final = ("system", "single SMS", "added p50 ms", "p95", "p99", "whole p50 ms")


def verdict(measured: Measured) -> str:
    return (
        f"p95 of the added time: {measured.ratio:.2f} times the idle one (bar: {BAR}); meanwhile "
        f"{measured.bulk_sent} messages of the bulk were sent, {measured.bulk_sent / measured.elapsed_s:.0f} a second, and "
        f"{measured.throttled} calls were answered with a 429 (by an account that takes {account_rate()} a second)."
    )


def page_with(page: str, measured: Measured) -> str:
    """The document with this run's figures in place of the last one's."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, ("---",) * len(HEADINGS), *rows(measured))]
    table = "\n".join([BEGIN, *lines, "", verdict(measured), END])
    if BEGIN not in page:
        return f"{page.rstrip()}\n\n## A bulk send and its neighbours\n\n{table}\n"
    before, rest = page.split(BEGIN, 1)
    return before + table + rest.split(END, 1)[1]


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> int:
    environment: dict[str, dict[str, str]] = {
        name: {"ONEROUTER_LOG_LEVEL": "WARNING"} for name in ("gateway", "messaging", "webhooks")
    }
    replicas = {}
    if options.apart:
        environment["messaging"]["ONEROUTER_MESSAGING_DUTY"] = "urgent"
        environment["messaging-2"] = {"ONEROUTER_MESSAGING_DUTY": "background"}
        environment["webhooks"]["ONEROUTER_WEBHOOKS_NICE"] = "10"
        replicas["messaging"] = 2
    async with Stack(directory / "stack", replicas=replicas, environment=environment) as stack:
        measured = await measure(stack, options)
    table = Table(*HEADINGS, title="One tenant's single SMS, another's bulk", title_justify="left")
    for cells in rows(measured):
        table.add_row(*cells)
    console.print(table)
    console.print(verdict(measured))
    wrong: dict[str, Any] = {
        name: half.statuses
        for name, half in (("idle", measured.idle), ("beside", measured.beside))
        if set(half.statuses) != {201}
    }
    if measured.throttled:
        wrong["throttled"] = measured.throttled
    if wrong:
        console.print(f"[red]other answers than 201, or 429 of the provider: {wrong}[/red]")
    if options.write:
        PAGE.write_text(page_with(PAGE.read_text(), measured))
    return 0 if measured.ratio <= BAR and not wrong else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--singles", type=int, default=280)
    parser.add_argument("--rate", type=float, default=7.0)
    parser.add_argument("--together", dest="apart", action="store_false", help="one process sends both")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    try:
        raise SystemExit(asyncio.run(bench(options, Console(width=150), directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
