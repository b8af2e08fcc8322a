"""The description of the API is complete, committed and current."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "openapi.json"
MANAGEMENT = ROOT / "services" / "gateway" / "src" / "onerouter_gateway" / "management" / "openapi.json"


def test_the_committed_description_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", "onerouter_gateway.openapi"], capture_output=True, check=True)
    assert made.stdout == COMMITTED.read_bytes(), "run: python -m onerouter_gateway.openapi > docs/openapi.json"


def test_the_registrys_part_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", "onerouter_registry.openapi"], capture_output=True, check=True)
    assert made.stdout == MANAGEMENT.read_bytes(), "run: make docs"


async def test_the_served_description_is_the_committed_one(gateway: Any) -> None:
    answer = await gateway.http.get("/openapi.json")
    assert answer.json() == orjson.loads(COMMITTED.read_bytes())


def test_every_route_is_described() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {
        ("POST", "/v1/payments"),
        ("GET", "/v1/payments"),
        ("GET", "/v1/payments/{payment_id}"),
        ("POST", "/v1/payments/{payment_id}/capture"),
        ("POST", "/v1/payments/{payment_id}/cancel"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/refunds"),
        ("GET", "/v1/refunds/{refund_id}"),
        ("GET", "/v1/operations"),
        ("GET", "/v1/operations/{operation_id}"),
        ("POST", "/v1/webhook-endpoints"),
        ("DELETE", "/v1/webhook-endpoints/{endpoint_id}"),
    } <= described
    for path, methods in document["paths"].items():
        for method in methods.values():
            assert method["summary"]
            assert method["tags"]
            named = {parameter["name"] for parameter in method.get("parameters", []) if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert {"429", "503"} <= set(method["responses"])
            if path.startswith("/v1/"):
                assert method["description"]
                assert method["security"]
            if method.get("security"):
                assert "401" in method["responses"]


def test_the_management_api_is_part_of_it() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    theirs = orjson.loads(MANAGEMENT.read_bytes())
    managed = {path for path in document["paths"] if path.startswith("/api/") and not path.startswith("/api/v1/")}
    assert theirs["paths"].keys() == managed
    assert document["components"]["securitySchemes"].keys() == {"bearer", "apiKey", "session"}
    for methods in theirs["paths"].values():
        for method in methods.values():
            assert {name for one in method.get("security", []) for name in one} <= {"bearer", "apiKey", "session"}
    assert "HTTPValidationError" not in COMMITTED.read_text(), "errors are problems everywhere"


def test_names_are_unique_and_tags_are_explained() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    operations = [method for methods in document["paths"].values() for method in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert sorted(set(ids)) == sorted(ids)
    explained = {tag["name"]: tag["description"] for tag in document["tags"]}
    for tag in {tag for operation in operations for tag in operation["tags"]}:
        assert explained[tag] != f"{tag}.", f"say what {tag} is, in onerouter_registry/openapi.py"


def test_every_reference_leads_somewhere() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    schemas = document["components"]["schemas"]

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [ref for item in value.values() for ref in references(item)]
        return [ref for item in value for ref in references(item)] if isinstance(value, list) else []

    assert {ref.rsplit("/", 1)[1] for ref in references(document)} <= set(schemas)


async def test_the_reference_needs_nothing_from_elsewhere(gateway: Any) -> None:
    answer = await gateway.http.get("/docs")
    assert answer.status_code == 200
    assert "Create a payment" in answer.text
    assert "/v1/webhook-endpoints/{endpoint_id}/deliveries" in answer.text
    assert "<script" not in answer.text
    assert "src=" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
