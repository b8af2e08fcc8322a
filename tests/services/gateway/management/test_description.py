"""Two documents become one, and nothing of either is lost."""

from typing import Any

import pytest

from onerouter_gateway.management.description import merged


def _document(path: str, operation_id: str, schemas: dict[str, Any], tag: str = "A") -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": path},
        "paths": {path: {"get": {"operationId": operation_id, "responses": {"200": answer}}}},
        "tags": [{"name": tag}],
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"description": path}}},
    }


OURS = _document("/v1/things", "list_things", {"Thing": {"type": "object"}, "Same": {"type": "string"}})


class TestMerged:
    def test_a_schema_of_another_meaning_gets_another_name(self) -> None:
        holder = {"properties": {"one": {"$ref": "#/components/schemas/Thing"}}, "enum": ["#/components/schemas/Thing"]}
        theirs = _document(
            "/api/things",
            "list_managed_things",
            {"Thing": {"type": "array"}, "Same": {"type": "string"}, "Holder": holder},
            "B",
        )
        document = merged(OURS, theirs)
        schemas = document["components"]["schemas"]
        assert schemas.keys() == {"Thing", "Same", "ManagementThing", "Holder"}
        assert (schemas["Thing"], schemas["ManagementThing"]) == ({"type": "object"}, {"type": "array"})
        assert schemas["Holder"]["properties"]["one"]["$ref"] == "#/components/schemas/ManagementThing"
        assert schemas["Holder"]["enum"] == ["#/components/schemas/Thing"], "a value is no reference"
        references = {
            path: methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
            for path, methods in document["paths"].items()
        }
        assert references == {
            "/v1/things": "#/components/schemas/Thing",
            "/api/things": "#/components/schemas/ManagementThing",
        }
        assert [tag["name"] for tag in document["tags"]] == ["A", "B"]
        assert document["info"] == OURS["info"]

    @pytest.mark.parametrize(("path", "operation_id"), [("/v1/things", "other"), ("/api/things", "list_things")])
    def test_what_both_describe_is_refused(self, path: str, operation_id: str) -> None:
        with pytest.raises(ValueError, match="described twice"):
            merged(OURS, _document(path, operation_id, {}))

    def test_no_name_is_taken_twice(self) -> None:
        with pytest.raises(ValueError, match="both taken"):
            merged(OURS, _document("/api/x", "x", {"Thing": {"type": "array"}, "ManagementThing": {}}))
