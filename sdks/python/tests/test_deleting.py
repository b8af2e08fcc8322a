"""What is deleted without a key: a repeat that finds nothing tells that the first, whose answer got lost, has done it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from sdks.python.tests.golden import method_of

from onerouter import NotFoundError
from onerouter.testing import Call, FakeServer, Reply, cut_off, problem, timeout_after, unreachable

DELETED: Final = {
    "webhook_endpoints.delete": ("/v1/webhook-endpoints/x_1", ("x_1",), "webhook_endpoint"),
    "templates.delete": ("/v1/sms/templates/x_1", ("sms", "x_1"), "template"),
    "suppressions.delete": ("/v1/suppressions/x_1", ("x_1",), "suppression"),
}


@pytest.fixture
def server() -> FakeServer:
    """It knows no keys of deletions: what is gone is 404, whoever asks."""
    server = FakeServer()
    for path, _, kind in DELETED.values():
        server.on("DELETE", path, _once({"id": "x_1", "object": kind, "deleted": True}))
    return server


def _once(body: dict[str, Any]) -> Callable[[Call], Any]:
    left = [Reply(body)]
    return lambda _: left.pop() if left else problem(404, "NOT_FOUND")


@pytest.mark.parametrize("method", DELETED)
@pytest.mark.parametrize("lost", [timeout_after(), cut_off()])
class TestLost:
    async def test_asynchronous(self, server: FakeServer, method: str, lost: Any) -> None:
        _, arguments, kind = DELETED[method]
        server._carried_out = server._answer  # type: ignore[method-assign]
        server.next(lost)
        gone = await method_of(server.client(), method)(*arguments)
        assert gone == {"id": "x_1", "object": kind, "deleted": True}
        assert (gone.response.status_code, gone.response.attempts, len(server.calls)) == (200, 2, 2)

    def test_synchronous(self, server: FakeServer, method: str, lost: Any) -> None:
        _, arguments, _ = DELETED[method]
        server._carried_out = server._answer  # type: ignore[method-assign]
        server.next(lost)
        assert method_of(server.sync_client(), method)(*arguments).deleted is True


@pytest.mark.parametrize("method", DELETED)
def test_what_nobody_can_have_deleted_is_not_there(server: FakeServer, method: str) -> None:
    path, arguments, _ = DELETED[method]
    server.on("DELETE", path, problem(404, "NOT_FOUND"))
    server.next(unreachable(), problem(503))
    with pytest.raises(NotFoundError):
        method_of(server.sync_client(), method)(*arguments)


def test_of_an_operation_its_key_decides(server: FakeServer) -> None:
    """A refusal of the repeat is one of the first, too."""
    server.on("DELETE", "/v1/payment-methods/pm_1", problem(404, "PAYMENT_METHOD_NOT_FOUND"))
    server.next(timeout_after())
    with pytest.raises(NotFoundError):
        server.sync_client().payment_methods.delete("pm_1")
