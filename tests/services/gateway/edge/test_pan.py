"""Card numbers are found however they are written, and what is no card number is let through."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_gateway.edge.pan import holds_card_number, refuse_card_numbers

CARDS = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "4222222222222",
    "6304000000000000",
    "2223003122003222",
]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("written", ["{}", "card {} please", "({})", "\n{}\t", "pan:{},exp:12/30"])
def test_a_card_number_is_found_in_any_text(card: str, written: str) -> None:
    assert holds_card_number(written.format(card))


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "3782 822463 10005",
        "12 4111 1111 1111 1111",
        "4111 1111 1111 1111 12 30 123",
        "order 42 4111 1111 1111 1111 7",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111  1111  1111  1111",
        "4111 - 1111 - 1111 - 1111",
        "4111\t1111\t1111\t1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20131111\u20131111\u20131111",
        "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
    ],
)
def test_a_card_number_is_found_in_groups(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",  # wrong check digit
        "411111111111",  # twelve digits
        "41111111111111111111",  # twenty
        "0000000000000000",
        "pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
        "order_IluGWxBm9U8zJ8",
        "a4111111111111111",  # inside a word: an id of somebody's
        "+8613812345678",
        "+14155552671",
        "1700000000000",  # a clock in milliseconds
        "2026-01-31T09:30:00.125Z",
        "4111 1111, 1111 1111",
        "4111 1111\n1111 1111",  # two lines
        "4111 1111    1111 1111",  # two columns
    ],
)
def test_what_is_no_card_number_passes(text: str) -> None:
    assert not holds_card_number(text)


def _with_check_digit(digits: str) -> str:
    doubled = [int(d) * 2 if i % 2 == 0 else int(d) for i, d in enumerate(reversed(digits))]
    total = sum(d - 9 if d > 9 else d for d in doubled)
    return digits + str(-total % 10)


@given(st.from_regex(r"[2-9][0-9]{11,17}", fullmatch=True), st.sampled_from(["", " ", "-"]))
def test_every_number_with_a_check_digit_is_found(digits: str, separator: str) -> None:
    number = _with_check_digit(digits)
    groups = [number[start : start + 4] for start in range(0, len(number), 4)]
    assert holds_card_number(f"x {separator.join(groups)} y")


def test_the_field_is_named_and_the_value_is_not() -> None:
    body = {"amount": 4111111111111111, "notes": {"a": "x", "b": ["4111 1111 1111 1111"]}, "meta": {CARDS[0]: "x"}}
    with pytest.raises(InvalidRequest) as caught:
        refuse_card_numbers(body)
    assert [item.field for item in caught.value.errors] == ["notes.b.0", "meta.*"]
    assert "4111" not in f"{caught.value} {caught.value.errors}"


def test_a_number_that_is_a_card_is_found_too() -> None:
    with pytest.raises(InvalidRequest):
        refuse_card_numbers({"notes": {"card": 4111111111111111}})


def test_a_hostile_text_costs_little() -> None:
    started = time.process_time()
    holds_card_number("7 " * 60_000)
    assert time.process_time() - started < 1
    with pytest.raises(InvalidRequest, match="more text"):
        refuse_card_numbers({"notes": ["7 " * 20_000] * 10})
