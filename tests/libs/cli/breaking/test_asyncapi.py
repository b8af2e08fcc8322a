"""Topics: versions of a service run side by side, so a record is read by the older and the newer one."""

from copy import deepcopy
from typing import Any

import pytest

from onerouter_server.breaking.asyncapi import broken

OLD: dict[str, Any] = {
    "channels": {
        "things.v1": {"address": "things.v1", "messages": {"M": {"$ref": "#/components/messages/things.v1:Message"}}}
    },
    "components": {
        "messages": {
            "things.v1:Message": {"title": "things.v1:Message", "payload": {"$ref": "#/components/schemas/Thing"}}
        },
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "note": {"type": "string"}},
            }
        },
    },
}


def _thing(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]["Thing"]
    return found


class TestBroken:
    def test_a_topic_that_is_gone(self) -> None:
        assert broken(OLD, {**OLD, "channels": {}}) == ["things.v1: the topic is gone"]

    @pytest.mark.parametrize(
        ("required", "properties", "told"),
        [
            (["id", "note"], {}, "note: it has to be there now"),
            ([], {}, "id: it was always there"),
            (["id"], {"note": {"type": "integer"}}, "note: it may"),
        ],
    )
    def test_both_who_writes_and_who_reads_count(
        self, required: list[str], properties: dict[str, Any], told: str
    ) -> None:
        new = deepcopy(OLD)
        _thing(new)["required"] = required
        _thing(new)["properties"].update(properties)
        assert any(told in sentence for sentence in broken(OLD, new))

    def test_a_new_field_breaks_nobody(self) -> None:
        new = deepcopy(OLD)
        _thing(new)["properties"]["more"] = {"type": "string"}
        assert broken(OLD, new) == []
