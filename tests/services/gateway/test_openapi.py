"""The description of the API is complete, committed and current."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate

from onerouter_gateway import openapi
from onerouter_registry import openapi as management

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "openapi.json"
MANAGEMENT = ROOT / "services" / "gateway" / "src" / "onerouter_gateway" / "management" / "openapi.json"


def test_the_committed_description_is_current() -> None:
    assert openapi.written() == COMMITTED.read_bytes(), "run: make docs"


def test_the_registrys_part_is_current() -> None:
    assert management.written() == MANAGEMENT.read_bytes(), "run: make docs"


async def test_the_served_description_is_the_committed_one(gateway: Any) -> None:
    answer = await gateway.http.get("/openapi.json")
    assert answer.json() == orjson.loads(COMMITTED.read_bytes())


def test_the_introduction_names_what_of_the_management_takes_a_key() -> None:
    """As the routes say it, each by its noun."""
    named = {
        "/api/api-keys": "API keys",
        "/api/api-keys/{key_id}/rotate": "their rotation",
        "/api/services/{service}/{provider}/connect": "connections",
        "/api/services/{service}/{provider}/callback-token/rotate": "callback addresses",
        "/api/invitations": "invitations",
        "/api/tenants": "tenants",
        "/api/admin/tenants": "tenants",
    }
    document, managed = orjson.loads(COMMITTED.read_bytes()), orjson.loads(MANAGEMENT.read_bytes())["paths"]
    keyed = {
        path
        for path, operations in document["paths"].items()
        if path in managed
        for operation in operations.values()
        if isinstance(operation, dict) and "Idempotency-Key" in orjson.dumps(operation.get("parameters", [])).decode()
    }
    assert keyed == set(named)
    told = " ".join(document["info"]["description"].split())
    sentence = told.partition("Of what `/api` manages, ")[2].partition(".")[0]
    assert all(noun in sentence for noun in named.values()), sentence


def test_items_that_are_read_one_by_one_are_described_all_the_same() -> None:
    schemas = orjson.loads(COMMITTED.read_bytes())["components"]["schemas"]
    for body, field, item in (
        ("SmsBulk", "recipients", "SmsBulkItem"),
        ("EmailBulk", "recipients", "EmailBulkItem"),
        ("BulkSplit", "payments", "SplitPaymentCreate"),
    ):
        assert schemas[body]["properties"][field]["items"] == {"$ref": f"#/components/schemas/{item}"}
        assert schemas[item]["required"]


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

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [ref for item in value.values() for ref in references(item)]
        return [ref for item in value for ref in references(item)] if isinstance(value, list) else []

    for kind, name in {tuple(ref.split("/")[2:]) for ref in references(document)}:
        assert name in document["components"][kind]


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where, media type and content of each body and answer."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{where} body", media_type, content
            for status, answer in operation["responses"].items():
                told = answer if "$ref" not in answer else document["components"]["responses"][answer["$ref"][23:]]
                for media_type, content in told.get("content", {}).items():
                    yield f"{where} {status}", media_type, content


def test_every_example_is_valid_and_every_body_and_answer_has_one() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    checked: dict[bytes, list[str]] = {}
    for where, media_type, content in _contents(document):
        if media_type == "text/event-stream":
            continue
        assert "example" in content, where
        assert (media_type == "application/octet-stream") == (content["schema"].get("format") == "binary"), where
        seen = orjson.dumps([content["schema"], content["example"]], option=orjson.OPT_SORT_KEYS)
        if seen not in checked:
            validator = Draft202012Validator({**content["schema"], "components": document["components"]})
            checked[seen] = [
                f"{where}: {one.json_path} {one.message}" for one in validator.iter_errors(content["example"])
            ]
    assert [problem for found in checked.values() for problem in found] == []


def test_every_example_of_a_field_is_valid() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    problems = []
    for name, schema in document["components"]["schemas"].items():
        fields = {f"{name}.{field}": of for field, of in schema.get("properties", {}).items()}
        for where, of in {name: schema, **fields}.items():
            validator = Draft202012Validator({**of, "components": document["components"]})
            for example in of.get("examples", []):
                problems += [f"{where}: {one.message}" for one in validator.iter_errors(example)]
    assert problems == []


def test_every_error_is_a_problem_of_its_own_status() -> None:
    document = orjson.loads(COMMITTED.read_bytes())
    for where, media_type, content in _contents(document):
        status = where.rpartition(" ")[2]
        if status.startswith(("4", "5")):
            assert media_type == "application/problem+json"
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert str(content["example"]["status"]) == status
        else:
            known = ("application/json", "text/event-stream", "application/octet-stream")
            assert media_type in known, where
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert any(status.startswith(("4", "5")) for status in operation["responses"]), path


def test_no_answer_is_empty() -> None:
    for path, methods in orjson.loads(COMMITTED.read_bytes())["paths"].items():
        for method, operation in methods.items():
            assert "204" not in operation["responses"], path
            for status, answer in operation["responses"].items():
                has_content = "$ref" in answer or bool(answer.get("content"))
                assert has_content == (method != "head" and status not in ("302", "303", "304")), (path, status)


def test_it_is_openapi() -> None:
    validate(orjson.loads(COMMITTED.read_bytes()))
