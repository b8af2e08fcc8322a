"""Stripe's own OpenAPI description as a judge of what goes over the wire: requests of our client, answers of our sandbox.

The description is cut (`SOURCES.md` beside it says how): references are ids only, so an expanded object is judged by its
own schema.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX = "/stripe"


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int
    answer: str


@dataclass
class Recorded:
    """Every call to Stripe's API that got a JSON answer."""

    exchanges: list[Exchange] = field(default_factory=list)

    def take(self) -> list[Exchange]:
        taken, self.exchanges = self.exchanges, []
        return taken


class _Sender:
    """`send` as a method of what owns the transport: the sandbox cuts connections by it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.transport = getattr(getattr(send, "__self__", None), "transport", None)
        self.status = 0
        self.sent = b""
        self.content_type = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.content_type = dict(message["headers"]).get(b"content-type", b"")
        elif message["type"] == "http.response.body":
            self.sent += message.get("body", b"")
        await self._send(message)


def recording(app: ASGIApp, recorded: Recorded) -> ASGIApp:
    """The same application, with its Stripe calls written down."""

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{_PREFIX}/v1/"):
            await app(scope, receive, send)
            return
        came: list[bytes] = []

        async def hear() -> Message:
            message = await receive()
            came.append(message.get("body", b""))
            return message

        sender = _Sender(send)
        await app(scope, hear, sender.send)
        if sender.content_type == b"application/json":
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            recorded.exchanges.append(
                Exchange(
                    scope["method"],
                    scope["path"].removeprefix(_PREFIX),
                    scope["query_string"].decode(),
                    headers,
                    b"".join(came).decode(),
                    sender.status,
                    sender.sent.decode(),
                )
            )

    return listening


class Contract:
    """The description, ready to judge. Every complaint is a sentence."""

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / "stripe.json").read_text("utf-8"))
        self._paths: dict[str, Any] = described["paths"]
        self._schemas: dict[str, Any] = described["components"]["schemas"]
        self._components = {"schemas": {name: _relaxed(each) for name, each in self._schemas.items()}}
        self.version: str = described["info"]["version"]
        self.seen: set[tuple[str, str]] = set()
        """(method, path of the description) of all that was judged."""

    def complaints(self, exchange: Exchange) -> list[str]:
        operation = self._operation(exchange)
        if operation is None:
            return [f"{exchange.method} {exchange.path} is not in the description"]
        found = [*self._asked(exchange, operation), *self._answered(exchange, operation)]
        return [f"{exchange.method} {exchange.path}: {one}" for one in found]

    def object_complaints(self, thing: Any) -> Iterator[str]:
        """About an object of the API and all in it, by their `object` names."""
        if isinstance(thing, list):
            for item in thing:
                yield from self.object_complaints(item)
        if not isinstance(thing, dict):
            return
        name = thing.get("object")
        if thing.get("deleted") is True and f"deleted_{name}" in self._schemas:
            name = f"deleted_{name}"
        if isinstance(name, str) and name in self._schemas:
            yield from self._broken(thing, {"$ref": f"#/components/schemas/{name}"}, name)
            for unknown in thing.keys() - self._schemas[name]["properties"].keys():
                yield f"{name} has no field {unknown}"
        for value in thing.values():
            yield from self.object_complaints(value)

    def _operation(self, exchange: Exchange) -> dict[str, Any] | None:
        fitting = [
            (path, methods[exchange.method.lower()])
            for path, methods in self._paths.items()
            if exchange.method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), exchange.path)
        ]
        if not fitting:
            return None
        path, operation = min(fitting, key=lambda each: each[0].count("{"))
        self.seen.add((exchange.method, path))
        return dict(operation)

    def _asked(self, exchange: Exchange, operation: dict[str, Any]) -> Iterator[str]:
        if exchange.method == "POST" or exchange.body:
            content = operation["requestBody"]["content"]
            if exchange.headers.get("content-type") not in content:
                yield f"content type {exchange.headers.get('content-type')}"
            given = _tree(exchange.body)
            schema = next(iter(content.values()))["schema"]
            yield from self._broken(_typed(given, schema), schema, "request")
            if exchange.query:
                yield "has a query"
            return
        parameters = {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
        for name, value in _tree(exchange.query).items():
            if name not in parameters:
                yield f"no parameter {name}"
            else:
                yield from self._broken(_typed(value, parameters[name]), parameters[name], f"parameter {name}")

    def _answered(self, exchange: Exchange, operation: dict[str, Any]) -> Iterator[str]:
        answer = json.loads(exchange.answer)
        kind = "200" if exchange.status == 200 else "default"
        schema = next(iter(operation["responses"][kind]["content"].values()))["schema"]
        yield from self._broken(answer, schema, f"answer {exchange.status}")
        yield from self.object_complaints(answer)

    def _broken(self, thing: Any, schema: dict[str, Any], name: str) -> Iterator[str]:
        validator = Draft202012Validator({**_relaxed(schema), "components": self._components})
        for error in validator.iter_errors(thing):
            yield f"{name} at {'/'.join(map(str, error.absolute_path)) or 'top'}: {error.message[:200]}"


def _relaxed(schema: Any) -> Any:
    """OpenAPI 3.0 → JSON schema: what may be null may, and a reference may be expanded."""
    if isinstance(schema, list):
        return [_relaxed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _relaxed(value) for name, value in schema.items() if name not in ("nullable", "discriminator")}
    choices = [inner]
    if schema.get("nullable") is True:
        choices.append({"type": "null"})
    if schema.get("x-expandable") is True:
        choices.append({"type": "object", "required": ["id", "object"]})
    return inner if len(choices) == 1 else {"anyOf": choices}


def _tree(text: str) -> dict[str, Any]:
    """Bracket notation as nested dictionaries; written here anew, so that it shares no mistake with client or sandbox."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        last = steps[-1] or str(len(node))
        assert last not in node, f"{name} is sent twice"
        node[last] = value
    return tree


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """Text as the type that the description says it is."""
    if "anyOf" in schema:
        return next((_typed(value, one) for one in schema["anyOf"] if _fits(value, one)), value)
    if isinstance(value, dict) and schema.get("type") == "array":
        return [_typed(item, schema["items"]) for item in value.values()]
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        more = more if isinstance(more, dict) else {}
        return {name: _typed(inner, known.get(name, more)) for name, inner in value.items()}
    if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    return isinstance(value, dict) == (schema.get("type") in ("object", "array"))
