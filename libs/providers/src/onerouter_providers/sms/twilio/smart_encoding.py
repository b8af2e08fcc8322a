"""What Twilio's "Smart Encoding" writes in place of characters that GSM-7 has not, so that a text fits into fewer SMS.

A messaging service does it where it is switched on, and shows the text as it was changed. Spaces of other widths are not
here: texts are compared without any.
Source: https://www.twilio.com/docs/messaging/services/smart-encoding-char-list, its quotation marks read 2026-11-22; the rest
is by two public transcriptions of it, which differ about ‹, › and •. Where this table is wrong, a text stays in doubt
(`finding.py`).
"""

from collections.abc import Mapping
from typing import Final

_LETTERS: Final = "ABCDEFGHIJKLMNOPRSTUVWYZ"
_SMALL_CAPITALS: Final = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"  # there are none of Q and X
_FULL_WIDTH: Final = {
    chr(0xFF00 + code - 0x20): chr(code)
    for code in [*range(ord("!"), ord("?") + 1), *range(ord("@"), ord("Z") + 1), *map(ord, "[\\]^_{|}~")]
}

_WRITTEN: Final[Mapping[str, str]] = {
    '"': "«»“”„‟\u02ba\u02ee❝❞〝〞",
    "'": "‘’‛\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb´`❛❜\u0313\u0314\ufe10\ufe11",
    "1/4": "¼",
    "1/2": "½",
    "3/4": "¾",
    "/": "÷⧸\u0337\u0338⁄∕",
    "\\": "⧹⧵\u20e5﹨",
    "_": "\u0332‗",
    "|": "\u20d2\u20d3∣⎸⎹⏐⎜⎟",
    "-": "—–―‐⎼⎽⁃•﹣",
    "@": "﹫",
    "$": "﹩",
    "!": "\u01c3\ufe15﹗",
    "!!": "‼",
    "#": "﹟",
    "%": "﹪",
    "&": "﹠",
    ",": "‚\u0326﹐、﹑､",
    ".": "。﹒｡",
    "...": "…",
    ":": "\u02d0\u02f8⦂\ua789\ufe13",
    ";": "⁏\ufe14﹔",
    "(": "❨❪﹙⟮⦅",
    ")": "❩❫﹚⟯⦆",
    "*": "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡",
    "+": "\u02d6﹢",
    "<": "﹤‹",
    "=": "\u0347\ua78a﹦",
    ">": "﹥›",
    "?": "\ufe16﹖",
    "^": "\u02c6\u0302\u1dcd",
    "~": "\u02dc\u02f7\u0303\u0330\u0334∼",
    "{": "❴﹛",
    "}": "❵﹜",
    "": "\u200b\u2060\ufeff\x00\x03\x04\x10\x11\x12\x13\x14\x17\x19\x80\x8d\x90\x9b\x9f",
}
"""What is written → in place of which characters."""

PLAIN: Final[Mapping[int, str]] = str.maketrans(
    {
        **{given: written for written, characters in _WRITTEN.items() for given in characters},
        **_FULL_WIDTH,
        **dict(zip(_SMALL_CAPITALS, _LETTERS, strict=True)),
    }
)
"""For `str.translate`."""
