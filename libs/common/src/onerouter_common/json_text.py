"""JSON from outside, made storable."""

import re
from typing import Final

# An escaped NUL: `\u0000` after an even number of backslashes (after an odd number it is text that looks like one).
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def without_nul(raw: bytes) -> bytes:
    """The same JSON without NUL characters in its strings: PostgreSQL can store every other one.

    For what a provider says; what a caller sends is refused instead, so that nothing is changed unseen.
    """
    return _NUL.sub(rb"\1", raw) if b"\\u0000" in raw else raw
