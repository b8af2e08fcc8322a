from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from onerouter_common.errors import InvalidRequest
from onerouter_common.money import MAX_MINOR, Money, exponent_of, parse_currency, parse_major, parse_minor

HELD = sorted(str(currency.code) for currency in Currency if currency.exponent is not None)
UNHELD = sorted(str(currency.code) for currency in Currency if currency.exponent is None)

currencies = st.sampled_from(HELD)
minors = st.integers(min_value=1, max_value=MAX_MINOR)


def test_every_iso_currency_that_money_is_held_in_is_known() -> None:
    assert len(HELD) > 150
    assert {exponent_of(code) for code in HELD} == {0, 2, 3, 4}


@pytest.mark.parametrize(("currency", "exponent"), [("JPY", 0), ("INR", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)])
def test_exponents_follow_iso(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("code", [*UNHELD, "", "XYZ", "inr", "US", "USDT", "₹", "A" * 1_000_000])
def test_what_is_no_currency_is_refused_by_name(code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        exponent_of(code)
    assert refused.value.errors[0].field == "currency"
    assert len(str(refused.value)) < 200


def test_a_currency_is_read_in_any_case() -> None:
    assert parse_currency(" inr ") == "INR"


@given(currencies, minors)
def test_minor_to_major_and_back_is_the_same_money(currency: str, amount_minor: int) -> None:
    money = Money(amount_minor, currency)
    assert parse_major(money.major, currency) == money
    assert parse_major(str(money.major), currency) == money


@given(currencies, minors)
def test_the_json_number_says_exactly_the_amount(currency: str, amount_minor: int) -> None:
    money = Money(amount_minor, currency)
    number = money.to_json_number()
    assert Decimal(repr(number)) == money.major
    assert parse_major(Decimal(repr(number)), currency) == money


@given(currencies, minors, st.decimals(min_value=Decimal("-9e-10"), max_value=Decimal("9e-10"), places=15))
def test_float_noise_is_not_a_fraction_of_a_cent(currency: str, amount_minor: int, noise: Decimal) -> None:
    money = Money(amount_minor, currency)
    assert parse_major(money.major + noise, currency) == money


def test_a_sum_of_floats_is_what_it_looks_like() -> None:
    assert parse_major(Decimal(repr(0.1 + 0.2)), "INR") == Money(30, "INR")


@given(currencies, minors, st.integers(min_value=1, max_value=9), st.integers(min_value=1, max_value=4))
def test_more_decimals_than_the_currency_has_are_refused(
    currency: str, amount_minor: int, digit: int, places: int
) -> None:
    exponent = exponent_of(currency)
    excess = Decimal(digit).scaleb(-exponent - places)
    with pytest.raises(InvalidRequest, match="more decimals"):
        parse_major(Money(amount_minor, currency).major + excess, currency)


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-0",
        "-1",
        "-0.01",
        "0.000000000000001",
        "1e-999999",
        "NaN",
        "-NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "inf",
        "1e999999",
        "1e16",
        "10000000000000",
        "9" * 5_000,
        "1e9999999999999999999999",
        "",
        " ",
        "abc",
        "1,000",
        "0x10",
    ],
)
def test_what_is_no_positive_amount_is_refused_and_names_the_field(value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_major(value, "INR", field="splits[0].amount")
    assert refused.value.errors[0].field == "splits[0].amount"
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("499", "JPY", 499),
        ("499.000", "JPY", 499),
        ("1.234", "KWD", 1_234),
        ("499.00", "INR", 49_900),
        ("9999999999999.99", "INR", MAX_MINOR),
        ("1e3", "INR", 100_000),
    ],
)
def test_amounts_of_every_exponent(value: str, currency: str, minor: int) -> None:
    assert parse_major(value, currency) == Money(minor, currency)


@pytest.mark.parametrize(("value", "currency"), [("0.5", "JPY"), ("1.2345", "KWD"), ("0.001", "INR")])
def test_too_many_decimals(value: str, currency: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_major(value, currency)


@pytest.mark.parametrize("value", [0, -1, MAX_MINOR + 1, 10**400])
def test_minor_units_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(InvalidRequest):
        parse_minor(value, "INR")
