"""Card numbers are refused wherever somebody could have typed one: they must never be stored, sent on or logged."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from onerouter_common.errors import FieldError, InvalidRequest, PayloadTooLarge

# A run of digit groups with a few spaces, dots or dashes between them, not inside a word or a decimal number.
_RUN: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?:[ \t.\-\u2010-\u2015\u2212]{1,3}[0-9]+)*(?![0-9A-Za-z])", re.ASCII)
# With underscores and slashes too, as ids, names of files and addresses have them.
_LOOSE_RUN: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9]+(?:[ \t._/\-\u2010-\u2015\u2212]{1,3}[0-9]+)+(?![0-9A-Za-z])", re.ASCII
)
_GROUP: Final = re.compile(r"[0-9]+", re.ASCII)
# The least of it: thirteen digits. Found fast, and in most texts not at all.
_LONG: Final = re.compile(r"(?:[0-9][ \t._/\-\u2010-\u2015\u2212]{0,3}){12}[0-9]", re.ASCII)
_PHONE: Final = re.compile(r"^\+[1-9][0-9]{6,13}$", re.ASCII)
_DIALLED: Final = re.compile(r"(?:\+|00?)[1-9][0-9]{5,14}", re.ASCII)
_DATE_AND_TIME: Final = re.compile(
    r"20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]", re.ASCII
)
_BETWEEN_DIGITS: Final = re.compile(r"[\s().\-/\u2010-\u2015\u2212]")
_SHORTEST: Final = 13
_LONGEST: Final = 19
_NOT_FREE: Final = frozenset({"amount"})
_BANK: Final = frozenset({"account_details.account_number", "account_details.iban"})
"""Numbers of bank accounts: every tenth that is long enough passes for a card's. They are sealed at once, shown masked."""
_UNSEEN: Final = frozenset({"Cf", "Mn", "Me"})
"""Categories of characters that take no place of their own: joiners, soft hyphens, marks on the character before."""
_GROUPED: Final = frozenset({(4, 6, 5), (4, 6, 4)})
_WIDEST: Final = 4
"""As cards are printed: fifteen and fourteen digits so, all others in groups of four at most."""
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


@dataclass(frozen=True, slots=True)
class Screening:
    """What the requests of a route may hold, where it is more than usual."""

    most_characters: int = 128 * 1024
    """All fields of an ordinary request hold less; searching more would be work done for an attacker."""
    numbers: frozenset[str] = frozenset()
    """Names of fields where a phone number is expected, however it is grouped; each is checked to be one."""
    files: bool = False
    """The content of `attachments` is no text."""
    unread: frozenset[str] = frozenset()
    """Names of fields that are no text somebody typed: bytes, and names of what is there already."""
    items: str | None = None
    """Name of a list whose items are looked at each by itself: one that holds a card number stops no other."""


ORDINARY: Final = Screening()


@dataclass(frozen=True, slots=True)
class Withheld:
    """In place of an item that held what looks like a card number: nothing of it goes further."""

    fields: tuple[str, ...]
    """In which, from the item on."""
    to: Any
    """Who it was for, as it was written; None where the number stands there."""

    def refusal(self) -> InvalidRequest:
        return _refusal(self.fields)


def screened(body: dict[str, Any], screening: Screening = ORDINARY, nested: Sequence[str] = ()) -> dict[str, Any]:
    """The body, with `Withheld` in place of each of its `items` that holds what looks like a card number. Files and items
    are of the object under the first of `nested` that is there, else of the body itself.

    Raises InvalidRequest that names the fields, never the value, where card numbers stand anywhere else, and PayloadTooLarge
    for more text than is searched.
    """
    envelope = next((name for name in nested if name in body), None)
    own = body if envelope is None else body[envelope]
    items = own.get(screening.items) if isinstance(own, dict) and screening.items is not None else None
    shown = _shown(own, screening, without_items=isinstance(items, list))
    free = shown if envelope is None else {**body, envelope: shown}
    free = {name: value for name, value in free.items() if name not in _NOT_FREE}
    apart = items if isinstance(items, list) else []
    if _characters(free) + _characters(apart) > screening.most_characters:
        raise PayloadTooLarge(
            f"The body holds more text than any request here can use: {screening.most_characters:,} characters, files aside. "
            "Split it into several requests."
        )
    found = dict.fromkeys(_fields_with_card_numbers(free, "", screening.numbers))
    told = tuple(name for name in found if name not in _BANK)
    if told:
        raise _refusal(told)
    passed = [_passed(item, screening.numbers) for item in apart]
    if not any(isinstance(item, Withheld) for item in passed):
        return body
    replaced = {**own, screening.items: passed}
    return replaced if envelope is None else {**body, envelope: replaced}


def refuse_card_numbers(body: dict[str, Any], screening: Screening = ORDINARY) -> None:
    """Raises InvalidRequest that names the fields, never the value, which hold what looks like a card number; also
    PayloadTooLarge."""
    screened(body, screening)


def _shown(own: Any, screening: Screening, *, without_items: bool) -> Any:
    """What is searched as one: without what is in the files, and without what is looked at by itself."""
    if not isinstance(own, dict):
        return own
    shown = {
        name: value
        for name, value in own.items()
        if name not in screening.unread and not (without_items and name == screening.items)
    }
    files = shown.get("attachments")
    if screening.files and isinstance(files, list):
        shown["attachments"] = [{**one, "content": None} if isinstance(one, dict) else one for one in files]
    return shown


def _passed(item: Any, numbers: frozenset[str]) -> Any:
    found = tuple(dict.fromkeys(_fields_with_card_numbers(item, "", numbers)))
    if not found:
        return item
    to = item.get("to") if isinstance(item, dict) and "to" not in {name.partition(".")[0] for name in found} else None
    return Withheld(tuple(name or "to" for name in found), to)


def _refusal(fields: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(
        f"{', '.join(fields)}: this looks like a card number. Card numbers are not accepted, not even in notes; the "
        "customer enters them at the provider's checkout.",
        errors=tuple(FieldError(field, "must not hold what looks like a card number") for field in fields),
    )


def holds_card_number(text: str) -> bool:
    """Whether the text holds 13 to 19 digits, perhaps in groups, that pass the Luhn check and could be a card's.

    Between underscores and slashes only such groups count as cards are written in: parts of addresses and ids are digits,
    too, and every tenth number passes the check.
    """
    if len(text) < _SHORTEST or _PHONE.match(text) is not None:
        return False
    if not text.isascii():
        text = _as_read(unicodedata.normalize("NFKC", text))  # full-width digits, spaces that do not break
    if _LONG.search(text) is None:
        return False
    if any(_run_holds(match.group()) for match in _RUN.finditer(text)):
        return True
    if "_" not in text and "/" not in text:
        return False
    return any(_run_holds(match.group(), is_loose=True) for match in _LOOSE_RUN.finditer(text))


def _as_read(text: str) -> str:
    """Without what nobody sees, and with each script's digits as ASCII has them."""
    changed = {ord(character): _seen(character) for character in set(text) if not character.isascii()}
    changed = {code: seen for code, seen in changed.items() if seen != chr(code)}
    return text.translate(changed) if changed else text


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category in _UNSEEN:
        return ""
    return str(unicodedata.decimal(character)) if category == "Nd" else character


def _run_holds(run: str, *, is_loose: bool = False) -> bool:
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
    for first, end_of_first in enumerate(ends):
        for last in range(bisect_left(ends, start + _SHORTEST), bisect_right(ends, start + _LONGEST)):
            end = ends[last]
            sums = odd if end % 2 else even
            is_card = (sums[end] - sums[start]) % 10 == 0 and _could_be_issued(digits[start:end])
            if is_card and (not is_loose or _is_printed_so(groups[first : last + 1])):
                return True
        start = end_of_first
    return False


def _is_printed_so(groups: Sequence[str]) -> bool:
    """In groups as on a card; and no year first, as no network's numbers begin with 20."""
    sizes = tuple(map(len, groups))
    width = sizes[0]
    is_even = len(set(sizes[:-1])) == 1 and sizes[-1] <= width <= _WIDEST
    return (is_even or sizes in _GROUPED) and not "".join(groups[:2]).startswith("20")


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
    """Issuers' numbers begin with 2 to 9, UATP's (15 digits) with 1: so a clock's milliseconds are no card.

    Nor is a date with a time, by which files are called: of the networks whose numbers begin with 2, none has 20 (ISO/IEC
    7812 numbers in use: Mastercard's 2221 to 2720, Mir's 2200 to 2204).
    """
    if digits[0] == "1":
        return len(digits) == 15
    return digits[0] >= "2" and _DATE_AND_TIME.match(digits) is None


def _is_dialled(value: str) -> bool:
    """Whether it is written as a phone number; no card number begins with a 0 or a +."""
    return len(value) <= 40 and _DIALLED.fullmatch(_BETWEEN_DIGITS.sub("", value)) is not None


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + _characters(item) for name, item in value.items())
    return sum(_characters(item) for item in value) if isinstance(value, list) else 0


def _fields_with_card_numbers(value: Any, path: str, numbers: frozenset[str]) -> Iterator[str]:
    if isinstance(value, str):
        if holds_card_number(value) and not (path.rpartition(".")[2] in numbers and _is_dialled(value)):
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
                yield from _fields_with_card_numbers(item, f"{path}.{name}" if path else name, numbers)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _fields_with_card_numbers(item, f"{path}.{position}", numbers)
