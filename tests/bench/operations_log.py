"""How fast the transaction log answers with a million operations in it: one tenant's, over a year, in two services.

    python -m tests.bench.operations_log [--operations 1000000] [--each 50] [--write]

A tenth are other tenants'. They are filled in by COPY, each with the rows that find it by its metadata, and vacuumed, as the
database does by itself in time. Then the questions are asked one after the other in turns, through the gateway, each with
what it asks for chosen at random: pages at the front, pages far behind, kinds that are rare or that nothing is of, metadata
that one, most or no operations have. What counts is the whole answer; the bar: the 95th percentile of each is within 100 ms.
`--write` puts the table into docs/performance.md.
"""

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table
from tests.bench.messaging_neighbours import PAGE, percentile
from tests.e2e.tenants import admin_dsn, administration

from onerouter_common.clock import isoformat
from onerouter_common.ids import OPERATION, derive_id
from onerouter_common.reads.paging import cursor_of
from onerouter_common.worker.tags import tag_of
from onerouter_local.stack import Stack

BAR_MS: Final = 100.0
FILL_S: Final = 120
BEGIN: Final = "<!-- operations log -->"
END: Final = "<!-- /operations log -->"
HEADINGS: Final = ("question", "asked", "p50 ms", "p95", "p99")
_LIMIT: Final = 10_000
_YEAR: Final = timedelta(days=365)
_CHUNK: Final = 10_000
_KEYED: Final = 1_000
"""Operations that an idempotency key stands for."""
_RARE: Final = 7
"""Operations of the rare provider, and with the rare metadata."""

_MONTH: Final = """
DO $$ DECLARE parent text; first date; BEGIN
  FOREACH parent IN ARRAY ARRAY['operations', 'operation_metadata'] LOOP
    FOR ago IN 2..12 LOOP
      first := (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => ago))::date;
      EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        parent || '_' || to_char(first, 'YYYYMM'), parent, first::timestamp AT TIME ZONE 'UTC',
        (first + interval '1 month') AT TIME ZONE 'UTC');
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent || '_' || to_char(first, 'YYYYMM'));
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', parent || '_' || to_char(first, 'YYYYMM'));
    END LOOP;
  END LOOP;
END $$
"""
_COLUMNS: Final = (
    *(
        "id",
        "tenant_id",
        "environment",
        "category",
        "operation",
        "resource_id",
        "ordering_key",
        "payload",
        "fingerprint",
    ),
    *("made_by", "api_key_id", "accepted_at", "created_at", "finished_at", "state", "provider", "connection_id"),
    *("effect_guarantee", "status", "result"),
)
_TAGS: Final = ["tenant_id", "environment", "tag", "created_at", "operation_id"]

_RESULT: Final = '{"id": "pay_1", "object": "payment", "status": "succeeded"}'
_STATES: Final = (("succeeded", 0.93), ("failed", 0.06), ("canceled", 0.01))
_MAIN: Final = tag_of("shop", "main")
_SHAPES: Final = 4_099
"""Different ones, in turns; a prime, so that they meet everything else in every combination."""


@dataclass(frozen=True)
class Kinds:
    """What the operations of one service are: each `(operation, share)`, and the providers with theirs."""

    service: str
    share: float
    operations: tuple[tuple[str, float], ...]
    providers: tuple[tuple[str, float], ...]


SERVICES: Final = (
    Kinds(
        "payments",
        0.7,
        (
            ("payment.create", 0.6),
            ("payment.capture", 0.2),
            ("refund.create", 0.1),
            ("subscription.create", 0.05),
            ("payment.cancel", 0.03),
            ("customer.create", 0.02),
        ),
        (("razorpay", 0.7), ("paypal", 0.3)),
    ),
    Kinds(
        "messaging",
        0.3,
        (("sms.send", 0.6), ("email.send", 0.35), ("email.cancel", 0.04), ("sms_batch.create", 0.01)),
        (("twilio", 0.6), ("resend", 0.4)),
    ),
)


@dataclass(frozen=True)
class Filled:
    count: int
    seconds: float


def _chosen(dice: random.Random, shares: tuple[tuple[str, float], ...]) -> str:
    return dice.choices([name for name, _ in shares], [share for _, share in shares])[0]


class Filling:
    """The rows of one service's part of the log."""

    def __init__(self, kinds: Kinds, tenant_id: str, count: int, keyed: Callable[[int], str]) -> None:
        self._count = count
        self._keyed = keyed
        self._name = kinds.service
        self._tenant_id = tenant_id
        self._begin = datetime.now(UTC) - _YEAR
        dice = random.Random(kinds.service)
        self._shapes = [self._shape(dice, kinds) for _ in range(_SHAPES)]

    def chunks(self) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
        """Of operations, and of what finds them by their metadata; from the oldest to the newest."""
        for begin in range(0, self._count, _CHUNK):
            rows: list[tuple[Any, ...]] = []
            tags: list[tuple[Any, ...]] = []
            for number in range(begin, min(begin + _CHUNK, self._count)):
                self._add(number, rows, tags)
            yield rows, tags

    def _shape(self, dice: random.Random, kinds: Kinds) -> tuple[str, ...]:
        """Whose it is, its category, what it is, how it ended, and where it went."""
        operation = _chosen(dice, kinds.operations)
        category = operation.partition(".")[0].partition("_")[0] if kinds.service == "messaging" else "payments"
        whose = self._tenant_id if dice.random() < 0.9 else f"ten_{dice.randrange(50)}"
        return whose, category, operation, _chosen(dice, _STATES), _chosen(dice, kinds.providers)

    def _add(self, number: int, rows: list[tuple[Any, ...]], tags: list[tuple[Any, ...]]) -> None:
        whose, category, operation, state, provider = self._shapes[number % _SHAPES]
        is_rare = number % (self._count // _RARE) == 3
        is_keyed = self._name == "payments" and number % (self._count // _KEYED) == 5
        if is_rare or is_keyed:
            whose = self._tenant_id
        if is_rare and self._name == "payments":
            provider = "stripe"
        at = self._begin + _YEAR * number / self._count
        id_ = self._keyed(number) if is_keyed else f"op_{number:020x}{self._name[:6]}"
        resource = f"pay_{number // 2:026}"
        noted = "{}"
        if number % 5 < 3:
            order = f"{self._name}-{number}"
            noted = f'{{"shop": "main", "order": "{order}"}}'
            tags += [(whose, "test", _MAIN, at, id_), (whose, "test", tag_of("order", order), at, id_)]
            if is_rare:
                tags.append((whose, "test", tag_of("vip", "yes"), at, id_))
        payload = f'{{"amount_minor": {number}, "currency": "INR", "metadata": {noted}}}'
        made = (id_, whose, "test", category, operation, resource, resource, payload, "f", "cmd_1", "key_1", at, at, at)
        sent_to = None if number % 97 == 0 and not is_rare else provider
        rows.append((*made, state, sent_to, "con_1", "exactly_once", 200, _RESULT))


async def fill(stack: Stack, tenant_id: str, count: int) -> Filled:
    """Both services at once. Raises TimeoutError when it takes longer than it may."""
    began = time.monotonic()
    secret = stack.secrets.idempotency_secret.encode()

    async def one(kinds: Kinds) -> int:
        rows = int(count * kinds.share)
        step = rows // _KEYED

        def keyed(number: int) -> str:
            return derive_id(OPERATION, secret, tenant_id, "test", f"order-{number // step}")

        admin = await asyncpg.connect(admin_dsn(stack, kinds.service))
        try:
            await admin.execute(_MONTH)
            await admin.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            await admin.execute("SELECT pg_reload_conf()")
            await admin.execute("SET synchronous_commit = off")
            for operations, tags in Filling(kinds, tenant_id, rows, keyed).chunks():
                await admin.copy_records_to_table("operations", columns=_COLUMNS, records=operations)
                await admin.copy_records_to_table("operation_metadata", columns=_TAGS, records=tags)
            for table in ("operations", "operation_metadata"):
                await admin.execute(f"VACUUM (ANALYZE) {table}")
            return int(await admin.fetchval("SELECT count(*) FROM operations"))
        finally:
            await admin.close()

    async with asyncio.timeout(FILL_S):
        stored = await asyncio.gather(*(one(kinds) for kinds in SERVICES))
    return Filled(sum(stored), time.monotonic() - began)


def questions(dice: random.Random, count: int) -> dict[str, Callable[[], dict[str, str]]]:
    """By name: what is asked, other values each time."""

    def at() -> datetime:
        return datetime.now(UTC) - _YEAR * dice.random()

    def deep() -> str:
        return cursor_of(at(), "op_")

    def order() -> str:
        return f"payments-{dice.randrange(int(count * 0.7)) // 5 * 5}"

    return {
        "the newest": dict,
        "far behind (cursor)": lambda: {"cursor": deep(), "limit": "50"},
        "by status, in a week": lambda: {
            "status": "failed",
            "created_after": isoformat(moment := at()),
            "created_before": isoformat(moment + timedelta(days=7)),
        },
        "by status and provider, far behind": lambda: {"status": "failed", "provider": "paypal", "cursor": deep()},
        "by category and action": lambda: {"category": "sms", "action": "create", "cursor": deep()},
        "a rare provider": lambda: {"provider": "stripe"},
        "a status that nothing has": lambda: {"status": "unknown"},
        "a provider that nothing went to": lambda: {"provider": "mailgun", "status": "succeeded"},
        "kinds that exclude each other": lambda: {"action": "capture", "provider": "twilio"},
        "by resource": lambda: {"resource": f"pay_{dice.randrange(count // 3):026}"},
        "by idempotency key": lambda: {"idempotency_key": f"order-{dice.randrange(_KEYED)}"},
        "a key of nothing": lambda: {"idempotency_key": f"none-{dice.random()}"},
        "metadata of one": lambda: {"metadata[order]": order()},
        "rare metadata": lambda: {"metadata[vip]": "yes"},
        "metadata of most": lambda: {"metadata[shop]": "main", "cursor": deep()},
        "metadata of most and of one": lambda: {"metadata[shop]": "main", "metadata[order]": order()},
        "metadata of most, a frequent status": lambda: {"metadata[shop]": "main", "status": "failed", "cursor": deep()},
        "metadata of most, a rare provider": lambda: {"metadata[shop]": "main", "provider": "stripe"},
        "metadata of most, kinds of nothing": lambda: {
            "metadata[shop]": "main",
            "action": "capture",
            "provider": "twilio",
        },
        "metadata of nothing": lambda: {"metadata[order]": f"none-{dice.random()}"},
    }


async def ask(api: httpx.AsyncClient, each: int, count: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by question. Raises HTTPStatusError for an answer that is none."""
    asked = questions(random.Random(1), count)
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(-3, each):
        for name, params in asked.items():
            began = time.perf_counter()
            answer = await api.get("/v1/operations", params=params())
            if turn >= 0:
                taken[name].append((time.perf_counter() - began) * 1_000)
            answer.raise_for_status()
            assert name not in _FINDS or answer.json()["data"], name
    return taken


_FINDS: Final = frozenset(
    {"the newest", "by status, in a week", "a rare provider", "by idempotency key", "rare metadata"}
)
"""Questions that something must fit: a fast answer that misses it is none."""


def rows_of(taken: dict[str, list[float]]) -> list[tuple[str, ...]]:
    def row(name: str, values: list[float]) -> tuple[str, ...]:
        return (name, str(len(values)), *(f"{percentile(values, share):.0f}" for share in (0.5, 0.95, 0.99)))

    return [
        *(row(name, values) for name, values in taken.items()),
        row("**all**", [value for values in taken.values() for value in values]),
    ]


def verdict(taken: dict[str, list[float]], filled: Filled) -> str:
    worst = max(taken, key=lambda name: percentile(taken[name], 0.95))
    p95 = percentile(taken[worst], 0.95)
    return (
        f"{filled.count:,} operations, filled in within {filled.seconds:.0f} s. The slowest p95 is {p95:.0f} ms ({worst}); "
        f"the bar is {BAR_MS:.0f} ms."
    )


def page_with(page: str, taken: dict[str, list[float]], filled: Filled) -> str:
    """The document with this run's figures in place of the last one's."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, ("---",) * len(HEADINGS), *rows_of(taken))]
    table = "\n".join([BEGIN, *lines, "", verdict(taken, filled), END])
    if BEGIN not in page:
        return f"{page.rstrip()}\n\n## The transaction log\n\n{table}\n"
    before, rest = page.split(BEGIN, 1)
    return before + table + rest.split(END, 1)[1]


async def bench(options: argparse.Namespace, console: Console, directory: Path) -> int:
    environment = {name: {"ONEROUTER_LOG_LEVEL": "WARNING"} for name in ("gateway", "payments", "messaging")}
    async with Stack(directory / "stack", environment=environment) as stack:
        async with administration(stack) as admin:
            tenant = await admin.tenants.create("A shop")
            await admin.tenants.change(tenant.id, {"plan": "unlimited"})
            key = await admin.api_keys.create(
                tenant.id, "test", name="bench", rate_limit_per_s=_LIMIT, rate_burst=_LIMIT
            )
        filled = await fill(stack, tenant.id, options.operations)
        console.print(f"{filled.count:,} operations after {filled.seconds:.0f} s")
        headers = {"Authorization": f"Bearer {key.key.get_secret_value()}"}
        async with httpx.AsyncClient(base_url=stack.addresses.url("gateway"), headers=headers, timeout=30) as api:
            taken = await ask(api, options.each, options.operations)
    table = Table(*HEADINGS, title="The transaction log", title_justify="left")
    for cells in rows_of(taken):
        table.add_row(*cells)
    console.print(table)
    console.print(verdict(taken, filled))
    if options.write:
        PAGE.write_text(page_with(PAGE.read_text(), taken, filled))
    return 0 if all(percentile(values, 0.95) <= BAR_MS for values in taken.values()) else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onerouter-bench-"))
    directory.chmod(0o711)
    try:
        raise SystemExit(asyncio.run(bench(options, Console(width=150), directory)))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
