"""How long a key works on after it was revoked, and a tenant's after that was suspended: two gateways on the whole stack.

    python -m tests.bench.revocation [--rounds 50] [--report-only] [--write]

Each round uses a key that both gateways have cached and goes on asking both of them with it, without a pause to speak of. It
counts from the moment the revocation was asked for (so the command itself is in it) until the slower gateway's first refusal
was read. The bar is what docs/security.md promises: a second, for every one. Exits 1 when one took longer, unless it was
asked only to report. `--write` puts the table into docs/performance.md.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table
from tests.e2e.tenants import administration

from onerouter_common import logging
from onerouter_local.stack import Stack
from onerouter_registry.admin import Admin

BAR_MS: Final = 1_000.0
ROUNDS: Final = 50
PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN: Final = "<!-- revocation -->"
END: Final = "<!-- /revocation -->"
HEADINGS: Final = ("what ends", "rounds", "p50 ms", "p95", "p99", "longest")
GATEWAYS: Final = ("gateway", "gateway-2")
_PATH: Final = "/v1/services"
_LIMIT: Final = 10_000
_PAUSE_S: Final = 0.002
_REFUSALS: Final = {"ONEROUTER_GATEWAY_REFUSED_RATE_PER_S": "10000", "ONEROUTER_GATEWAY_REFUSED_BURST": "10000"}
"""All come from one address here."""
_DEADLINE_S: Final = 10.0
"""Of one round: by then it has failed."""

Figures = dict[str, list[float]]
"""What ends → milliseconds of each round."""
Revoke = Callable[[], Awaitable[None]]


class StillAccepted(Exception):
    """Ten times the promised time is over."""


async def until_refused(gateway: httpx.AsyncClient, key: str, refusal: int) -> float:
    """When the first refusal was read, by `perf_counter`. Raises StillAccepted, or for another answer than these two."""
    until = time.perf_counter() + _DEADLINE_S
    while time.perf_counter() < until:
        answer = await gateway.get(_PATH, headers={"Authorization": f"Bearer {key}"})
        if answer.status_code == refusal:
            return time.perf_counter()
        answer.raise_for_status()
        await asyncio.sleep(_PAUSE_S)
    raise StillAccepted


async def one_round(gateways: list[httpx.AsyncClient], key: str, refusal: int, revoke: Revoke) -> float:
    """Milliseconds until both refuse it, and have gone on to."""
    for gateway in gateways:
        (await gateway.get(_PATH, headers={"Authorization": f"Bearer {key}"})).raise_for_status()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(until_refused(gateway, key, refusal)) for gateway in gateways]
        await asyncio.sleep(0)  # they ask while it is revoked
        began = time.perf_counter()
        await revoke()
    for gateway in gateways:
        again = await gateway.get(_PATH, headers={"Authorization": f"Bearer {key}"})
        if again.status_code != refusal:
            raise RuntimeError(f"a refused key was answered {again.status_code} afterwards")
    return (max(asked.result() for asked in asking) - began) * 1_000


async def measure(gateways: list[httpx.AsyncClient], admin: Admin, rounds: int) -> Figures:
    figures: Figures = {"an API key is revoked": [], "a tenant is suspended": []}
    keys = admin.api_keys
    tenant = await admin.tenants.create("Acme")
    owner = {
        "Authorization": f"Bearer {(await keys.create(tenant.id, 'test', name='owner')).key.get_secret_value()}",
    }
    for _ in range(rounds):
        made = await keys.create(tenant.id, "test", name="one", rate_limit_per_s=_LIMIT, rate_burst=_LIMIT)
        key_id, key = made.api_key.id, made.key.get_secret_value()

        async def revoke(key_id: str = key_id) -> None:
            (await gateways[0].delete(f"/api/api-keys/{key_id}", headers=owner)).raise_for_status()

        figures["an API key is revoked"].append(await one_round(gateways, key, 401, revoke))

        other = await admin.tenants.create("Umbrella")
        made = await keys.create(other.id, "test", name="one", rate_limit_per_s=_LIMIT, rate_burst=_LIMIT)

        async def suspend(tenant_id: str = other.id) -> None:
            await admin.tenants.suspend(tenant_id, "Invoice 1042 is unpaid.")

        key = made.key.get_secret_value()
        figures["a tenant is suspended"].append(await one_round(gateways, key, 403, suspend))
    return figures


def rows(figures: Figures) -> list[tuple[str, ...]]:
    def row(name: str, taken: list[float]) -> tuple[str, ...]:
        cuts = statistics.quantiles(taken, n=100, method="inclusive")
        return (name, str(len(taken)), *(f"{value:.0f}" for value in (cuts[49], cuts[94], cuts[98], max(taken))))

    return [row(name, taken) for name, taken in figures.items()]


def is_kept(figures: Figures) -> bool:
    return all(max(taken) <= BAR_MS for taken in figures.values())


def page_with(page: str, figures: Figures, note: str) -> str:
    """The document with this run's figures in place of the last one's."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, ("---",) * len(HEADINGS), *rows(figures))]
    table = "\n".join([BEGIN, *lines, *(["", note] if note else []), END])
    before, rest = page.split(BEGIN, 1)
    return before + table + rest.split(END, 1)[1]


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> bool:
    logging.configure("bench", "WARNING", "console")
    environment = {name: {"ONEROUTER_LOG_LEVEL": "WARNING"} for name in ("registry", "payments", "webhooks")}
    environment["gateway"] = {"ONEROUTER_LOG_LEVEL": "WARNING", **_REFUSALS}
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            Stack(directory / "stack", replicas={"gateway": len(GATEWAYS)}, environment=environment)
        )
        urls = [stack.services[name].spec.url for name in GATEWAYS]
        clients = [httpx.AsyncClient(base_url=url, timeout=_DEADLINE_S) for url in urls]
        gateways = [await opened.enter_async_context(client) for client in clients]
        admin = await opened.enter_async_context(administration(stack))
        figures = await measure(gateways, admin, options.rounds)
    table = Table(*HEADINGS, title="Until two gateways refuse it", title_justify="left")
    for cells in rows(figures):
        table.add_row(*cells)
    console.print(table)
    console.print(f"Bar: {BAR_MS:,.0f} ms for every one; {'kept' if is_kept(figures) else 'not kept'}.")
    if options.write:
        PAGE.write_text(page_with(PAGE.read_text(), figures, options.note))
    return is_kept(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--report-only", action="store_true", help="exit 0 whatever was measured: the machine may be busy"
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--note", default="", help="below the written table, as: On a busy machine.")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    try:
        is_met = asyncio.run(bench(options, Console(width=120), directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(0 if is_met or options.report_only else 1)


if __name__ == "__main__":
    main()
