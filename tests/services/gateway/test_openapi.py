"""The description of the API is complete, committed and current."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_committed_description_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", "onerouter_gateway.openapi"], capture_output=True, check=True)
    assert made.stdout == COMMITTED.read_bytes(), "run: python -m onerouter_gateway.openapi > docs/openapi.json"


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
            assert method["description"]
            assert method["security"]
            named = {parameter["name"] for parameter in method.get("parameters", []) if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert {"401", "503"} <= set(method["responses"])


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
