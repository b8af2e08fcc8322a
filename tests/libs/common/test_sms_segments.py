"""Segments are counted as carriers bill them."""

import json
import os
import re
from pathlib import Path

import pytest

from onerouter_common.sms_segments import Segments, count_segments


class TestCountSegments:
    def test_an_empty_text_is_no_message(self) -> None:
        assert count_segments("") == Segments("GSM-7", 0, 0)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a" * 160, Segments("GSM-7", 160, 1)),
            ("a" * 161, Segments("GSM-7", 161, 2)),
            ("a" * 306, Segments("GSM-7", 306, 2)),
            ("a" * 307, Segments("GSM-7", 307, 3)),
            ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", Segments("GSM-7", 44, 1)),
            ("`", Segments("UCS-2", 1, 1)),  # looks like ASCII, and is not in the alphabet
            ("\t", Segments("UCS-2", 1, 1)),
            ("é" * 70, Segments("GSM-7", 70, 1)),
            ("مرحبا" * 14, Segments("UCS-2", 70, 1)),
            ("مرحبا" * 14 + "!", Segments("UCS-2", 71, 2)),
            ("😀" * 35, Segments("UCS-2", 70, 1)),
            ("👨‍👩‍👧", Segments("UCS-2", 8, 1)),
        ],
    )
    def test_by_alphabet_and_length(self, text: str, expected: Segments) -> None:
        assert count_segments(text) == expected

    def test_an_escape_is_not_parted_from_its_character(self) -> None:
        # 153 is odd: each part holds 76 of them, and one septet stays empty.
        assert count_segments("€" * 152).count == 2
        assert count_segments("€" * 153) == Segments("GSM-7", 306, 3)

    def test_a_surrogate_pair_is_not_parted(self) -> None:
        assert count_segments("😀" * 66).count == 2
        assert count_segments("😀" * 67) == Segments("UCS-2", 134, 3)

    def test_ten_thousand_characters_are_counted(self) -> None:
        assert count_segments("a" * 10_000) == Segments("GSM-7", 10_000, 66)
        assert count_segments("ب" * 10_000) == Segments("UCS-2", 10_000, 150)

    def test_the_published_cases(self) -> None:
        """`specs/messaging-webhook-vectors.json`: inputs are written as "a*161" or "’ + a*70", with remarks in brackets."""
        cases = json.loads(_vectors().read_text("utf-8"))["sms_segments"]
        assert len(cases) == 13
        for case in cases:
            found = count_segments(_written_out(case["input"]))
            assert (found.encoding, found.units, found.count) == (case["encoding"], case["units"], case["segments"])


def _written_out(written: str) -> str:
    text = ""
    for part in re.sub(r"\([^)]*\)", "", written).split("+"):
        character, _, times = part.strip().partition("*")
        text += character * int(times or 1)
    return text


def _vectors() -> Path:
    repository = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    found = folder / "messaging-webhook-vectors.json"
    if not found.is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return found
