"""The transaction log on a real PostgreSQL under row-level security: what it finds, and how much it reads for that."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.db.engine import tenant_engine
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.operations import log, log_statements
from onerouter_common.operations.log_statements import OperationFilter, Query
from onerouter_common.operations.repository import OperationReads
from onerouter_common.reads.paging import Page, cursor_of
from onerouter_common.web.internal import TenantContext
from onerouter_common.worker.tags import tag_of
from onerouter_local.testing import Cluster

TENANT: Final = TenantContext("ten_1", "test")
NOW: Final = datetime.now(UTC).replace(microsecond=0)
MANY: Final = 6_000
"""Of the large tenant: more than a walk, so that what is read can be told from what is there."""
_STATES: Final = ("succeeded", "failed", "canceled")
_PROVIDERS: Final = ("razorpay", "paypal", None)
_OPERATIONS: Final = ("payment.create", "refund.create", "payment.capture", "subscription.create")


@dataclass(frozen=True)
class Stored:
    id: str
    created_at: datetime
    state: str
    provider: str | None
    operation: str
    resource_id: str
    category: str
    metadata: dict[str, str]


def operation(number: int, of: int = 400) -> Stored:
    """Kinds in no order of time; some have the same moment; most have some metadata."""
    metadata = {"shop": "main", "order": str(number % 40)} if number % 10 else {}
    return Stored(
        f"op_{number:026}",
        NOW - timedelta(days=40) * (number // 3) / of,
        _STATES[number % 7 % 3],
        _PROVIDERS[number % 5 % 3],
        _OPERATIONS[number % 11 % 4],
        f"pay_{number % 60}",
        "sms" if number % 13 == 0 else "payments",
        metadata,
    )


LOG: Final = [operation(number) for number in range(400)]


def _row(tenant_id: str, one: Stored) -> dict[str, Any]:
    return {
        "id": one.id,
        "tenant_id": tenant_id,
        "environment": "test",
        "category": one.category,
        "operation": one.operation,
        "resource_id": one.resource_id,
        "ordering_key": one.resource_id,
        "payload": json.dumps({"metadata": one.metadata}),
        "fingerprint": "f",
        "made_by": "cmd_1",
        "api_key_id": "key_1",
        "accepted_at": one.created_at,
        "created_at": one.created_at,
        "state": one.state,
        "provider": one.provider,
    }


async def store(admin: Any, tenant_id: str, operations: Sequence[Stored]) -> None:
    rows = [_row(tenant_id, one) for one in operations]
    await admin.copy_records_to_table("operations", columns=list(rows[0]), records=[list(row.values()) for row in rows])
    await admin.copy_records_to_table(
        "operation_metadata",
        columns=["tenant_id", "environment", "tag", "created_at", "operation_id"],
        records=[
            (tenant_id, "test", tag_of(*pair), one.created_at, one.id)
            for one in operations
            for pair in one.metadata.items()
        ],
    )


async def _no_costs(_: AsyncConnection, __: Sequence[Any]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Place:
    engine: AsyncEngine
    """Bound by row-level security."""
    admin: Any

    @property
    def reads(self) -> OperationReads:
        return OperationReads(self.engine, _no_costs)


@pytest.fixture(scope="module")
async def place(postgres: Cluster) -> AsyncIterator[Place]:
    """A small tenant's log, and a large one's beside it."""
    made = await postgres.create("payments")
    admin = await asyncpg.connect(made.admin_dsn)
    try:
        await store(admin, "ten_1", LOG)
        await store(admin, "ten_2", [replace(one, id=f"op_x{one.id[4:]}") for one in LOG[:50]])
        large = [operation(number, of=MANY) for number in range(MANY)]
        await store(admin, "ten_large", [replace(one, id=f"op_y{one.id[4:]}") for one in large])
        async with tenant_engine(made.dsn, size=2) as engine:
            yield Place(engine, admin)
    finally:
        await admin.close()
        await postgres.drop(made)


def fits(one: Stored, wanted: OperationFilter, page: Page) -> bool:
    return all(
        (
            wanted.status in (None, one.state),
            wanted.operation in (None, one.operation),
            wanted.action in (None, one.operation.partition(".")[2]),
            wanted.provider is None or wanted.provider == one.provider,
            wanted.resource_id in (None, one.resource_id),
            wanted.operation_id in (None, one.id),
            wanted.metadata.items() <= one.metadata.items(),
            wanted.categories is None or one.category in wanted.categories,
            page.created_after is None or one.created_at > page.created_after,
            page.created_before is None or one.created_at < page.created_before,
        )
    )


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(values)


FILTERS: Final = st.builds(
    OperationFilter,
    status=maybe(*_STATES, "unknown"),
    operation=maybe("payment.create", "payment.none"),
    action=maybe("create", "capture"),
    provider=maybe("razorpay", "stripe"),
    resource_id=maybe("pay_7", "pay_x"),
    operation_id=maybe(LOG[17].id),
    metadata=st.sampled_from(({}, {}, {"shop": "main"}, {"shop": "main", "order": "7"}, {"order": "x"})),
    categories=maybe(("payments",), ("sms", "email")),
)
TIMES: Final = st.builds(
    Page,
    limit=st.sampled_from((7, 50)),
    created_after=maybe(LOG[300].created_at),
    created_before=maybe(LOG[60].created_at),
)


async def pages_of(place: Place, wanted: OperationFilter, page: Page) -> AsyncIterator[list[str]]:
    """As a caller follows them."""
    while True:
        view: Any = await place.reads.many(TENANT, wanted, page)
        assert len(view["data"]) <= page.limit
        assert view["has_more"] == (view["next_cursor"] is not None)
        yield [one["id"] for one in view["data"]]
        if not view["has_more"]:
            return
        page = replace(page, cursor=view["next_cursor"])


def expected(wanted: OperationFilter, page: Page) -> list[str]:
    return [
        id_ for _, id_ in sorted(((one.created_at, one.id) for one in LOG if fits(one, wanted, page)), reverse=True)
    ]


class TestPages:
    @settings(max_examples=60, derandomize=True)
    @given(wanted=FILTERS, page=TIMES)
    async def test_any_filters_find_what_fits_once_and_newest_first(
        self, place: Place, wanted: OperationFilter, page: Page
    ) -> None:
        found = [id_ async for ids in pages_of(place, wanted, page) for id_ in ids]
        assert found == expected(wanted, page)

    @pytest.mark.parametrize("walk", [1, 7, 20])
    @pytest.mark.parametrize(
        "wanted",
        [
            OperationFilter(metadata={"shop": "main"}, status="canceled"),
            OperationFilter(metadata={"shop": "main", "order": "7"}, provider="paypal"),
            OperationFilter(metadata={"shop": "main"}, operation="payment.none"),
            OperationFilter(resource_id="pay_7", status="failed"),
        ],
    )
    async def test_a_search_that_has_to_end_says_where_and_goes_on_from_there(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, walk: int, wanted: OperationFilter
    ) -> None:
        for module in (log, log_statements):
            monkeypatch.setattr(module, "WALK", walk)
        pages = [ids async for ids in pages_of(place, wanted, Page(5))]
        assert [id_ for ids in pages for id_ in ids] == expected(wanted, Page())
        assert len(pages) <= 2 * len(LOG) / walk + 2

    async def test_what_comes_in_meanwhile_is_on_no_page_behind(self, place: Place) -> None:
        wanted = OperationFilter(status="failed", metadata={"shop": "main"})
        first: Any = await place.reads.many(TENANT, wanted, Page(3))
        behind = Page(3, cursor=first["next_cursor"])
        before = await place.reads.many(TENANT, wanted, behind)
        newer = replace(LOG[1], id="op_new", created_at=NOW + timedelta(minutes=1), state="failed")
        await store(place.admin, "ten_1", [newer])
        try:
            assert await place.reads.many(TENANT, wanted, behind) == before
            latest: Any = await place.reads.many(TENANT, wanted, Page(1))
            assert [one["id"] for one in latest["data"]] == ["op_new"]
        finally:
            await place.admin.execute("DELETE FROM operations WHERE id = 'op_new'")
            await place.admin.execute("DELETE FROM operation_metadata WHERE operation_id = 'op_new'")

    @pytest.mark.parametrize("year", [1, 1969, 1970, 9998, 9999])
    async def test_the_edges_of_the_calendar_are_moments_like_others(self, place: Place, year: int) -> None:
        moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
        for page in (Page(created_before=moment), Page(created_after=moment)):
            view: Any = await place.reads.many(TENANT, OperationFilter(status="failed"), page)
            assert bool(view["data"]) == ((page.created_before is not None) == (year > NOW.year))

    async def test_what_was_done_and_noted_is_shown(self, place: Place) -> None:
        view: Any = await place.reads.many(TENANT, OperationFilter(operation_id=LOG[3].id), Page())
        (one,) = view["data"]
        assert (one["metadata"], one["action"]) == (LOG[3].metadata, LOG[3].operation.partition(".")[2])


def scans_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan:
        yield plan
    for inner in plan.get("Plans", ()):
        yield from scans_of(inner)


def rows_read(scan: dict[str, Any]) -> float:
    rows = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return float(rows * scan["Actual Loops"])


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Of every statement, as it was carried out."""
    found: list[dict[str, Any]] = []
    fetch = log._fetch

    async def explained(tx: AsyncConnection, query: Query) -> Sequence[Any]:
        (told,) = (await tx.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.sql}"), query.values)).scalars()
        found.append((json.loads(told) if isinstance(told, str) else told)[0]["Plan"])
        return await fetch(tx, query)

    monkeypatch.setattr(log, "_fetch", explained)
    return found


_ASKED: Final = {
    "nothing": OperationFilter(),
    "status": OperationFilter(status="failed"),
    "rare status": OperationFilter(status="unknown"),
    "provider": OperationFilter(provider="stripe"),
    "operation": OperationFilter(operation="payment.none"),
    "action": OperationFilter(action="none"),
    "category": OperationFilter(categories=("email",)),
    "what excludes each other": OperationFilter(
        status="canceled", provider="paypal", action="none", categories=("sms",)
    ),
    "resource": OperationFilter(resource_id="pay_x"),
    "resource and status": OperationFilter(resource_id="pay_7", status="unknown"),
    "one": OperationFilter(operation_id="op_x", provider="paypal", metadata={"shop": "main"}),
    "metadata": OperationFilter(metadata={"order": "7"}),
    "metadata that nothing has": OperationFilter(metadata={"order": "x"}),
    "common metadata and a rare status": OperationFilter(metadata={"shop": "main"}, status="unknown"),
    "common metadata and a provider": OperationFilter(metadata={"shop": "main"}, provider="paypal"),
    "common and rare metadata": OperationFilter(metadata={"shop": "main", "order": "x"}),
}
_TIMES: Final = {
    "any time": Page(20),
    "deep": Page(20, cursor=cursor_of(NOW - timedelta(days=30), "op_")),
    "a week": Page(20, created_after=NOW - timedelta(days=35), created_before=NOW - timedelta(days=28)),
}
_WALK: Final = 200


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
class TestReading:
    @pytest.mark.parametrize("time", _TIMES)
    @pytest.mark.parametrize("name", _ASKED)
    async def test_no_question_reads_the_table(
        self,
        place: Place,
        plans: list[dict[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
        analyzed: bool,
        name: str,
        time: str,
    ) -> None:
        for module in (log, log_statements):
            monkeypatch.setattr(module, "WALK", _WALK)
        if analyzed:
            await place.admin.execute("ANALYZE operations, operation_metadata")
        async with tenant_transaction(place.engine, "ten_large", "test", steady=True) as tx:
            await log.find(tx, _ASKED[name], _TIMES[time])
        for plan in plans:
            scans = list(scans_of(plan))
            assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
            # Each combination of kinds gives a page at most, in each of the months; a walk is looked at once for each check.
            assert sum(rows_read(scan) for scan in scans) < MANY / 3
            assert sum(scan.get("Rows Removed by Filter", 0) * scan["Actual Loops"] for scan in scans) <= 2 * _WALK
