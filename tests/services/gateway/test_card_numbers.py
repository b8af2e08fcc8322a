"""A card number is refused in every free field of every route that takes a body, and reaches no log."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI

from onerouter_gateway.app import build_routes
from onerouter_gateway.openapi import describe, operation_id_of

PAN: Final = "4111 1111 1111 1111"


def _routes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Method, path and the names of the text fields of each route that takes a body, as it is described."""
    app = FastAPI(generate_unique_id_function=operation_id_of)
    build_routes(app)
    document = describe(app)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation and path.startswith(("/v1/", "/api/v1/")):
                yield method.upper(), path, tuple(_texts(document, operation["requestBody"]))


def _texts(document: dict[str, Any], body: dict[str, Any]) -> Iterator[str]:
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    for field, schema in document["components"]["schemas"][name].get("properties", {}).items():
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
