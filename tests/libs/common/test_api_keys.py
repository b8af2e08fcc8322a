import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from onerouter_common.api_keys import hash_key, make_key, parse_key

ALPHABET = string.digits + string.ascii_letters
keys = st.sampled_from([make_key(environment).get_secret_value() for environment in ("test", "live") for _ in range(8)])


@pytest.mark.parametrize("environment", ["test", "live"])
def test_a_new_key_parses_to_its_environment(environment: str) -> None:
    key = make_key(environment).get_secret_value()
    parsed = parse_key(key)
    assert parsed is not None
    assert parsed.environment == environment
    assert len(key) == len("unf_test_") + 38


def test_no_two_keys_are_alike() -> None:
    assert len({make_key("test").get_secret_value() for _ in range(500)}) == 500


def test_what_may_be_shown_is_too_little_to_use() -> None:
    key = make_key("live").get_secret_value()
    parsed = parse_key(key)
    assert parsed is not None
    assert parsed.display_prefix == key[:13]
    assert key[13:] not in repr(parsed)


def test_every_single_character_typo_is_caught() -> None:
    key = make_key("test").get_secret_value()
    for position in range(len(key)):
        for character in ALPHABET + "_-\n ":
            if character != key[position]:
                assert parse_key(key[:position] + character + key[position + 1 :]) is None


@given(keys, st.data())
def test_every_transposition_of_neighbours_is_caught(key: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(min_value=0, max_value=len(key) - 2))
    assume(key[position] != key[position + 1])
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert parse_key(swapped) is None


@given(keys, st.data())
def test_a_lost_or_doubled_character_is_caught(key: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(min_value=0, max_value=len(key) - 1))
    assert parse_key(key[:position] + key[position + 1 :]) is None
    assert parse_key(key[:position] + key[position] + key[position:]) is None


@given(st.text() | st.text(ALPHABET, min_size=38, max_size=38).map("unf_test_".__add__))
def test_anything_else_is_none_and_never_raises(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize("around", ["{}\n", " {}", "{} ", "\ufeff{}", "{}\x00", "Bearer {}"])
def test_what_surrounds_a_key_is_not_ignored(around: str) -> None:
    assert parse_key(around.format(make_key("test").get_secret_value())) is None


def test_the_hash_depends_on_the_key_and_the_pepper() -> None:
    one, other = make_key("test").get_secret_value(), make_key("test").get_secret_value()
    pepper = SecretStr("p" * 32)
    assert hash_key(one, pepper) == hash_key(one, pepper)
    assert len({hash_key(one, pepper), hash_key(other, pepper), hash_key(one, SecretStr("q" * 32))}) == 3
    assert one not in hash_key(one, pepper)


def test_a_key_is_not_printed() -> None:
    assert "unf_" not in repr(make_key("test"))
