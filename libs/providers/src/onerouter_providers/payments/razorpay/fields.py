"""How Razorpay's objects are read, and what all its requests have in common. Pure; reading never raises."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.errors import InvalidRequest
from onerouter_common.money import Money

Thing = Mapping[str, Any]

NOTE_ID: Final = "onerouter_id"
"""The note that carries our id of everything but payments and refunds, which have older names."""
REFERENCE_CHARS: Final = 40
NOTES_PAIRS: Final = 15
NOTES_CHARS: Final = 256
LATEST: Final = 32_503_680_000
"""The year 3000: beyond it a number is no time in seconds."""


def text(thing: Thing, name: str) -> str | None:
    """A string that is not empty."""
    value = thing.get(name)
    return value if isinstance(value, str) and value else None


def whole(thing: Thing, name: str) -> int | None:
    """An integer; some of Razorpay's older objects write numbers as strings of digits."""
    value = thing.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def part(thing: Thing, name: str) -> Thing:
    """An object inside; empty where there is none (Razorpay writes empty objects as `[]`)."""
    value = thing.get(name)
    return value if isinstance(value, dict) else {}


def parts(thing: Thing, name: str) -> Sequence[Thing]:
    """The objects of a list inside."""
    value = thing.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def moment(thing: Thing, name: str) -> str | None:
    """A time as ISO 8601; None where there is none (null, or 0 on payment links)."""
    seconds = whole(thing, name)
    return None if seconds is None or not 0 < seconds < LATEST else isoformat(datetime.fromtimestamp(seconds, UTC))


def money(thing: Thing, amount: str = "amount") -> Money | None:
    """None when the amount or its currency is missing or strange."""
    minor, currency = thing.get(amount), text(thing, "currency")
    if not isinstance(minor, int) or isinstance(minor, bool) or minor < 0 or currency is None:
        return None
    return Money(minor, currency.upper())


def known(**facts: JsonValue) -> dict[str, JsonValue]:
    """These facts without those that have no value."""
    return {name: value for name, value in facts.items() if value is not None}


def note(thing: Thing, name: str = NOTE_ID) -> str | None:
    return text(part(thing, "notes"), name)


def noted(things: Iterable[Thing], our_id: str) -> Thing | None:
    """The first thing whose note is our id: of a list that begins with the newest, the newest."""
    return next((thing for thing in things if note(thing) == our_id and text(thing, "id")), None)


def notes(ours: Mapping[str, str], tenants: Mapping[str, str], *, most_chars: int = NOTES_CHARS) -> dict[str, str]:
    """Ours and the tenant's in one. Raises InvalidRequest for what does not fit."""
    if len(ours) + len(tenants) > NOTES_PAIRS:
        raise InvalidRequest.of("notes", f"may have at most {NOTES_PAIRS - len(ours)} pairs at Razorpay")
    for key, value in tenants.items():
        if key in ours:
            raise InvalidRequest.of("notes", f"must not contain '{key}', which is ours")
        if not key or len(key) > most_chars or len(value) > most_chars:
            raise InvalidRequest.of("notes", f"may only have names and values of 1 to {most_chars} characters")
    return {**ours, **tenants}


def check_length(field: str, value: str | None, *, least: int = 1, most: int) -> None:
    """Raises InvalidRequest that names the field."""
    if value is not None and not least <= len(value) <= most:
        raise InvalidRequest.of(field, f"must have {least} to {most} characters at Razorpay")
