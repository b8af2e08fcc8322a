"""How many values a JSON text has, before it is parsed: each of them is an object of many times its size in memory."""

import re
from itertools import islice
from typing import Final

from onerouter_common.errors import PayloadTooLarge

MOST_VALUES: Final = 100_000
"""A bulk send of a thousand recipients has a hundred for each."""
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)
"""A string as a whole, or what a further value can come after. No match is begun twice, so the time is linear."""
_TOKENS_A_VALUE: Final = 3
"""At most: its name, itself, and the comma or bracket before it."""


def refuse_many_values(body: bytes, most: int = MOST_VALUES) -> None:
    """Raises PayloadTooLarge. An upper bound: an empty object or array counts as one more than it is.

    Stops at the bound, and gives others their turn between tokens, as one call of the parser would not.
    """
    tokens = islice(_TOKENS.finditer(body), _TOKENS_A_VALUE * most + 1)
    strings = values = 0
    for token in tokens:
        if body[token.start()] == _QUOTE:
            strings += 1
        else:
            values += 1
        if values > most or strings > 2 * most:
            raise PayloadTooLarge(
                f"The body holds more than {most:,} values (of all arrays and objects), the most that is accepted here. "
                "Split it into several requests."
            )


_QUOTE: Final = ord('"')
