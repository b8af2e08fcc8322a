"""The cases of sdks/golden, and what has to come of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sdks.python.tests.wire import Asked

import onerouter
from onerouter import OneRouterError
from onerouter._keys import checksum

FOLDER: Final = Path(__file__).resolve().parents[2] / "golden"
_BODY: Final = "unf_test_" + "0" * 32
KEY: Final = _BODY + checksum(_BODY)

Case = Mapping[str, Any]


def cases() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text("utf-8"))]


def operations() -> dict[str, str]:
    """Operation of the API → the method that makes it."""
    return {case["operation"]: case["call"]["method"] for case in cases() if "operation" in case}


def method_of(client: object, name: str) -> Any:
    """`payments.create` of a client."""
    found = client
    for part in name.split("."):
        found = getattr(found, part)
    return found


def keywords(case: Case) -> dict[str, Any]:
    """Of JSON a text is as near to bytes as it gets."""
    arguments = dict(case["call"]["arguments"])
    if isinstance(arguments.get("content"), str):
        arguments["content"] = arguments["content"].encode()
    return {**arguments, **case["call"].get("options", {})}


def check_requests(case: Case, asked: list[Asked]) -> None:
    """All of them, in order."""
    wanted = [exchange["request"] for exchange in case["exchanges"]]
    assert [(one.method, one.path) for one in asked] == [(one["method"], one["path"]) for one in wanted]
    for one, want in zip(asked, wanted, strict=True):
        assert one.query == want.get("query", {})
        assert one.body == want["body"] if "body" in want else one.body in (None, {})
        assert "text" not in want or one.content == want["text"].encode()
        assert one.headers["authorization"] == f"Bearer {KEY}"
        assert one.headers["user-agent"].startswith(f"onerouter-python/{onerouter.__version__}")
        for name, value in want.get("headers", {}).items():
            assert one.headers[name.lower()] == value
    if wanted[0]["method"] not in ("GET", "HEAD"):
        keys = {one.headers["idempotency-key"] for one in asked}
        assert len(keys) == 1
        assert 0 < len(keys.pop()) <= 255


def check_result(case: Case, result: Any) -> None:
    body = case["exchanges"][-1]["answer"].get("body")
    wanted = case.get("result", body)
    assert as_json(result) == wanted
    if isinstance(wanted, Mapping):
        for name, value in wanted.items():
            if name.isidentifier():
                assert as_json(getattr(result, name)) == value
    if "content" in case:
        assert result.content == case["content"].encode()
    for name, value in case.get("response", {}).items():
        assert getattr(result.response, name) == value, name


def check_error(case: Case, error: OneRouterError) -> None:
    wanted = dict(case["error"])
    assert type(error) is getattr(onerouter, wanted.pop("class"))
    for name, value in wanted.items():
        found = getattr(error, name)
        assert (list(found) if isinstance(found, tuple) else found) == value, name
    assert KEY not in f"{error!r} {error}"


def as_json(value: Any) -> Any:
    """What anybody else would read of it. Of a page of events: its parts."""
    if hasattr(value, "iterator") and not isinstance(value, dict):
        value = {"data": value.data, "iterator": value.iterator, "done": value.done}
    return json.loads(json.dumps(value))
