"""What the documents show works: each block of Python in them is executed, against the server in memory."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any, Final

import pytest
from sdks.python.scripts import make_reference
from sdks.python.scripts.description import read
from sdks.python.tests.golden import cases

import onerouter
from onerouter.testing import API_KEY, FakeServer, Reply, event

HOME: Final = Path(__file__).resolve().parents[1]
_BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[str]:
    return _BLOCK.findall((HOME / document).read_text("utf-8"))


async def run(document: str) -> None:
    """One block after the other, in one module."""
    module: dict[str, Any] = {"__name__": "shown"}
    for number, block in enumerate(blocks(document), start=1):
        code: CodeType = compile(
            block, f"{document}, block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        result = eval(code, module)
        if inspect.isawaitable(result):
            await result


def everything() -> FakeServer:
    """Answers each operation with its golden answer."""
    server = FakeServer()
    operations = {operation.id: operation for operation in read().operations}
    for case in cases():
        if "operation" in case:
            operation, answer = operations[case["operation"]], case["exchanges"][-1]["answer"]
            text = answer.get("text")
            content = None if text is None else text.encode()
            server.on(operation.method, operation.path, Reply(answer.get("body"), answer["status"], content=content))
    payment = next(case for case in cases() if case.get("operation") == "create_payment")["exchanges"][-1]["answer"][
        "body"
    ]
    begun = {"id": "op_1", "object": "operation", "operation": "payment.create", "effect": "none"}
    server.on("GET", "/v1/operations/{id}", {**begun, "status": "succeeded", "result": payment})
    accepted = Reply({**begun, "status": "accepted"}, 202)
    server.on(
        "POST",
        "/v1/payments",
        lambda call: accepted if call.headers.get("prefer") == "respond-async" else Reply(payment, 201),
    )
    server.on("GET", "/1042.pdf", Reply(content=b"%PDF-1.7"))  # at the bucket
    return server


class TestReadme:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
        server = everything()
        for name, client in (("OneRouter", server.client), ("OneRouterSync", server.sync_client)):
            monkeypatch.setattr(onerouter, name, client)
        monkeypatch.setenv("ONEROUTER_API_KEY", API_KEY)
        server.on(
            "GET", "/v1/events", {"data": [event("payment.created", {"id": "pay_1"})], "iterator": "1", "done": True}
        )
        return server

    def test_begins_with_a_payment_in_five_lines(self) -> None:
        assert len([line for line in blocks("README.md")[0].splitlines() if line.strip()]) <= 5

    async def test_runs(self, server: FakeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "invoice.pdf").write_bytes(b"%PDF-1.7")
        await run("README.md")
        assert (tmp_path / "copy.pdf").read_bytes() == b"%PDF-1.7"
        assert server.effects


async def test_cookbook_runs() -> None:
    await run("docs/cookbook.md")


def test_reference_is_current() -> None:
    assert make_reference.REFERENCE.read_text("utf-8") == make_reference.reference()
