"""Reading Stripe's objects: one part of them at a time, nothing raised for what is missing or strange."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import JsonValue

LATEST: Final = 32_503_680_000
"""The year 3000: beyond it a number is no time in seconds."""

Thing = Mapping[str, Any]


def part(thing: Thing, name: str) -> Thing:
    """A nested object, empty where there is none (or only its id)."""
    value = thing.get(name)
    return value if isinstance(value, dict) else {}


def text(thing: Thing, name: str) -> str | None:
    value = thing.get(name)
    return value if isinstance(value, str) else None


def number(thing: Thing, name: str) -> int | None:
    value = thing.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(thing: Thing, name: str) -> bool | None:
    value = thing.get(name)
    return value if isinstance(value, bool) else None


def id_of(thing: Thing, name: str) -> str | None:
    """Of what an object refers to, expanded or not."""
    return text(thing, name) or text(part(thing, name), "id")


def items(thing: Thing, name: str) -> Sequence[Thing]:
    """The objects of a list in an object (`{"data": […]}`)."""
    found = part(thing, name).get("data")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def moment(thing: Thing, name: str) -> str | None:
    """ISO 8601 with Z of a time in seconds."""
    at = number(thing, name)
    if at is None or not 0 < at < LATEST:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def without_nothing(facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in facts.items() if value is not None}
