"""A provider may quote what it was sent, in any way: none of it is shown or stored."""

import html
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from onerouter_common.errors import ProviderRefusedUs
from onerouter_registry.connection.hiding import hide
from onerouter_registry.connection.probe import _words_of

SECRET = 's3cr+t/wit"h <odd> & pärts~'


def hidden(words: str, *secrets: str) -> str:
    return hide(words, [SecretStr(secret) for secret in secrets])


@pytest.mark.parametrize(
    "quoted",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        html.escape(SECRET),
        b64encode(SECRET.encode()).decode(),
        urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_it_is_found_however_it_is_written(quoted: str) -> None:
    # Lower case as a whole is another value, but for a secret without capitals.
    assert hidden(f"bad key: {quoted}!", SECRET) in {"bad key: ••••!", 'bad key: "••••"!'}


@pytest.mark.parametrize("name", ["", "k", "ke", "key", "rzp_test_1"])
def test_in_a_pair_nothing_of_it_can_be_decoded(name: str) -> None:
    """`Authorization: Basic …`: at most the characters that its neighbours have a part in are left."""
    pair = b64encode(f"{name}:{SECRET}:x".encode()).decode()
    left = hidden(f"Basic {pair}", SECRET).removeprefix("Basic ")
    before, _, after = left.partition("••••")
    assert len(before) <= len(b64encode(f"{name}:".encode()).decode().rstrip("=")) + 1
    assert not any(part in b64decode(after.rjust(8, "A")) for part in (b"rts", b"ts~"))
    assert len(after) <= len(b64encode(b"-:x")) + 2


@pytest.mark.parametrize("secrets", [("abcd", "abcdefgh"), ("abcdefgh", "abcd")])
def test_one_that_begins_like_another_leaves_nothing_behind(secrets: tuple[str, str]) -> None:
    assert hidden("no such key abcdefgh, nor abcd.", *secrets) == "no such key ••••, nor ••••."


def test_those_that_overlap_leave_nothing_behind() -> None:
    assert hidden("no abcdefghi here", "abcdef", "defghi") == "no •••• here"


def test_a_short_one_is_left_for_it_could_be_part_of_any_word() -> None:
    assert hidden("the key is bad", "key") == "the key is bad"


@given(st.text(max_size=20), st.text(min_size=4, max_size=20), st.text(max_size=20))
def test_whatever_it_is(before: str, secret: str, after: str) -> None:
    if secret not in before + after:
        assert secret not in hidden(f"{before}{secret}{after}", secret).replace("••••", "")


def test_what_is_not_shown_cannot_hide_it() -> None:
    """A character of no width inside the secret would be taken out after it was looked for."""
    refusal = ProviderRefusedUs("No key abc\u200bdef.", provider="razorpay")
    assert _words_of(refusal, {"key": SecretStr("abcdef")}) == "No key ••••."
