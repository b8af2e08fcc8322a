"""Reading PayPal's JSON, of which nothing is taken for granted. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Thing = Mapping[str, Any]


def link_to(thing: Thing, *rels: str) -> str | None:
    """The address of the first of these relations that the thing links to."""
    links = thing.get("links")
    found = {
        str(link.get("rel")): link.get("href")
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict)
    }
    return next((href for rel in rels if isinstance(href := found.get(rel), str)), None)


def text_of(thing: object, *names: str) -> str | None:
    """A text that lies this deep; None where it, or anything on the way, is missing or something else."""
    for name in names:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing if isinstance(thing, str) else None


def things_of(thing: object, *names: str) -> list[Thing]:
    """The objects of a list that lies this deep; those that are none are left out."""
    for name in names:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return [item for item in thing if isinstance(item, dict)] if isinstance(thing, list) else []


def count_of(thing: object, *names: str) -> int | None:
    """A whole number that lies this deep, also where PayPal writes it as a text (`"quantity": "1"`)."""
    for name in names:
        thing = thing.get(name) if isinstance(thing, dict) else None
    if isinstance(thing, str) and thing.isascii() and thing.isdigit():
        return int(thing)
    return thing if isinstance(thing, int) and not isinstance(thing, bool) else None


def moment_of(thing: object, *names: str) -> datetime | None:
    """An aware moment that lies this deep."""
    try:
        moment = datetime.fromisoformat(text_of(thing, *names) or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def shown_moment(moment: datetime | None) -> str | None:
    """As facts show moments: ISO 8601 with Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def known(**facts: Any) -> dict[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in facts.items() if value is not None}
