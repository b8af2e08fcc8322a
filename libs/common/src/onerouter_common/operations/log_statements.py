"""The transaction log's SQL: from what is asked for to the keys `(created_at, id)` of a page, newest first. No I/O.

No question reads past what it does not want without a bound. Status, category, kind and provider are looked at by the
combinations of them that the tenant has: few, each a range of one index that is in order already. Everything else begins
with a list that is short as a rule (one operation, those of a resource, those with some metadata), takes `WALK` of it at
most, and looks at each of these.
"""

# ruff: noqa: S608 - made of constants; what is asked for is bound

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from onerouter_common.months import begin_of, end_of, month_of
from onerouter_common.reads.paging import Page, position_of
from onerouter_common.worker.kinds import PROVIDER
from onerouter_common.worker.tags import METADATA, tag_of

WALK: Final = 1_000
"""Operations that are looked at for one page."""

Key: TypeAlias = tuple[datetime, str]
"""When it was made, and its id."""

Categories: TypeAlias = tuple[str, ...] | None
"""Only operations of these; None: of any."""


Conditions: TypeAlias = tuple[list[str], dict[str, Any]]
"""On a row, and what stands for their names."""


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """None, and no metadata: whatever it is."""

    status: str | None = None
    operation: str | None = None
    """`payment.create`."""
    action: str | None = None
    """`create`, of anything."""
    provider: str | None = None
    resource_id: str | None = None
    operation_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    categories: Categories = None

    @property
    def tags(self) -> list[bytes]:
        return [tag_of(name, value) for name, value in self.metadata.items()]

    @property
    def names_kinds(self) -> bool:
        """Whether it says anything that there are combinations of."""
        asked = (self.status, self.operation, self.action, self.provider, self.categories)
        return any(value is not None for value in asked)


@dataclass(frozen=True, slots=True)
class Query:
    """With `:names`, and what stands for them."""

    sql: str
    values: dict[str, Any]


_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998


@dataclass(frozen=True, slots=True)
class Span:
    """Whole months, so that what lies in them is looked at without looking at what does not. None: without a bound."""

    begin: datetime | None = None
    end: datetime | None = None


def span_of(page: Page) -> Span:
    """The months that hold all of the page."""
    behind = None if page.cursor is None else position_of(page.cursor)[0]
    ends = [moment for moment in (page.created_before, behind) if moment is not None and _has_neighbours(moment)]
    after = page.created_after
    begin = None if after is None or not _has_neighbours(after) else begin_of(month_of(after))
    return Span(begin, end_of(month_of(min(ends))) if ends else None)


def _has_neighbours(moment: datetime) -> bool:
    """Not in the first or the last years of the calendar, when nothing is made."""
    return _FIRST_YEAR < moment.year < _LAST_YEAR


def newest_of(span: Span, now: datetime) -> Span | None:
    """Its last two months, which mostly have a page; None: it has no more than these."""
    last = now if span.end is None else min(now, span.end - timedelta(seconds=1))
    begin = begin_of(month_of(begin_of(month_of(last)) - timedelta(days=1)))
    return None if span.begin is not None and span.begin >= begin else Span(begin, span.end)


# The combinations a tenant has, each found from the one before by a step down the index.
_KINDS: Final = f"""
WITH RECURSIVE kinds (category, state, operation, provider) AS (
    (SELECT o.category, o.state, o.operation, {PROVIDER.format(of="o.")} FROM operations o WHERE true {{months}}
    ORDER BY o.category, o.state, o.operation, {PROVIDER.format(of="o.")} LIMIT 1)
    UNION ALL
    SELECT next.* FROM kinds k CROSS JOIN LATERAL (
        SELECT o.category, o.state, o.operation, {PROVIDER.format(of="o.")} FROM operations o
        WHERE (o.category, o.state, o.operation, {PROVIDER.format(of="o.")})
            > (k.category, k.state, k.operation, k.provider) {{months}}
        ORDER BY o.category, o.state, o.operation, {PROVIDER.format(of="o.")} LIMIT 1
    ) next
)
"""
_OF_EACH_KIND: Final = f"""
FROM kinds k CROSS JOIN LATERAL (
    SELECT o.created_at, o.id FROM operations o
    WHERE o.category = k.category AND o.state = k.state AND o.operation = k.operation
      AND {PROVIDER.format(of="o.")} = k.provider {{within}} {{months}}
    ORDER BY o.created_at DESC, o.id DESC LIMIT :most
) found
WHERE {{wanted}}
"""
_NEWEST: Final = "ORDER BY created_at DESC, id DESC LIMIT :most"


def of_kinds(wanted: OperationFilter, page: Page, span: Span, most: int) -> Query:
    """The newest of these kinds, however rare."""
    kinds, found, values = _of_kinds(wanted, page, span, most)
    return Query(f"{kinds} SELECT found.created_at, found.id {found} {_NEWEST}", values)


def count_of_kinds(wanted: OperationFilter, page: Page, span: Span, most: int) -> Query:
    kinds, found, values = _of_kinds(wanted, page, span, most)
    return Query(f"{kinds} SELECT count(*) FROM (SELECT 1 {found} LIMIT :most) AS these", values)


def of_tag(tag: bytes, page: Page, most: int) -> Query:
    """The newest with that name and value among their metadata."""
    within, values = _within("m", page, id_="operation_id")
    sql = (
        f"SELECT m.created_at, m.operation_id AS id FROM operation_metadata m WHERE m.tag = :tag {within} "
        "ORDER BY m.created_at DESC, m.operation_id DESC LIMIT :most"
    )
    return Query(sql, {**values, "tag": tag, "most": most})


def count_of_tag(tag: bytes, page: Page, most: int) -> Query:
    query = of_tag(tag, page, most)
    return Query(f"SELECT count(*) FROM ({query.sql}) AS these", query.values)


def of_few(wanted: OperationFilter, page: Page, most: int) -> Query:
    """One operation, or the newest of a resource."""
    within, values = _within("o", page)
    conditions = {"id": wanted.operation_id, "resource_id": wanted.resource_id}
    asked = {name: value for name, value in conditions.items() if value is not None}
    # Found before they are put in order: an index that is in order would be gone through for what it may not have.
    sql = (
        "WITH few AS MATERIALIZED (SELECT o.created_at, o.id FROM operations o "
        f"WHERE {' AND '.join(f'o.{name} = :{name}' for name in asked)} {within}) "
        f"SELECT created_at, id FROM few {_NEWEST}"
    )
    return Query(sql, {**values, **asked, "most": most})


def those_that_fit(keys: Sequence[Key], wanted: OperationFilter, most: int) -> Query:
    """The newest of these operations that are of the kinds and have all the metadata."""
    conditions, values = _conditions("o", wanted)
    for number, (name, value) in enumerate(wanted.metadata.items()):
        conditions.append(f"{METADATA} ->> :name{number} = :value{number}")
        values |= {f"name{number}": name, f"value{number}": value}
    at = [created_at for created_at, _ in keys]
    sql = (
        "SELECT o.created_at, o.id FROM operations o WHERE o.id = ANY(:ids) AND o.created_at BETWEEN :oldest AND :newest "
        f"AND {' AND '.join(conditions)} {_NEWEST}"
    )
    span = {"ids": [id_ for _, id_ in keys], "oldest": min(at), "newest": max(at)}
    return Query(sql, {**values, **span, "most": most})


def _of_kinds(wanted: OperationFilter, page: Page, span: Span, most: int) -> tuple[str, str, dict[str, Any]]:
    """The combinations, where to find what is of them, and what stands for the names in both."""
    within, values = _within("o", page)
    conditions, own = _conditions("k", wanted)
    months = ""
    if span.begin is not None:
        months += " AND o.created_at >= :begin"
        own["begin"] = span.begin
    if span.end is not None:
        months += " AND o.created_at < :end"
        own["end"] = span.end
    found = _OF_EACH_KIND.format(within=within, months=months, wanted=" AND ".join(conditions) or "true")
    return _KINDS.format(months=months), found, {**values, **own, "most": most}


def _conditions(alias: str, wanted: OperationFilter) -> Conditions:
    asked: dict[str, tuple[str, Any]] = {
        "categories": (f"{alias}.category = ANY(:categories)", wanted.categories and list(wanted.categories)),
        "state": (f"{alias}.state = :state", wanted.status),
        "operation": (f"{alias}.operation = :operation", wanted.operation),
        "action": (f"split_part({alias}.operation, '.', 2) = :action", wanted.action),
        "provider": (f"{alias}.provider = :provider", wanted.provider),
    }
    given = {name: one for name, one in asked.items() if one[1] is not None}
    return [condition for condition, _ in given.values()], {name: value for name, (_, value) in given.items()}


def _within(alias: str, page: Page, *, id_: str = "id") -> tuple[str, dict[str, Any]]:
    """Conditions on time, each beginning with AND. Raises InvalidRequest for a cursor that no list has given."""
    found = ""
    values: dict[str, Any] = {}
    if page.created_after is not None:
        found += f" AND {alias}.created_at > :after"
        values["after"] = page.created_after
    if page.created_before is not None:
        found += f" AND {alias}.created_at < :before"
        values["before"] = page.created_before
    if page.cursor is not None:
        # The first of these says the same and closes months that are too new.
        found += f" AND {alias}.created_at <= :at AND ({alias}.created_at, {alias}.{id_}) < (:at, :behind)"
        values["at"], values["behind"] = position_of(page.cursor)
    return found, values
