"""Two JSON Schemas side by side: what of the old one the new one no longer keeps. Pure.

What is sent to us may only become wider, what we send only narrower; new fields are nobody's trouble. Names of schemas may
change, their form may not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from onerouter_server.breaking import bounds

Schema: TypeAlias = Mapping[str, Any]

_CHOICES: Final = ("anyOf", "oneOf")
_FREE: Final[Schema] = {}
"""Of what may be anything."""


class Way(Enum):
    """Who reads it."""

    ASKED = "request"
    TOLD = "answer"
    BOTH = "message"

    @property
    def is_asked(self) -> bool:
        return self is not Way.TOLD

    @property
    def is_told(self) -> bool:
        return self is not Way.ASKED


@dataclass(frozen=True, slots=True)
class Side:
    """A document, with what its references lead to."""

    document: Mapping[str, Any]

    def resolved(self, thing: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to, with what stands beside it; the thing itself where it is none."""
        if not isinstance(thing.get("$ref"), str):
            return thing
        beside = {name: value for name, value in thing.items() if name != "$ref"}
        return self.resolved({**self.target(thing), **beside})

    def target(self, thing: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to, as the object that it is; the thing itself where it is none."""
        if not isinstance(thing.get("$ref"), str):
            return thing
        found: Any = self.document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[unquote(part).replace("~1", "/").replace("~0", "~")]
        target: Mapping[str, Any] = found
        return target

    def variants(self, schema: Schema) -> list[Schema]:
        """The forms a value may have; one, where there is no choice. All texts (numbers, …) are one form."""
        forms = list(self._forms(schema))
        if len(forms) == 1:
            return forms
        plain = {kind: [one for one in forms if _kind(one) == kind] for kind in map(_kind, forms) if kind != "object"}
        return [*(one for one in forms if _kind(one) == "object"), *(_as_one(kind, few) for kind, few in plain.items())]

    def _forms(self, schema: Schema) -> Iterator[Schema]:
        whole = self.resolved(schema)
        choices = [one for word in _CHOICES for one in whole.get(word, ())]
        if not choices:
            yield whole
        for one in choices:
            yield from self._forms(one)


class Comparison:
    """Of an old and a new document."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self.old = Side(old)
        self.new = Side(new)
        self._under_way: set[tuple[int, int, Way]] = set()

    def schemas(self, old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
        """A sentence a change. Schemas that lead to themselves are looked at once."""
        pair = (id(self.old.target(old)), id(self.new.target(new)), way)
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        try:
            before, after = self.old.variants(old), self.new.variants(new)
            yield from _kinds(before, after, way, where)
            for one in before:
                twin = _twin(one, after)
                if twin is not None:
                    yield from self._forms(one, twin, way, where)
                elif _kind(one) == "object" and way.is_asked:
                    yield f"{where}: one of the forms it may have is gone"
        finally:
            self._under_way.discard(pair)

    def _forms(self, old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
        yield from _values(old, new, where)
        if way.is_asked:
            yield from bounds.narrower(old, new, where)
        if "items" in old and "items" in new:
            yield from self.schemas(old["items"], new["items"], way, f"{where}[]")
        yield from self._fields(old, new, way, where)
        yield from self._other_fields(old, new, way, where)

    def _fields(self, old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, still = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            if name not in after:
                yield f"{where}.{name}: the field is gone"
                continue
            yield from self.schemas(schema, after[name], way, f"{where}.{name}")
            if way.is_told and name in needed and name not in still:
                yield f"{where}.{name}: it was always there, and need not be any more"
        if way.is_asked:
            for name in sorted(still - needed):
                yield f"{where}.{name}: it has to be there now"

    def _other_fields(self, old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
        """Those without a name in the schema. That an answer may now have some is nobody's trouble, as with a new field."""
        before, after = _others(old), _others(new)
        if before is None or (before == _FREE and after == _FREE):
            return
        if after is not None:
            yield from self.schemas(before, after, way, f"{where}.*")
        elif way.is_asked:
            yield f"{where}: it may have no other fields now"
        elif old.get("additionalProperties"):  # it was said that there may be some
            yield f"{where}: its other fields are gone"


def _others(schema: Schema) -> Schema | None:
    """What fields without a name in the schema may be; None: there may be none."""
    said: bool | Schema = schema.get("additionalProperties", True)
    if isinstance(said, bool):
        return _FREE if said else None
    return said


def _kind(schema: Schema) -> str:
    if "type" in schema:
        return str(schema["type"])
    if "properties" in schema:
        return "object"
    value = schema.get("const", next(iter(schema.get("enum", ())), None))
    return {bool: "boolean", int: "integer", float: "number", str: "string"}.get(type(value), "anything")


def _as_one(kind: str, forms: list[Schema]) -> Schema:
    """A value may have any of these forms. Only where each has its values (or there is one) something can be said of them."""
    if len(forms) == 1:
        return forms[0]
    values = [_enumerated(one) for one in forms]
    if any(one is None for one in values):
        return {"type": kind}
    return {"type": kind, "enum": [value for few in values for value in few or ()]}


def _kinds(before: list[Schema], after: list[Schema], way: Way, where: str) -> Iterator[str]:
    old, new = {_kind(one) for one in before}, {_kind(one) for one in after}
    if "anything" not in new and way.is_asked:
        lost = old - new - ({"integer"} if "number" in new else set())
        if lost:
            yield f"{where}: it may no longer be {_listed(lost)}"
    if "anything" not in old and way.is_told:
        more = new - old - ({"integer"} if "number" in old else set())
        if more:
            yield f"{where}: it may now be {_listed(more)}"


def _twin(schema: Schema, others: list[Schema]) -> Schema | None:
    """The new form of this one: of the same kind; of several objects the same, else of its constants, else of its name."""
    alike = [one for one in others if _kind(one) == _kind(schema)]
    if len(alike) <= 1:
        return alike[0] if alike else None
    mine = _constants(schema)
    for is_twin in (
        lambda one: one == schema,
        lambda one: bool(mine) and mine.items() <= _constants(one).items(),
        lambda one: "title" in schema and one.get("title") == schema["title"],
    ):
        found = next(filter(is_twin, alike), None)
        if found is not None:
            return found
    return None


def _constants(schema: Schema) -> dict[str, Any]:
    return {name: field["const"] for name, field in schema.get("properties", {}).items() if "const" in field}


def _values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """An answer may get new values at any time, as it may get new fields; none is ever taken away."""
    before, after = _enumerated(old), _enumerated(new)
    if after is not None and before is not None:
        gone = [value for value in before if value not in after]
        if gone:
            yield f"{where}: {_listed(map(str, gone))} is no longer a value of it"
    elif after is not None and _kind(old) != "anything":
        yield f"{where}: it may only be {_listed(map(str, after))} now"


def _enumerated(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
