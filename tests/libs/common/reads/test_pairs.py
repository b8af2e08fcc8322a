"""Pairs in a query string."""

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_common.reads.pairs import MOST_PAIRS, asked_pairs


class TestAskedPairs:
    def test_are_those_of_the_field(self) -> None:
        query = [("metadata[order]", "1042"), ("metadata[a[b]]", ""), ("status", "x"), ("other[order]", "\x00")]
        assert asked_pairs("metadata", query) == {"order": "1042", "a[b]": ""}

    @pytest.mark.parametrize(
        "query",
        [
            [("metadata", "1042")],
            [("metadata[]", "1042")],
            [("metadata[order]", "\x00")],
            [("metadata[order]", "10\x0042")],
            [("metadata[or\x00der]", "1042")],
            [("metadata[order]", "x" * 2_001)],
            [("metadata[order]", "1"), ("metadata[order]", "2")],
            [(f"metadata[{number}]", "1") for number in range(MOST_PAIRS + 1)],
        ],
    )
    def test_what_is_no_pair_is_refused_by_the_fields_name(self, query: list[tuple[str, str]]) -> None:
        with pytest.raises(InvalidRequest) as refused:
            asked_pairs("metadata", query)
        assert [error.field for error in refused.value.errors] == ["metadata"]
