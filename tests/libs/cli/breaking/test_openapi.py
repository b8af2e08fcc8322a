"""What breaks who uses the old description, and what breaks nobody."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from onerouter_server.breaking.__main__ import main
from onerouter_server.breaking.openapi import broken

_THING = {
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["new", "done"], "type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_ASKED = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"anyOf": [{"type": "number"}, {"type": "string"}]},
        "state": {"enum": ["new", "done"], "type": "string"},
        "note": {"type": "string", "maxLength": 20},
        "count": {"type": "integer", "maximum": 9, "multipleOf": 10},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
}
OLD: dict[str, Any] = {
    "paths": {
        "/v1/things": {
            "post": {
                "operationId": "create_thing",
                "parameters": [{"in": "query", "name": "dry", "schema": {"type": "string"}}],
                "security": [{"key": ["read"]}, {"session": []}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}},
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                        "headers": {"Location": {}},
                    },
                    "422": {"$ref": "#/components/responses/Error"},
                },
            }
        }
    },
    "components": {
        "schemas": {"Thing": _THING, "Asked": _ASKED},
        "responses": {"Error": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
    },
}

Change = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Any]
"""Of the operation, the schema of the answer, and that of the body."""


def _changed(change: Change) -> list[str]:
    new = deepcopy(OLD)
    schemas = new["components"]["schemas"]
    change(new["paths"]["/v1/things"]["post"], schemas["Thing"], schemas["Asked"])
    return broken(OLD, new)


class TestBroken:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda op, _, __: op.update(operationId="make_thing"), "clients are generated with create_thing"),
            (lambda op, _, __: op["responses"].pop("422"), "the status 422 is gone"),
            (lambda op, _, __: op["responses"].update({"202": {}}), "it may answer 202 now"),
            (lambda op, _, __: op["responses"]["201"]["headers"].pop("Location"), "the header Location is gone"),
            (lambda op, _, __: op["responses"]["201"].update(content={"text/plain": {}}), "application/json is gone"),
            (lambda op, _, __: op["parameters"].clear(), "the parameter is gone"),
            (lambda op, _, __: op["parameters"][0].update(required=True), "it has to be there now"),
            (
                lambda op, _, __: op["parameters"].append(
                    {"in": "header", "name": "X", "required": True, "schema": {"type": "string"}}
                ),
                "it is new, and has to be there",
            ),
            (lambda op, _, __: op["requestBody"].update(required=True), "body: it has to be there now"),
            (lambda op, _, __: op["security"].pop(), "session is no longer enough to call it"),
            (lambda op, _, __: op["security"][0]["key"].append("write"), "key (read) is no longer enough"),
            (lambda op, _, __: op["security"][1].update(device=[]), "session is no longer enough"),
            (lambda op, _, __: op["parameters"][0].update(style="spaceDelimited"), "written as spaceDelimited now"),
            (lambda op, _, __: op["parameters"][0].update(explode=False), "was as form, exploded"),
            (lambda _, thing, __: thing["properties"].pop("note"), "201.note: the field is gone"),
            (lambda _, thing, __: thing["required"].remove("id"), "201.id: it was always there"),
            (lambda _, thing, __: thing["properties"]["id"].update(type="integer"), "201.id: it may now be integer"),
            (
                lambda _, thing, __: thing["properties"].update(id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
                "201.id: it may now be null",
            ),
            (lambda _, thing, __: thing["properties"]["state"]["enum"].remove("new"), "new is no longer a value"),
            (lambda _, thing, __: thing["properties"]["parts"].update(items={"type": "string"}), "201.parts[]"),
            (lambda _, __, asked: asked["required"].append("note"), "body.note: it has to be there now"),
            (lambda _, __, asked: asked["properties"].pop("note"), "body.note: the field is gone"),
            (lambda _, __, asked: asked["properties"].update(amount={"type": "number"}), "may no longer be string"),
            (lambda _, __, asked: asked["properties"]["state"]["enum"].remove("done"), "done is no longer a value"),
            (lambda _, __, asked: asked["properties"]["note"].update(maxLength=10), "maxLength is 10 now, and was 20"),
            (lambda _, __, asked: asked["properties"]["note"].update(pattern="^a"), "it must match ^a now"),
            (lambda _, __, asked: asked["properties"]["note"].update(enum=["a"]), "it may only be a now"),
            (lambda _, __, asked: asked["properties"]["note"].update(format="uri"), "the format uri now"),
            (lambda _, __, asked: asked["properties"]["note"].update(minLength=1), "minLength is 1 now"),
            (lambda _, __, asked: asked["properties"]["count"].update(maximum=8), "maximum is 8 now, and was 9"),
            (lambda _, __, asked: asked["properties"]["count"].update(minimum=0), "minimum is 0 now"),
            (lambda _, __, asked: asked["properties"]["count"].update(multipleOf=20), "multipleOf is 20 now"),
            (lambda _, __, asked: asked["properties"]["count"].update(multipleOf=4), "multipleOf is 4 now"),
            (lambda _, __, asked: asked["properties"]["rows"].update(minItems=2), "minItems is 2 now, and was 1"),
            (lambda _, __, asked: asked["properties"]["rows"].update(maxItems=5), "maxItems is 5 now"),
            (lambda _, __, asked: asked["properties"]["rows"].update(uniqueItems=True), "nothing may be in it twice"),
            (lambda _, __, asked: asked["properties"]["labels"].update(minProperties=1), "minProperties is 1 now"),
            (lambda _, __, asked: asked["properties"]["labels"].update(maxProperties=5), "maxProperties is 5 now"),
            (
                lambda _, __, asked: asked["properties"]["labels"].update(additionalProperties=False),
                "body.labels: it may have no other fields now",
            ),
            (
                lambda _, __, asked: asked["properties"]["labels"].update(additionalProperties={"type": "integer"}),
                "body.labels.*: it may no longer be string",
            ),
            (lambda _, __, asked: asked.update(additionalProperties=False), "body: it may have no other fields now"),
            (
                lambda _, __, asked: asked.update(additionalProperties={"type": "string"}),
                "body.*: it may no longer be anything",
            ),
            (
                lambda _, thing, __: thing["properties"]["labels"].update(additionalProperties=False),
                "201.labels: its other fields are gone",
            ),
            (
                lambda _, thing, __: thing["properties"]["labels"].update(additionalProperties={"type": "integer"}),
                "201.labels.*: it may now be integer",
            ),
            (
                lambda _, thing, __: thing["properties"]["labels"].pop("additionalProperties"),
                "201.labels.*: it may now be anything",
            ),
        ],
    )
    def test_what_is_taken_away_is_told(self, change: Change, told: str) -> None:
        (sentence,) = _changed(change)
        assert sentence.startswith("POST /v1/things")
        assert told in sentence

    @pytest.mark.parametrize(
        "change",
        [
            lambda op, _, __: op["responses"].update({"409": {"description": "new"}}),
            lambda op, _, __: op["parameters"].append({"in": "query", "name": "more", "schema": {"type": "string"}}),
            lambda op, _, __: op.update(summary="Other words", deprecated=True),
            lambda _, thing, __: thing["properties"].update(more={"type": "string"}),
            lambda _, thing, __: thing["required"].append("note"),
            lambda _, thing, __: thing["properties"].update(note={"type": "string"}),
            lambda _, thing, __: thing["properties"]["state"]["enum"].append("lost"),
            lambda _, __, asked: asked["properties"].update(more={"type": "string"}),
            lambda _, __, asked: asked["properties"]["state"]["enum"].append("lost"),
            lambda _, __, asked: asked["properties"]["note"].update(maxLength=30),
            lambda _, __, asked: asked.update(required=[]),
            lambda op, _, __: op["security"].append({"certificate": []}),
            lambda op, _, __: op["security"][0].update(key=[]),
            lambda op, _, __: op.pop("security"),
            lambda op, _, __: op["parameters"][0].update(style="form", explode=True),
            lambda _, __, asked: asked["properties"]["note"].update(minLength=0),
            lambda _, __, asked: asked["properties"]["count"].update(multipleOf=5, maximum=10),
            lambda _, __, asked: asked["properties"]["rows"].update(minItems=0),
            lambda _, __, asked: asked["properties"]["labels"].update(additionalProperties=True),
            lambda _, thing, __: thing.update(additionalProperties=False),
            lambda _, thing, __: thing.update(additionalProperties={"type": "string"}),
            lambda _, thing, __: thing["properties"]["labels"].update(minProperties=1),
        ],
    )
    def test_what_is_added_breaks_nobody(self, change: Change) -> None:
        assert _changed(change) == []

    def test_a_path_and_an_operation_that_are_gone(self) -> None:
        assert broken(OLD, {**OLD, "paths": {}}) == ["/v1/things: the path is gone"]
        assert broken(OLD, {**OLD, "paths": {"/v1/things": {}}}) == ["POST /v1/things: the operation is gone"]

    def test_what_anybody_could_call_and_what_the_whole_document_asks_for(self) -> None:
        def guarded(security: Any) -> dict[str, Any]:
            new = deepcopy(OLD)
            new["paths"]["/v1/things"]["post"].pop("security")
            return {**new, "security": security}

        assert broken(guarded([]), guarded([{"key": []}])) == ["POST /v1/things: it needs authentication now"]
        assert broken(guarded([{"key": []}]), guarded([{"session": []}])) == [
            "POST /v1/things: key is no longer enough to call it"
        ]
        assert broken(guarded([{"key": []}, {}]), guarded([])) == []

    def test_one_of_several_forms_that_is_gone(self) -> None:
        forms = [
            {"type": "object", "properties": {"kind": {"const": kind}, kind: {"type": "string"}}} for kind in ("a", "b")
        ]

        def with_forms(op: dict[str, Any], few: list[Any]) -> None:
            op["requestBody"]["content"]["application/json"]["schema"] = {"oneOf": few}

        old, new = deepcopy(OLD), deepcopy(OLD)
        with_forms(old["paths"]["/v1/things"]["post"], forms)
        with_forms(new["paths"]["/v1/things"]["post"], [*forms, {**forms[0], "properties": {"kind": {"const": "c"}}}])
        assert broken(old, new) == []
        with_forms(new["paths"]["/v1/things"]["post"], forms[1:])
        assert broken(old, new)

    def test_references_may_be_named_otherwise(self) -> None:
        new = json.loads(json.dumps(OLD).replace("schemas/Thing", "schemas/Item").replace('"Thing"', '"Item"'))
        assert broken(OLD, new) == []


class TestMain:
    def test_fails_with_what_breaks(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        channels = {"channels": {"t": {"address": "t.v1", "messages": {}}}}
        for place, document in (("released", OLD), ("now", {**OLD, "paths": {}})):
            (tmp_path / place).mkdir()
            (tmp_path / place / "openapi.json").write_text(json.dumps(document))
            (tmp_path / place / "asyncapi.json").write_text(json.dumps(channels))
        assert main(tmp_path / "released", tmp_path / "now") == 1
        assert "/v1/things: the path is gone" in capsys.readouterr().err
        assert main(tmp_path / "released", tmp_path / "released") == 0
