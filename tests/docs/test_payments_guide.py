"""Each example of docs/payments.md is a request that docs/openapi.json describes, and every change has one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.docs.payments_guide import PAGE, Example, examples

API = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
EXAMPLES = list(examples())
AREAS = (
    "payments",
    "refunds",
    "plans",
    "subscriptions",
    "customers",
    "payment-links",
    "payment-methods",
    "marketplace",
)


def template_of(path: str) -> str:
    """As the description has it; of two that fit the one without a parameter."""
    fitting = [one for one in API["paths"] if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", one), path)]
    return str(min(fitting, key=lambda one: one.count("{")))


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{one.method} {one.path}" for one in EXAMPLES])
def test_each_example_is_described(example: Example) -> None:
    described: dict[str, Any] = API["paths"][template_of(example.path)][example.method.lower()]
    if example.body is None:
        assert not described.get("requestBody", {}).get("required", False)
        return
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": API["components"]}
    assert [error.message for error in Draft202012Validator(whole).iter_errors(example.body)] == []
    name = schema["$ref"].rpartition("/")[2]
    assert example.body.keys() <= API["components"]["schemas"][name].get("properties", {}).keys()


def test_everything_that_changes_something_is_shown() -> None:
    shown = {(one.method, template_of(one.path)) for one in EXAMPLES}
    changes = {
        (method.upper(), path)
        for path, methods in API["paths"].items()
        for method, described in methods.items()
        if path.split("/")[1] == "v1" and path.split("/")[2] in AREAS
        if method in ("post", "patch", "delete") and not described.get("deprecated")
    }
    assert {f"{method} {path}" for method, path in changes - shown if f"`{method} {path}`" not in PAGE} == set()
