"""The registry's part of the API's description: made by `python -m onerouter_registry.openapi`, kept beside this file."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import orjson

_FILE: Final = "openapi.json"
_SCHEMAS: Final = "#/components/schemas/"
_PREFIX: Final = "Management"


def management_document() -> dict[str, Any]:
    """As it is committed."""
    document: dict[str, Any] = orjson.loads((files(__package__) / _FILE).read_bytes())
    return document


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """One document of two. A schema of theirs that has the name of another one of ours is prefixed `Management`.

    Raises ValueError for a path, an operation id or a security scheme that both describe differently.
    """
    names = _names(_part(ours, "schemas"), _part(theirs, "schemas"))
    renamed: dict[str, Any] = _renamed(dict(theirs), names)
    schemas = {names[name]: schema for name, schema in _part(renamed, "schemas").items()}
    _refuse_clashes(ours, renamed)
    explained = {tag["name"] for tag in ours["tags"]}
    return {
        **ours,
        "paths": {**ours["paths"], **renamed["paths"]},
        "tags": [*ours["tags"], *(tag for tag in renamed["tags"] if tag["name"] not in explained)],
        "components": {
            **ours["components"],
            "schemas": {**_part(ours, "schemas"), **schemas},
            "securitySchemes": {**_part(renamed, "securitySchemes"), **_part(ours, "securitySchemes")},
        },
    }


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] = document.get("components", {}).get(name, {})
    return part


def _names(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, schema in theirs.items():
        clashes = name in ours and ours[name] != schema
        names[name] = f"{_PREFIX}{name}" if clashes else name
        if clashes and (names[name] in ours or names[name] in theirs):
            raise ValueError(f"{name} and {names[name]} are both taken")
    return names


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _reference(item, names) if key == "$ref" else _renamed(item, names) for key, item in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value


def _reference(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or not value.startswith(_SCHEMAS):
        return _renamed(value, names)  # a field that is called $ref
    name = value.removeprefix(_SCHEMAS)
    return _SCHEMAS + names.get(name, name)


def _refuse_clashes(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    paths = ours["paths"].keys() & theirs["paths"].keys()
    operations = _operation_ids(ours) & _operation_ids(theirs)
    if paths or operations:
        raise ValueError(f"described twice: {sorted(paths | operations)}")


def _operation_ids(document: Mapping[str, Any]) -> set[str]:
    return {method["operationId"] for methods in document["paths"].values() for method in methods.values()}
