"""What a value that is sent to us has to keep to, beside its kind: as it was, and as it is now. Pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_COUNTS: Final = frozenset({"minLength", "minItems", "minProperties"})
"""Nothing has less than none of them: 0 is the same as no bound."""
_FORMS: Final = {"pattern": "it must match {} now", "format": "it must have the format {} now"}


def narrower(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    """A sentence for each bound that the new schema has and the old one had not, or had wider."""
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield _told(name, old, new, where)
    for name in _LOWER:
        least = old.get(name, 0 if name in _COUNTS else None)
        if name in new and (least is None or new[name] > least):
            yield _told(name, old, new, where)
    for name, sentence in _FORMS.items():
        if name in new and new[name] != old.get(name):
            yield f"{where}: {sentence.format(new[name])}"
    if "multipleOf" in new and not _divides(new["multipleOf"], old.get("multipleOf")):
        yield _told("multipleOf", old, new, where)
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield f"{where}: nothing may be in it twice now"


def _divides(step: float, former: float | None) -> bool:
    """Whether all multiples of the former step are multiples of this one."""
    return former is not None and Decimal(str(former)) % Decimal(str(step)) == 0


def _told(name: str, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> str:
    return f"{where}: {name} is {new[name]} now, and was {old.get(name, 'not bound')}"
