"""What docs/security.md gives to secret scanners finds our keys, and nothing else."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.api_keys import PATTERN, make_key, parse_key

TEXT = (Path(__file__).parents[2] / "docs/security.md").read_text()
keys = st.sampled_from(["test", "live"]).map(lambda environment: make_key(environment).get_secret_value())


def block(language: str) -> str:
    _, _, after = TEXT.partition("### Leaked keys")
    found = re.search(rf"^```{language}\n(.*?)^```$", after, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def rule() -> dict[str, Any]:
    (one,) = tomllib.loads(block("toml"))["rules"]
    return dict(one)


@pytest.fixture(scope="module")
def is_key() -> Any:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    return names["is_key"]


def test_the_pattern_is_the_codes(rule: dict[str, Any]) -> None:
    assert f"`{PATTERN}`" in TEXT
    assert rule["regex"] == rf"\b({PATTERN})\b"


@given(
    key=keys, before=st.sampled_from(["", "KEY=", '"', "Bearer ", "\n"]), after=st.sampled_from(["", '"', "\n", ";"])
)
def test_the_rule_finds_a_key_in_a_text(rule: dict[str, Any], key: str, before: str, after: str) -> None:
    text = before + key + after
    assert any(word in text for word in rule["keywords"])
    found = re.search(rule["regex"], text)
    assert found is not None
    assert found.group(rule["secretGroup"]) == key


@given(keys)
def test_the_rule_finds_no_part_of_something_longer(rule: dict[str, Any], key: str) -> None:
    for text in (key + "A", "x" + key, key[:-1], key.replace("unf_", "unf-")):
        assert re.search(rule["regex"], text) is None


@given(st.from_regex(PATTERN, fullmatch=True) | keys)
def test_the_checksum_is_the_codes(is_key: Any, text: str) -> None:
    assert is_key(text) == (parse_key(text) is not None)
