"""From the parts a caller writes to whole minor units, which never add up to more or less than was paid."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_common.money import Money
from onerouter_gateway.commands.request import is_key
from onerouter_gateway.marketplace.parts import check_places, check_sum, item_of, part_key
from onerouter_gateway.marketplace.schemas import MOST_PAYMENTS, SplitPart


def seller(**config: Any) -> dict[str, Any]:
    return {"id": "ven_1", "account_id": "acc_1", "connection_id": "con_1", "split_config": config or None}


def minor(part: SplitPart, vendor: dict[str, Any] | None, total: Money) -> int:
    return item_of(part, vendor, total, "splits.0").amount_minor


class TestPartKey:
    @given(key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255))
    def test_is_a_key_of_its_own_place_whatever_that_of_the_whole(self, key: str) -> None:
        keys = [part_key(key, index) for index in range(MOST_PAYMENTS)]
        assert all(is_key(one) for one in keys)
        assert len(set(keys)) == MOST_PAYMENTS
        assert keys == [part_key(key, index) for index in range(MOST_PAYMENTS)]
        assert (keys[7] == f"{key}:7") is (len(key) <= 252)

    def test_long_ones_that_begin_alike_stay_apart(self) -> None:
        assert part_key("k" * 254 + "a", 0) != part_key("k" * 254 + "b", 0)


class TestItemOf:
    @pytest.mark.parametrize(
        ("config", "total", "expected"),
        [
            ({"percent": "90"}, Money(10_000, "INR"), 9_000),
            ({"percent": "33.3333"}, Money(10_000, "INR"), 3_333),
            ({"percent": "99.9999"}, Money(1_001, "JPY"), 1_000),
            ({"fixed_minor": 250, "currency": "KWD"}, Money(10_000, "KWD"), 250),
            ({"percent": "10", "fixed_minor": 50, "currency": "INR"}, Money(999, "INR"), 149),
        ],
    )
    def test_what_is_usual_is_rounded_down(self, config: dict[str, Any], total: Money, expected: int) -> None:
        assert minor(SplitPart(account_id="x"), seller(**config), total) == expected

    def test_what_is_said_goes_before_what_is_usual(self) -> None:
        part = SplitPart.model_validate({"account_id": "x", "amount": "12.345"})
        assert minor(part, seller(percent="90"), Money(99_999, "KWD")) == 12_345

    @pytest.mark.parametrize(
        ("config", "sentence"),
        [
            ({}, "no split_config"),
            ({"percent": "0"}, "more than nothing"),
            ({"percent": "0.0001"}, "more than nothing"),
            ({"fixed_minor": 100, "currency": "USD"}, "fixed part is in USD"),
        ],
    )
    def test_what_cannot_be_given_is_named(self, config: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidRequest, match=sentence) as refused:
            item_of(SplitPart(account_id="x"), seller(**config), Money(10_000, "INR"), "splits.3")
        assert refused.value.errors[0].field == "splits.3.amount"

    @given(st.integers(1, 10**12), st.lists(st.integers(1, 100), min_size=1, max_size=10))
    def test_shares_of_at_most_the_whole_never_exceed_it(self, total: int, weights: list[int]) -> None:
        whole = Money(total, "INR")
        percents = [
            (Decimal(weight) * 100 / sum(weights)).quantize(Decimal("0.0001"), "ROUND_DOWN") for weight in weights
        ]
        given_away = 0
        for percent in percents:
            try:
                given_away += minor(SplitPart(account_id="x"), seller(percent=str(percent)), whole)
            except InvalidRequest:  # less than a minor unit
                continue
        assert given_away <= total


def test_the_sum_is_the_whole_to_the_last_unit() -> None:
    whole = Money(10_000, "INR")
    items = [item_of(SplitPart(type="fee", amount=Decimal(amount)), None, whole, "f") for amount in ("60", "40")]
    check_sum(items, whole)
    for wrong in (Money(9_999, "INR"), Money(10_001, "INR")):
        with pytest.raises(InvalidRequest, match=r"add up to 100\.00 INR"):
            check_sum(items, wrong)
    with pytest.raises(InvalidRequest, match="add up to nothing"):
        check_sum([], whole)


def test_vendors_of_one_payment_are_of_one_account() -> None:
    here, there = seller(), {**seller(), "connection_id": "con_2"}
    assert check_places([]) is None
    assert check_places([here, here]) == "con_1"
    with pytest.raises(InvalidRequest, match="different provider accounts"):
        check_places([here, there])
