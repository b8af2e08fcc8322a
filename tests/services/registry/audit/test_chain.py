"""What a hash covers: everything, and nothing but what the database gives back."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onerouter_common.ids import AUDIT_ENTRY, new_id
from onerouter_registry.audit import repository
from onerouter_registry.audit.chain import GENESIS, Entry, hash_of
from onerouter_registry.transactions import operator_transaction

from .conftest import Books

KEY = b"k" * 32
ENTRY = Entry(
    id="aud_1",
    tenant_id="ten_1",
    sequence=7,
    environment="test",
    at=datetime(2026, 3, 1, 9, 30, 0, 125_001, tzinfo=UTC),
    actor_kind="user",
    actor_id="usr_1",
    actor_name="ada@example.com",
    action="api_key.created",
    target_kind="api_key",
    target_id="key_1",
    before=None,
    after={"name": "backend", "scopes": ["a", "b"]},
    ip="203.0.113.9",
    user_agent="curl/8",
    request_id="req_1",
)

# What PostgreSQL can store as text: no NUL, no half of a surrogate pair.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def other(value: Any) -> Any:
    """A value of the same type that differs a little."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {**value, "name": "Backend"}
    return "x" if value is None else value + " "


def test_every_field_counts() -> None:
    was = hash_of(ENTRY, GENESIS, KEY)
    for field in fields(Entry):
        value = getattr(ENTRY, field.name)
        changed: dict[str, Any] = {field.name: {"was": 1} if field.name == "before" else other(value)}
        assert hash_of(replace(ENTRY, **changed), GENESIS, KEY) != was, field.name
        if value is not None and field.name not in {"id", "at", "sequence"}:
            nothing: dict[str, Any] = {field.name: None}
            assert hash_of(replace(ENTRY, **nothing), GENESIS, KEY) != was, field.name


def test_the_entry_before_counts_and_so_does_the_key() -> None:
    was = hash_of(ENTRY, GENESIS, KEY)
    assert hash_of(ENTRY, "1" * 64, KEY) != was
    assert hash_of(ENTRY, GENESIS, b"K" * 32) != was


@given(JSON, JSON)
def test_different_contents_have_different_hashes(one: Any, another: Any) -> None:
    same = hash_of(replace(ENTRY, after={"v": one}), GENESIS, KEY) == hash_of(
        replace(ENTRY, after={"v": another}), GENESIS, KEY
    )
    assert same == (normal(one) == normal(another))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(TEXT, JSON, max_size=4) | st.none(), name=TEXT, micros=st.integers(0, 10**15))
async def test_what_is_read_back_has_the_hash_of_what_was_written(
    books: Books, before: dict[str, Any] | None, name: str, micros: int
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    id_ = new_id(AUDIT_ENTRY)
    entry = replace(ENTRY, id=id_, tenant_id=id_, sequence=1, at=at, actor_name=name, before=before, environment=None)
    written = hash_of(entry, GENESIS, KEY)
    async with operator_transaction(books.engine) as tx:
        await repository.append(tx, entry, written)
    async with operator_transaction(books.engine) as tx:
        ((read, stored),) = await repository.list_above(tx, id_, 0, 10)
    assert stored == written
    assert hash_of(read, GENESIS, KEY) == written, (read.before, before)


def normal(value: Any) -> Any:
    """JSON knows one kind of number, and no order of names; true is not 1."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, int | float):
        written = Decimal(repr(value))
        return (
            "number",
            int(written) if written == written.to_integral_value() and -(2**63) <= written < 2**64 else value,
        )
    if isinstance(value, list):
        return ("list", [normal(item) for item in value])
    return ("object", {name: normal(item) for name, item in value.items()})
