import json

from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.json_text import without_nul


@given(st.text(alphabet=["\x00", "\\", "u", "0", "a", '"', "é"]))
def test_only_nul_characters_go(text: str) -> None:
    assert json.loads(without_nul(json.dumps(text).encode())) == text.replace("\x00", "")


def test_a_backslash_before_the_digits_is_text() -> None:
    assert without_nul(b'"\\\\u0000"') == b'"\\\\u0000"'
