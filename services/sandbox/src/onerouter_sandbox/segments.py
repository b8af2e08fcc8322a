"""SMS parts as a carrier counts them, for every provider's simulator of SMS."""

from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED: Final = frozenset("\f^{}\\[~]|€")


def segments_of(text: str) -> int:
    """At least one; no part ends within a character."""
    is_gsm = all(character in _BASIC or character in _ESCAPED for character in text)
    alone, room = (160, 153) if is_gsm else (70, 67)
    sizes = [2 if (one in _ESCAPED if is_gsm else ord(one) > 0xFFFF) else 1 for one in text]
    if sum(sizes) <= alone:
        return 1
    parts, used = 1, 0
    for size in sizes:
        parts, used = (parts, used + size) if used + size <= room else (parts + 1, size)
    return parts
