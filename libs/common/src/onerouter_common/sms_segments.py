"""How many SMS a text becomes: GSM-7 where its alphabet has every character, else UCS-2.

Counts are those of GSM 03.38 / 3GPP TS 23.038 (alphabet) and 23.040 (the header of a part takes six octets): carriers bill
by them. A part never ends within a surrogate pair or between the escape and its character, so a text may need one more
part than its length alone says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED: Final = frozenset("\f^{}\\[~]|€")
"""Of the extension table: an escape goes before each, so they count two."""
_GSM_7: Final = _BASIC | _ESCAPED
_ALONE: Final = {"GSM-7": 160, "UCS-2": 70}
"""Units that one SMS holds: septets, UTF-16 code units."""
_PART: Final = {"GSM-7": 153, "UCS-2": 67}
"""The same of one part of several."""


@dataclass(frozen=True, slots=True)
class Segments:
    encoding: Encoding
    units: int
    """Septets of GSM-7, UTF-16 code units of UCS-2."""
    count: int
    """Messages that are billed; 0 of an empty text."""


def count_segments(text: str) -> Segments:
    """How the text is sent, and as how many SMS. Linear in its length, whatever it holds."""
    encoding: Encoding = "GSM-7" if _GSM_7.issuperset(text) else "UCS-2"
    sizes = [_size(character, encoding) for character in text]
    units = sum(sizes)
    if not units:
        return Segments(encoding, 0, 0)
    return Segments(encoding, units, 1 if units <= _ALONE[encoding] else _parts(sizes, _PART[encoding]))


def _size(character: str, encoding: Encoding) -> int:
    is_double = character in _ESCAPED if encoding == "GSM-7" else ord(character) > 0xFFFF
    return 2 if is_double else 1


def _parts(sizes: Iterable[int], room: int) -> int:
    """Characters are put into parts whole, in order."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts
