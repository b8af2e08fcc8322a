import re
import time
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common import ids

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's
PREFIXES = sorted(
    value for name, value in vars(ids).items() if name.isupper() and not name.startswith("_") and isinstance(value, str)
)
parts = st.lists(st.text(max_size=20), min_size=1, max_size=4)


def test_every_kind_of_id_has_its_own_prefix() -> None:
    assert len(PREFIXES) > 10
    assert len(set(PREFIXES)) == len(PREFIXES)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_ids_have_one_shape_and_fit_where_providers_let_us_store_them(prefix: str) -> None:
    value = ids.new_id(prefix)
    assert ids.is_id(prefix, value)
    assert re.fullmatch(r"[a-z]{2,4}_[0-9a-z]{26}", value)
    assert len(value) <= 40


def test_later_ids_sort_later() -> None:
    made = [ids.new_id("pay") for _ in range(2_000)]
    assert len(set(made)) == len(made)
    assert made == sorted(made)


@given(st.integers(min_value=0, max_value=2**128 - 1), st.integers(min_value=0, max_value=2**128 - 1))
def test_text_sorts_as_the_number_does(one: int, other: int) -> None:
    assert (ids._encode(one) < ids._encode(other)) == (one < other)


def number_of(id_: str) -> int:
    number = 0
    for character in id_.partition("_")[2]:
        number = number * 32 + ALPHABET.index(character)
    return number


def test_an_id_is_a_uuid_of_version_7_that_tells_when_it_was_made() -> None:
    """However many are made at once: none tells a time to come."""
    before = time.time_ns() // 1_000_000
    made = [UUID(int=number_of(ids.new_id("op"))) for _ in range(5_000)]
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in made)


def test_a_clock_that_is_set_back_makes_no_earlier_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ids.new_id("op")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert first < ids.new_id("op") < ids.new_id("op")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "pay_",
        "pay",
        "pay_01k9",
        "re_" + "0" * 26,
        "pay_" + "8" + "0" * 25,
        "pay_" + "i" * 26,
        "pay_" + "U" * 26,
        "pay_" + "0" * 27,
        "pay_" + "0" * 26 + "\n",
        " pay_" + "0" * 26,
        "pay_" + "٠" * 26,
        "pay_../" + "0" * 23,
    ],
)
def test_what_has_another_shape_is_no_id(value: str) -> None:
    assert not ids.is_id("pay", value)


@given(parts)
def test_the_same_parts_give_the_same_id(values: list[str]) -> None:
    assert ids.derive_id("op", b"secret", *values) == ids.derive_id("op", b"secret", *values)
    assert ids.is_id("op", ids.derive_id("op", b"secret", *values))


@given(parts, parts)
def test_other_parts_give_another_id(one: list[str], other: list[str]) -> None:
    same = ids.derive_id("op", b"secret", *one) == ids.derive_id("op", b"secret", *other)
    assert same == (one == other)


def test_where_parts_end_matters() -> None:
    assert ids.derive_id("op", b"s", "ab", "c") != ids.derive_id("op", b"s", "a", "bc")
    assert ids.derive_id("op", b"s", "ab") != ids.derive_id("op", b"s", "ab", "")


def test_prefix_and_secret_matter() -> None:
    suffixes = {ids.derive_id(prefix, secret, "x")[-26:] for prefix in ("op", "pay") for secret in (b"one", b"two")}
    assert len(suffixes) == 4
