"""Each example of a guide is a request that docs/openapi.json describes, and every change has one."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.docs.guides import Example, examples, page

API = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
AREAS: Final = {
    "payments.md": (
        "payments",
        "refunds",
        "plans",
        "subscriptions",
        "customers",
        "payment-links",
        "payment-methods",
        "marketplace",
    ),
    "messaging.md": ("sms", "email", "suppressions"),
    "storage.md": ("storage",),
    "webhooks.md": ("webhook-endpoints", "deliveries", "events", "event-types"),
}
"""Guide → the parts of the API that it shows."""
EXAMPLES = [example for guide in AREAS for example in examples(guide)]
_NOT_SHOWN: Final = {
    ("DELETE", "/v1/email/templates/{template_id}"),
    ("DELETE", "/v1/sms/templates/{template_id}"),
}
"""Would take away what the examples after them use."""


def template_of(path: str) -> str:
    """As the description has it; of two that fit the one without a parameter."""
    patterns = {one: re.sub(r"\{[^}]*\}", "[^/]+", one.replace("{key}", ".+")) for one in API["paths"]}
    fitting = [one for one, pattern in patterns.items() if re.fullmatch(pattern, path)]
    return str(min(fitting, key=lambda one: one.count("{")))


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{one.method} {one.path}" for one in EXAMPLES])
def test_each_example_is_described(example: Example) -> None:
    described: dict[str, Any] = API["paths"][template_of(example.path)][example.method.lower()]
    if example.has_bytes:
        assert "application/octet-stream" in described["requestBody"]["content"]
        return
    if example.body is None:
        assert not described.get("requestBody", {}).get("required", False)
        return
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": API["components"]}
    assert [error.message for error in Draft202012Validator(whole).iter_errors(example.body)] == []
    name = schema["$ref"].rpartition("/")[2]
    assert example.body.keys() <= API["components"]["schemas"][name].get("properties", {}).keys()


@pytest.mark.parametrize("guide", AREAS)
def test_everything_that_changes_something_is_shown(guide: str) -> None:
    shown = {(one.method, template_of(one.path)) for one in examples(guide)}
    changes = {
        (method.upper(), path)
        for path, methods in API["paths"].items()
        for method, described in methods.items()
        if path.split("/")[1] == "v1" and path.split("/")[2] in AREAS[guide]
        if method in ("post", "put", "patch", "delete") and not described.get("deprecated")
    }
    text = page(guide)
    left = changes - shown - _NOT_SHOWN
    assert {f"{method} {path}" for method, path in left if f"`{method} {path}`" not in text} == set()
