"""What of an idempotency key reaches a service."""

import pytest

from onerouter_common.once.key import Key


class TestParse:
    def test_what_was_written_is_read(self) -> None:
        key = Key("0a" * 32, "f1" * 32)
        assert Key.parse(str(key)) == key

    @pytest.mark.parametrize(
        "value", ["", "order-1042", "0a" * 32, f"{'0a' * 32}.{'F1' * 32}", f"{'0a' * 32}.{'f1' * 32}\n"]
    )
    def test_what_is_no_two_digests_is_refused(self, value: str) -> None:
        with pytest.raises(ValueError, match="two digests"):
            Key.parse(value)
