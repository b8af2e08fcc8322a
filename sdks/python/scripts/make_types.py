"""Write `onerouter/types/`: results as `Object` subclasses, parameters as TypedDicts, from docs/openapi.json.

    python -m sdks.python.scripts.make_types           # writes
    python -m sdks.python.scripts.make_types --check   # fails where a file is not what would be written

A schema of one part of the API stands in the module of that part, one of several parts in `shared`.
"""

import argparse
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from runpy import run_path
from typing import Final

from sdks.python.scripts.annotations import Annotations, nested
from sdks.python.scripts.description import PACKAGE, Description, Operation, Schema, read
from sdks.python.scripts.writing import docstring, formatted, write

Groups = Mapping[str, Mapping[str, Schema]]

TYPES: Final = PACKAGE / "types"
BY: Final = "Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`."
RENAMED: Final = {"message_templates": "templates", "webhook_deliveries": "deliveries"}
# What went wrong is an exception; a page of a list is a class of the SDK's own.
OWN: Final = frozenset({"Problem"})
PAGE: Final = frozenset({"object", "data", "has_more", "next_cursor"})
# An attribute of such a name would be a method. Read without importing the package that is being written.
RESERVED: Final[frozenset[str]] = run_path(str(PACKAGE / "_object.py"))["RESERVED_FIELDS"]
# In the body for clients that cannot set headers; here options of every call.
OPTIONS: Final = frozenset({"idempotency_key", "environment"})


class ShadowedFieldError(Exception):
    """A result's field could not be read as an attribute. Give it another name in the API."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something would change")
    files = {name: formatted(source) for name, source in modules(read()).items()}
    return write(TYPES, files, check=parser.parse_args().check)


def modules(description: Description) -> dict[str, str]:
    """File names and their contents."""
    results = _grouped(description, lambda operation: operation.result)
    parameters = _grouped(description, lambda operation: operation.body)
    lint(description, [name for group in results.values() for name in group])
    return {
        **{f"{module}.py": _results(description, module, results) for module in results},
        **{f"params/{module}.py": _parameters(description, module, parameters) for module in parameters},
        "__init__.py": _index("What the API answers.", results),
        "params/__init__.py": _index("What methods take, as dictionaries: `create(**params)`.", parameters),
        "params/_values.py": _VALUES,
    }


def lint(description: Description, names: Iterable[str]) -> None:
    """Every field of a result is to be had as an attribute."""
    for name in names:
        for field in description.schemas[name]["properties"]:
            if field in RESERVED:
                raise ShadowedFieldError(f"{name}.{field}: as an attribute this name means something else.")


def _grouped(description: Description, part: Callable[[Operation], Schema | None]) -> Groups:
    """Module → its schemas: of one tag, or `shared`."""
    tags: dict[str, set[str]] = {}
    for operation in description.operations:
        for name in description.reached(part(operation)):
            tags.setdefault(name, set()).add(operation.tag)
    grouped: dict[str, dict[str, Schema]] = {}
    for name in sorted(tags):
        schema = description.schemas[name]
        if name not in OWN and schema.get("properties") and not _is_page(schema):
            module = _module_of(next(iter(tags[name]))) if len(tags[name]) == 1 else "shared"
            grouped.setdefault(module, {})[name] = schema
    return dict(sorted(grouped.items()))


def _is_page(schema: Schema) -> bool:
    return {"data", "has_more", "next_cursor"} <= set(schema["properties"]) <= PAGE


def _module_of(tag: str) -> str:
    module = tag.lower().replace(" ", "_")
    return RENAMED.get(module, module)


def _results(description: Description, module: str, groups: Groups) -> str:
    annotations = Annotations(description, results=True)
    own = groups[module]
    inner = {name: nested(description, schema) for name, schema in own.items()}
    return "\n".join(
        [
            f'"""Results: {module.replace("_", " ")}.\n\n{BY}\n"""',
            "from __future__ import annotations",
            "from collections.abc import Mapping",
            "from typing import Any, ClassVar, Literal",
            "from onerouter._object import Object, OpenObject",
            *_of_shared(module, groups, own, description),
            _exports(own),
            *(_result(annotations, name, schema) for name, schema in own.items()),
            *(f"{name}._nested = {_table(fields)}" for name, fields in inner.items() if fields),
        ]
    )


def _result(annotations: Annotations, name: str, schema: Schema) -> str:
    lines = [f"class {name}(Object):", docstring(schema.get("description") or _words(name), 4)]
    methods: list[str] = []
    if nested(annotations.description, schema):
        lines.append("    _nested: ClassVar[Mapping[str, type[Object]]]")
    for field, told in schema["properties"].items():
        annotation, text = annotations.of(told), told.get("description")
        if keyword.iskeyword(field):
            methods += ["    @property", f"    def {field}_(self) -> {annotation}:"]
            methods += [docstring(text or f"The field `{field}`, whose name is a word of Python's.", 8)]
            methods += [f'        return self["{field}"]  # type: ignore[no-any-return]']
        elif field.isidentifier():
            lines += [f"    {field}: {annotation}", *([docstring(text, 4)] if text else [])]
    return "\n".join([*lines, *methods, ""])


def _words(name: str) -> str:
    """`SmsBatch` → `Sms batch.`: where the document has no sentence."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize() + "."


def _table(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{field}": {name}' for field, name in fields.items()) + "}"


def _parameters(description: Description, module: str, groups: Groups) -> str:
    annotations = Annotations(description, results=False)
    own = groups[module]
    return "\n".join(
        [
            f'"""Parameters: {module.replace("_", " ")}.\n\n{BY}\n"""',
            "from __future__ import annotations",
            "from collections.abc import Mapping, Sequence",
            "from datetime import datetime",
            "from typing import Literal, TypedDict",
            "from ._values import Address, Amount",
            *_of_shared(module, groups, own, description),
            _exports(own),
            *(_parameter(annotations, name, schema) for name, schema in own.items()),
        ]
    )


def _parameter(annotations: Annotations, name: str, schema: Schema) -> str:
    """What has to be said stands in a class of its own: Python 3.10 has no `Required`."""
    fields = {field: told for field, told in schema["properties"].items() if field not in OPTIONS}
    required = [field for field in fields if field in schema.get("required", ())]
    optional = [field for field in fields if field not in required]
    text = docstring(schema.get("description") or _words(name), 4)
    if not (required and optional):
        total = "" if required else ", total=False"
        return "\n".join([f"class {name}(TypedDict{total}):", text, *_fields(annotations, fields, list(fields)), ""])
    return "\n".join(
        [
            f"class _{name}Required(TypedDict):",
            *_fields(annotations, fields, required),
            "",
            f"class {name}(_{name}Required, total=False):",
            text,
            *_fields(annotations, fields, optional),
            "",
        ]
    )


def _fields(annotations: Annotations, fields: Mapping[str, Schema], names: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for name in names:
        lines.append(f"    {name}: {annotations.of(fields[name])}")
        if fields[name].get("description"):
            lines.append(docstring(fields[name]["description"], 4))
    return lines


def _of_shared(module: str, groups: Groups, own: Mapping[str, Schema], description: Description) -> list[str]:
    shared = set(groups.get("shared", ())) if module != "shared" else set()
    used = sorted(shared & set().union(*(description.reached(schema) for schema in own.values())))
    return [f"from .shared import {', '.join(used)}"] if used else []


def _exports(names: Iterable[str]) -> str:
    return "__all__ = [" + ", ".join(f'"{name}"' for name in names) + "]"


def _index(title: str, groups: Groups) -> str:
    """All names in one place; a module is imported when the first of its names is asked for."""
    home = {name: module for module, names in groups.items() for name in names}
    values = ["Address", "Amount"] if "params" in title else []
    home |= dict.fromkeys(values, "_values")
    imports = [f"    from .{module} import {name} as {name}" for name, module in home.items()]
    return "\n".join(
        [
            f'"""{title}\n\n{BY}\n"""',
            "from __future__ import annotations",
            "from importlib import import_module",
            "from typing import TYPE_CHECKING, Any, Final",
            "if TYPE_CHECKING:",
            *imports,
            f"_HOME: Final = {dict(sorted(home.items()))!r}",
            *([] if values else [f"BY_OBJECT: Final = {_by_object(groups)!r}", _BY_OBJECT]),
            _exports(sorted(home)),
            _LAZY,
        ]
    )


def _by_object(groups: Groups) -> dict[str, str]:
    """What the field `object` says → the class of it."""
    found = {}
    for names in groups.values():
        for name, schema in names.items():
            const = schema["properties"].get("object", {}).get("const")
            if const is not None and name == const.title().replace("_", ""):
                found[const] = name
    return dict(sorted(found.items()))


_BY_OBJECT: Final = '''"""What a field `object` says → the name of its class here."""
'''
_LAZY: Final = """
def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__]
"""
_VALUES: Final = f'''"""Values that several parameters take.

{BY}
"""
from __future__ import annotations
from decimal import Decimal
from typing import TypedDict

Amount = Decimal | int | float | str
"""Money in major units: `Decimal("499.00")`, `"499.00"`, `499`. A float is written as it prints."""


class _AddressRequired(TypedDict):
    email: str


class Address(_AddressRequired, total=False):
    """Somebody to write to."""
    name: str
'''


if __name__ == "__main__":
    sys.exit(main())
