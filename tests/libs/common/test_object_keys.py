"""What an object may be called is the same wherever it is asked: at the door, in the service, at the provider."""

from urllib.parse import unquote

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_common.object_keys import (
    KEY_BYTES,
    METADATA_BYTES,
    checked_etag,
    checked_key,
    checked_metadata,
    checked_prefix,
    encoded_metadata,
    is_bucket,
)


class TestKey:
    @pytest.mark.parametrize("key", ["a", "a/b", "a//b", "folder/", "..a/b..", "ü€ 😀", "x" * KEY_BYTES, "a?b#c%2F&=+"])
    def test_is_kept_as_it_is(self, key: str) -> None:
        assert checked_key("key", key) == key

    @pytest.mark.parametrize(
        "key",
        ["", "/a", ".", "..", "a/./b", "a/..", "a\\b", "a\0", "a\nb", "a\x7f", "a\u2028b", "\ud800", "ü" * 513],
    )
    def test_what_somebody_would_take_for_something_else_is_refused(self, key: str) -> None:
        with pytest.raises(InvalidRequest) as raised:
            checked_key("key", key)
        assert raised.value.errors[0].field == "key"

    def test_a_prefix_may_be_empty_and_end_anywhere(self) -> None:
        assert [checked_prefix("prefix", one) for one in ("", "a/.", "a/")] == ["", "a/.", "a/"]
        with pytest.raises(InvalidRequest):
            checked_prefix("prefix", "/a")


class TestMetadata:
    def test_names_are_lower_case(self) -> None:
        assert checked_metadata("metadata", {"Order-Id": "10 é"}) == {"order-id": "10 é"}

    @pytest.mark.parametrize(
        ("metadata", "field"),
        [
            ({"a b": "1"}, "metadata.a b"),
            ({"": "1"}, "metadata."),
            ({"A": "1", "a": "2"}, "metadata.a"),
            ({"onerouter-operation": "op"}, "metadata.onerouter-operation"),
            ({"a": "1\r\nx: y"}, "metadata.a"),
            ({"a": " 1"}, "metadata.a"),
            ({"a": "x" * METADATA_BYTES}, "metadata"),
            ({"a": "é" * (METADATA_BYTES // 6)}, "metadata"),
            ({str(number): "1" for number in range(21)}, "metadata"),
        ],
    )
    def test_what_no_header_can_hold_is_refused(self, metadata: dict[str, str], field: str) -> None:
        with pytest.raises(InvalidRequest) as raised:
            checked_metadata("metadata", metadata)
        assert raised.value.errors[0].field == field

    @pytest.mark.parametrize("value", ["plain; 'text' \"x\"", "10 %", "é€😀", "%41", ""])
    def test_is_read_back_as_it_was(self, value: str) -> None:
        encoded = encoded_metadata(value)
        assert encoded.isascii()
        assert unquote(encoded) == value


class TestOthers:
    @pytest.mark.parametrize(("given", "bare"), [('"abc"', "abc"), ("abc-2", "abc-2"), (' "a" ', "a")])
    def test_an_etag_is_bare(self, given: str, bare: str) -> None:
        assert checked_etag("If-Match", given) == bare

    @pytest.mark.parametrize("given", ["", "*", 'W/"a"', '"a", "b"', "a b", '""', "x" * 129])
    def test_what_is_no_one_etag_is_refused(self, given: str) -> None:
        with pytest.raises(InvalidRequest):
            checked_etag("If-Match", given)

    def test_a_buckets_name(self) -> None:
        assert [is_bucket(one) for one in ("abc", "a.b-c", "0" * 63)] == [True] * 3
        refused = ("ab", "0" * 64, "Abc", "-abc", "abc-", "a..b", "a_b", "a/b", "abc\n", "")
        assert not any(is_bucket(one) for one in refused)
