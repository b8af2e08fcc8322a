"""No operation of the API is forgotten here: each is asked for by a story, in both forms of the client."""

import ast
import json
from pathlib import Path
from typing import Final

_GOLDEN: Final = Path(__file__).resolve().parents[3] / "sdks" / "golden"
"""A case of each operation, and the method that makes it."""
NOT_ASKED_HERE: Final[dict[str, str]] = {}
"""Method → why it cannot be asked of a local stack."""


def methods() -> set[str]:
    cases = [case for path in _GOLDEN.glob("*.json") for case in json.loads(path.read_text("utf-8"))]
    return {case["call"]["method"] for case in cases if "operation" in case}


def asked() -> set[str]:
    """What the stories name."""
    stories = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    return {
        node.value
        for path in stories
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_operation_is_asked_for() -> None:
    wanted = methods() | {"events.stream", "storage.upload", "storage.download"}
    assert wanted - set(NOT_ASKED_HERE) <= asked()


def test_what_is_left_out_is_not_asked_for_all_the_same() -> None:
    assert set(NOT_ASKED_HERE) <= methods() - asked()
