"""Card numbers are found however they are written, and what is no card number is let through."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest, PayloadTooLarge
from onerouter_gateway.edge import pan
from onerouter_gateway.edge.pan import Screening, Withheld, holds_card_number, refuse_card_numbers, screened

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
        "4111_1111_1111_1111",
        "4111/1111/1111/1111",
        "order_4111_1111_1111_1111",
        "https://example.com/4111/1111/1111/1111/done",
        "3782/822463/10005",
        "4_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1",
        "4111/1111_1111 1111",
        "4111\u200b1111\u200b1111\u200b1111",
        "4111\u00ad1111 1111\u20601111",
        "\u202d4111111111111111\u202c",
        "\u0664\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 \u0661\u0661\u0661\u0661",
        "\u096a" + "\u0967" * 15,  # Devanagari
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
        "20260131093037.jpg",  # Luhn's sum is right in each of these
        "2026-01-31 09.30.37",
        "backup-20260131-093037.sql",
        "20260131093012009.log",
        "4111 1111, 1111 1111",
        "4111 1111\n1111 1111",  # two lines
        "4111 1111    1111 1111",  # two columns
        # Luhn's sum is right in each of these, too.
        "https://example.com/orders/41111111/11111111",
        "https://example.com/2026/0131/0930/0003",
        "https://files.example.com/2026/01/31/0930/00004",
        "invoices/41111/111/1111/1111.pdf",
        "tenant_4111111_111111111",
        "4_1111111111_11111",
        "\u200b4111111111111112\u200b",
        "\u0664\u0661\u0661\u0661",
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


@pytest.mark.parametrize("piece", ["7 ", "7/", "7_7 ", "4/1/1/1/", "7\u200b", "\u0664 ", "\u200b"])
def test_a_hostile_text_costs_little(piece: str) -> None:
    started = time.process_time()
    holds_card_number((piece * 120_000)[:120_000])
    assert time.process_time() - started < 1


def test_more_text_than_is_searched_is_refused() -> None:
    with pytest.raises(PayloadTooLarge, match="more text"):
        refuse_card_numbers({"notes": ["7 " * 20_000] * 10})


@given(st.text(alphabet="0123456789 ._/-\u2013ax+\u200b\u0664", max_size=60))
def test_what_is_passed_over_fast_holds_none(text: str) -> None:
    """The quick search lets nothing by that the careful one finds."""
    normal = pan._as_read(unicodedata.normalize("NFKC", text))
    carefully = any(pan._run_holds(match.group()) for match in pan._RUN.finditer(normal)) or any(
        pan._run_holds(match.group(), is_loose=True) for match in pan._LOOSE_RUN.finditer(normal)
    )
    is_phone = pan._PHONE.match(text) is not None
    assert holds_card_number(text) is (carefully and not is_phone and len(text) >= 13)


def test_a_megabyte_is_searched_in_a_moment() -> None:
    row = "<tr><td style='padding:0 10px 20px'>Order 1042 of 2026-01-31 09:30</td><td>499.00 EUR</td></tr>\n"
    text = row * (1_000_000 // len(row))
    began = time.thread_time()  # others' work on a busy machine is not ours
    assert not holds_card_number(text)
    assert time.thread_time() - began < 0.5


class TestScreening:
    @pytest.mark.parametrize("to", ["+49 151 1234 5678 90", "0049-151-12345678901", "+4915112345678901"[:16]])
    def test_phone_numbers_are_none_where_they_are_expected(self, to: str) -> None:
        screening = Screening(numbers=frozenset({"to"}))
        refuse_card_numbers({"to": to, "recipients": [{"to": to}], "data": {"to": to}}, screening)

    @pytest.mark.parametrize("card", ["4111 1111 1111 1111", "+4111 1111 1111 1111", "5555555555554444"])
    def test_a_card_is_one_even_there(self, card: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            refuse_card_numbers({"recipients": [{"to": card}]}, Screening(numbers=frozenset({"to"})))
        assert [error.field for error in refused.value.errors] == ["recipients.0.to"]

    def test_a_file_is_no_text_and_its_name_is(self) -> None:
        file = {"content": CARDS[0], "filename": "a"}
        with_files = Screening(files=True)
        screened({"attachments": [file]}, with_files)
        screened({"data": {"attachments": [file]}}, with_files, ("data", "params"))
        for body, field in (
            ({"attachments": [{**file, "filename": CARDS[0]}]}, "attachments.0.filename"),
            ({"attachments": CARDS[0]}, "attachments"),
            ({"attachments": [CARDS[0]]}, "attachments.0"),
            ({"content": CARDS[0]}, "content"),
        ):
            with pytest.raises(InvalidRequest) as refused:
                refuse_card_numbers(body, with_files)
            assert [error.field for error in refused.value.errors] == [field]
        with pytest.raises(InvalidRequest):
            refuse_card_numbers({"attachments": [file]})

    @pytest.mark.parametrize("nested", [(), ("data", "params")])
    @pytest.mark.parametrize("name", ["variables", "metadata", "params"])
    def test_what_is_called_like_a_file_is_text(self, name: str, nested: tuple[str, ...]) -> None:
        own = {name: {"attachments": [{"content": CARDS[0]}]}}
        body = {"data": own, **own} if nested else own
        with pytest.raises(InvalidRequest) as refused:
            screened(body, Screening(files=True), nested)
        assert f"{name}.attachments.0.content" in {error.field for error in refused.value.errors}

    @pytest.mark.parametrize("nested", [(), ("data", "params")])
    def test_an_item_that_holds_one_is_withheld_and_no_other(self, nested: tuple[str, ...]) -> None:
        good = {"to": "+14155552671"}
        bad = {"to": "+14155552672", "variables": {"order": CARDS[0]}}
        own = {"body": "Hi", "recipients": [good, bad, {"to": CARDS[0]}, CARDS[0]]}
        screening = Screening(numbers=frozenset({"to"}), items="recipients")
        passed = screened({"data": own} if nested else own, screening, nested)
        kept = (passed["data"] if nested else passed)["recipients"]
        assert kept[0] is good
        assert kept[1:] == [
            Withheld(("variables.order",), "+14155552672"),
            Withheld(("to",), None),
            Withheld(("to",), None),
        ]
        assert CARDS[0] not in repr(passed)
        assert own["recipients"][1] is bad, "what was sent stays as it is"

    def test_what_all_items_share_still_counts_for_the_whole(self) -> None:
        screening = Screening(items="recipients")
        for body in (
            {"body": CARDS[0]},
            {"variables": {"recipients": [{"to": CARDS[0]}]}},
            {"recipients.0.to": CARDS[0]},
        ):
            with pytest.raises(InvalidRequest):
                screened({**body, "recipients": [{"to": "a"}]}, screening)
