"""Card numbers are refused wherever somebody could have typed one: they must never be stored, sent on or logged."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from onerouter_common.errors import FieldError, InvalidRequest

# A run of digit groups with a few spaces, dots or dashes between them, not inside a word or a decimal number.
_RUN: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?:[ \t.\-\u2010-\u2015\u2212]{1,3}[0-9]+)*(?![0-9A-Za-z])", re.ASCII)
_GROUP: Final = re.compile(r"[0-9]+", re.ASCII)
_PHONE: Final = re.compile(r"^\+[1-9][0-9]{6,13}$", re.ASCII)
_SHORTEST: Final = 13
_MOST_CHARACTERS: Final = 128 * 1024  # all fields we know hold less; searching more would be work done for an attacker
_LONGEST: Final = 19
_NOT_FREE: Final = frozenset({"amount"})
_BANK: Final = frozenset({"account_details.account_number", "account_details.iban"})
"""Numbers of bank accounts: every tenth that is long enough passes for a card's. They are sealed at once, shown masked."""
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def refuse_card_numbers(body: dict[str, Any]) -> None:
    """Raises InvalidRequest that names the fields, never the value, which hold what looks like a card number."""
    free = {name: value for name, value in body.items() if name not in _NOT_FREE}
    if _characters(free) > _MOST_CHARACTERS:
        raise InvalidRequest("The body holds more text than any request here can use.")
    found = [name for name in dict.fromkeys(_fields_with_card_numbers(free, "")) if name not in _BANK]
    if found:
        raise InvalidRequest(
            f"{', '.join(found)}: this looks like a card number. Card numbers are not accepted, not even in notes; the "
            "customer enters them at the provider's checkout.",
            errors=tuple(FieldError(field, "must not hold what looks like a card number") for field in found),
        )


def holds_card_number(text: str) -> bool:
    """Whether the text holds 13 to 19 digits, perhaps in groups, that pass the Luhn check and could be a card's."""
    if len(text) < _SHORTEST or _PHONE.match(text) is not None:
        return False
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width digits, spaces that do not break
    return any(_run_holds(match.group()) for match in _RUN.finditer(text))


def _run_holds(run: str) -> bool:
    """Whether some whole groups of the run, side by side, are a card number."""
    groups = _GROUP.findall(run)
    digits = "".join(groups)
    if len(digits) < _SHORTEST:
        return False
    even, odd = _prefix_sums(digits)
    ends: list[int] = []
    position = 0
    for group in groups:
        position += len(group)
        ends.append(position)
    start = 0
    for end_of_first in ends:
        for end in ends[bisect_left(ends, start + _SHORTEST) : bisect_right(ends, start + _LONGEST)]:
            sums = odd if end % 2 else even
            if (sums[end] - sums[start]) % 10 == 0 and _could_be_issued(digits[start:end]):
                return True
        start = end_of_first
    return False


def _prefix_sums(digits: str) -> tuple[list[int], list[int]]:
    """Luhn sums of every prefix, for numbers that end at an even or at an odd position.

    Luhn doubles every second digit counted from the right; which ones these are depends on where the number ends.
    """
    even, odd = [0], [0]
    for position, character in enumerate(digits):
        digit = ord(character) - 48
        even.append(even[-1] + (digit if position % 2 else _DOUBLED[digit]))
        odd.append(odd[-1] + (_DOUBLED[digit] if position % 2 else digit))
    return even, odd


def _could_be_issued(digits: str) -> bool:
    """Issuers' numbers begin with 2 to 9, UATP's (15 digits) with 1: so a clock's milliseconds are no card."""
    return digits[0] >= "2" or (digits[0] == "1" and len(digits) == 15)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + _characters(item) for name, item in value.items())
    return sum(_characters(item) for item in value) if isinstance(value, list) else 0


def _fields_with_card_numbers(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if holds_card_number(value):
            yield path
    elif isinstance(value, int):
        if holds_card_number(str(value)):
            yield path
    elif isinstance(value, Decimal):
        # 4111111111111111.0 and 4.111111111111111e15 are the card as well.
        if value.adjusted() <= _LONGEST and holds_card_number(str(int(value))):
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            if holds_card_number(name):
                yield f"{path}.*" if path else "*"
            else:
                yield from _fields_with_card_numbers(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _fields_with_card_numbers(item, f"{path}.{position}")
