"""Older paths of /v1: the same commands, and on every answer what to use instead."""

from typing import Any
from uuid import uuid4

import pytest

NEWER = {
    "POST /v1/payments/orders": "/v1/payments",
    "GET /v1/payments/orders/pay_1": "/v1/payments/pay_1",
    "POST /v1/payments/refund": "/v1/refunds",
    "POST /v1/subscriptions/create": "/v1/subscriptions",
}


class TestAliases:
    @pytest.mark.parametrize(("door", "newer"), NEWER.items())
    async def test_errors_say_it_as_well(self, world: Any, shop: Any, door: str, newer: str) -> None:
        method, path = door.split()
        stranger = {"Authorization": "Bearer unf_test_wrong"}
        unscoped = world.tenant(scopes=["events:read"]).auth
        wrong: Any = b"{" if method == "POST" else None
        for auth, body, status in ((stranger, None, 401), (unscoped, None, 403), (shop.tenant.auth, wrong, 400)):
            answer = await shop.ask(method, path, body, auth=auth)
            assert answer.status_code == (404 if status == 400 and method == "GET" else status)
            assert answer.headers["deprecation"] == "@1767225600"
            assert answer.headers["link"] == f'<{newer}>; rel="successor-version"'
            assert answer.headers["content-type"] == "application/problem+json"

    async def test_both_doors_are_one_request(self, shop: Any) -> None:
        for older, newer, body in (
            ("/v1/payments/orders", "/v1/payments", {"amount": "499.00"}),
            ("/v1/subscriptions/create", "/v1/subscriptions", {"plan_id": "plan_There"}),
        ):
            key = str(uuid4())
            first = await shop.ask("POST", older, body, idempotency_key=key)
            again = await shop.ask("POST", newer, body, idempotency_key=key)
            assert (first.status_code, again.status_code) == (201, 201), again.text
            assert again.headers["idempotency-replayed"] == "true"
            assert "deprecation" not in again.headers
            assert first.json() == again.json()

    @pytest.mark.parametrize("id_", ["%0d%0aX-Made-Up%3A%20yes", "a%22%3E%3C", "%E2%80%AE", "a%2Cb"])
    async def test_what_is_in_the_path_cannot_leave_the_header(self, shop: Any, id_: str) -> None:
        answer = await shop.ask("GET", f"/v1/payments/orders/{id_}")
        assert answer.status_code == 404
        assert "x-made-up" not in answer.headers
        assert answer.headers["link"].lower() == f'</v1/payments/{id_.lower()}>; rel="successor-version"'
