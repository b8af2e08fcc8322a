"""What docs/openapi.json says of `/v1`, as the generators of this folder read it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]
DOCUMENT: Final = ROOT / "docs" / "openapi.json"
PACKAGE: Final = ROOT / "sdks" / "python" / "src" / "onerouter"
METHODS: Final = ("get", "post", "put", "patch", "delete", "head")

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    tag: str
    body: Schema | None
    result: Schema | None
    """Of the first answer that says what was asked for (200 or 201)."""
    query: Mapping[str, Schema]
    path_parameters: tuple[str, ...]
    headers: frozenset[str]

    @property
    def route(self) -> str:
        return f"{self.method.upper()} {self.path}"


class Description:
    """The document; operations that are deprecated or not below `/v1` are left out."""

    def __init__(self, document: Schema) -> None:
        self.schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self.operations: tuple[Operation, ...] = tuple(_operations(document))

    def reached(self, start: object) -> set[str]:
        """Names of the schemas that a schema is made of, its own included."""
        found: set[str] = set()
        waiting = list(references(start))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(references(self.schemas[name]))
        return found

    def properties(self, schema: Schema | None) -> Mapping[str, Schema]:
        """The fields of a body, wherever it is written."""
        if schema is None:
            return {}
        if "$ref" in schema:
            return self.properties(self.schemas[name_of(schema)])
        found: Mapping[str, Schema] = schema.get("properties", {})
        return found


def read() -> Description:
    return Description(json.loads(DOCUMENT.read_text("utf-8")))


def name_of(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def references(schema: object) -> Iterator[str]:
    """Names of the schemas that this one mentions."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield name_of(schema)
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def _operations(document: Schema) -> Iterator[Operation]:
    for path, told in document["paths"].items():
        for method in METHODS:
            if path.startswith("/v1/") and method in told and not told[method].get("deprecated"):
                yield _operation(path, method, told[method])


def _operation(path: str, method: str, told: Schema) -> Operation:
    parameters = told.get("parameters", [])
    answers = (told["responses"][status] for status in ("200", "201") if status in told["responses"])
    return Operation(
        id=told["operationId"],
        method=method,
        path=path,
        tag=told["tags"][0],
        body=_json(told.get("requestBody", {})),
        result=next((_json(answer) for answer in answers), None),
        query={one["name"]: one for one in parameters if one["in"] == "query"},
        path_parameters=tuple(one["name"] for one in parameters if one["in"] == "path"),
        headers=frozenset(one["name"] for one in parameters if one["in"] == "header"),
    )


def _json(told: Schema) -> Schema | None:
    schema: Schema | None = told.get("content", {}).get("application/json", {}).get("schema")
    return schema
