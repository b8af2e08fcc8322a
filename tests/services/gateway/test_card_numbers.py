"""A card number is refused in every free field of every route that takes a body, and reaches no log."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

# What the gateway serves is this (test_openapi.py), and describing it takes a second, which each process would spend.
DESCRIBED: Final = Path(__file__).parents[3] / "docs" / "openapi.json"

PAN: Final = "4111 1111 1111 1111"


def _routes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Method, path and the names of the text fields of each route that takes a body, as it is described."""
    described = json.loads(DESCRIBED.read_text())
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            # Bytes are not looked into; test_objects.py has what is said of them.
            is_json = "application/json" in operation.get("requestBody", {}).get("content", ())
            if is_json and path.startswith(("/v1/", "/api/v1/")):
                there = {"key"} if path.endswith("/downloads") else set()  # of an object that is
                texts = _texts(described, operation["requestBody"])
                yield method.upper(), path, tuple(text for text in texts if text not in there)


def _texts(described: Mapping[str, Any], body: dict[str, Any]) -> Iterator[str]:
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    for field, schema in described["components"]["schemas"][name].get("properties", {}).items():
        kinds = {one.get("type") for one in schema.get("anyOf", [schema])}
        if "string" in kinds and field not in {"amount", "fixed"}:
            yield field


@pytest.mark.parametrize(
    ("method", "path", "texts"), list(_routes()), ids=lambda value: value if isinstance(value, str) else ""
)
async def test_it_is_refused_wherever_one_could_type_it(
    world: Any, shop: Any, method: str, path: str, texts: tuple[str, ...]
) -> None:
    named = path.replace("{category}", "payments")
    for part in [part for part in path.split("/") if part.startswith("{") and part != "{category}"]:
        kind = part[1:-4]
        known = kind in {"subscription", "payment_link", "payment_method", "vendor"}
        named = named.replace(part, shop.has(kind) if known else "pay_1")
    asked = len(world.services.asked)
    for field in (*texts, "anything"):
        assert await shop.names(method, named, {field: PAN}) == field
        assert await shop.names(method, named, {"notes": {"a": [{"b": PAN}]}, field: "x"}) == "notes.a.0.b"
        assert await shop.names(method, named, {"data": {field: 4111111111111111}}) == f"data.{field}"
    assert await shop.names(method, named, {PAN: 1}) == "*"
    assert len(world.services.asked) == asked, "the worker was asked with it"
