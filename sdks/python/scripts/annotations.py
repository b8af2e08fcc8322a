"""From a JSON Schema to a Python annotation."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sdks.python.scripts.description import Description, Schema, name_of

# Objects that the document writes where they are used: by their fields.
INLINE: Final[Mapping[frozenset[str], str]] = {frozenset({"email", "name"}): "Address"}
_PLAIN: Final[Mapping[str, str]] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}


class UnknownShapeError(Exception):
    """The document has a schema that no rule here covers. Add one."""


class Annotations:
    """Results are what `json.loads` makes of an answer; parameters are whatever can be written as such."""

    def __init__(self, description: Description, *, results: bool) -> None:
        self.description = description
        self._results = results

    def of(self, schema: Schema) -> str:
        if "$ref" in schema:
            name = name_of(schema)
            told = self.description.schemas[name]
            return name if "properties" in told else self.of(told)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            # Results are open: a word that came later is no mistake of the program that reads it.
            return f"Literal[{', '.join(map(repr, schema['enum']))}]" + (" | str" if self._results else "")
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._union(schema[key])
        if not schema or set(schema) <= {"description", "title", "examples", "default"}:
            return "Any" if self._results else "object"
        return self._of_type(schema)

    def _union(self, parts: Iterable[Schema]) -> str:
        found: dict[str, None] = {}
        for part in parts:
            for one in _flat(part):
                found[self.of(one)] = None
        names = list(found)
        if not self._results and {"float", "str"} <= set(names):
            names = ["Amount", *(name for name in names if name not in ("float", "str"))]
        if "None" in names:
            names = [name for name in names if name != "None"] + ["None"]
        return " | ".join(names)

    def _of_type(self, schema: Schema) -> str:
        kind = str(schema.get("type"))
        if kind == "array":
            # Where the description leaves entries open, so that one that is wrong stops no other, they are objects.
            items = schema.get("items") or {"type": "object"}
            return f"{'list' if self._results else 'Sequence'}[{self.of(items)}]"
        if kind == "object":
            return self._object(schema)
        if kind == "string" and schema.get("format") == "date-time" and not self._results:
            return "datetime | str"
        if kind in _PLAIN:
            return _PLAIN[kind]
        raise UnknownShapeError(f"No rule for {schema!r}.")

    def _object(self, schema: Schema) -> str:
        if "properties" in schema:
            name = INLINE.get(frozenset(schema["properties"]))
            if name is None:
                raise UnknownShapeError(f"Give the object of {sorted(schema['properties'])} a name.")
            return name
        values = schema.get("additionalProperties", True)
        if self._results:
            return f"dict[str, {self.of(values)}]" if isinstance(values, Mapping) else "OpenObject"
        return f"Mapping[str, {self.of(values) if isinstance(values, Mapping) else 'object'}]"


def nested(description: Description, schema: Schema) -> dict[str, str]:
    """Fields whose values are of one class of ours, alone or in a list: field → class."""
    found: dict[str, str] = {}
    for field, told in schema["properties"].items():
        names = {_class_of(description, one) for one in _flat(told)} - {"null"}
        if len(names) == 1 and (name := next(iter(names))) is not None:
            found[field] = name
    return found


def _class_of(description: Description, schema: Schema) -> str | None:
    if schema.get("type") == "null":
        return "null"
    if schema.get("type") == "array":
        inner = {_class_of(description, one) for one in _flat(schema.get("items", {}))}
        return next(iter(inner)) if len(inner) == 1 else None
    if "$ref" in schema and "properties" in description.schemas[name_of(schema)]:
        return name_of(schema)
    return None


def _flat(schema: Schema) -> list[Any]:
    """The parts of a union of unions."""
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return [one for part in schema[key] for one in _flat(part)]
    return [schema]
