"""The table of doors: no door hides another, and every older one says on each answer which one to use."""

import re
from itertools import combinations
from typing import Any
from uuid import uuid4

import pytest

from onerouter_gateway.compatibility.services import ACTIONS
from onerouter_gateway.doors import DOORS
from onerouter_gateway.edge.door import Door
from onerouter_gateway.openapi import document

ALIASES = [door for door in DOORS if door.generation == "alias"]
AN_ID = "thing_1"


def _named(path: str) -> str:
    return re.sub(r"{\w+}", AN_ID, path.replace("{category}", "payments"))


def _could_take(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", path))


class TestTable:
    def test_no_door_hides_another(self) -> None:
        for earlier, later in combinations(DOORS, 2):
            if earlier.method == later.method:
                assert not _could_take(earlier.path).fullmatch(later.path), (earlier.path, later.path)

    def test_only_aliases_have_a_successor_and_it_is_there(self) -> None:
        paths = set(document()["paths"])
        assert {door.path for door in DOORS} <= paths
        for door in DOORS:
            assert (door.successor is not None) == (door.generation == "alias")
        for door in ALIASES:
            for category in ACTIONS if "{category}" in door.path else ("",):
                successor = str(door.successor).replace("{category}", category)
                # That of storage has a bucket, which such a request names in its body.
                assert successor in paths or any(path.startswith(f"{successor}/{{") for path in paths), door.path
                assert set(re.findall(r"{\w+}", successor)) <= set(re.findall(r"{\w+}", door.path))

    def test_what_is_described_has_a_door_or_is_managed(self) -> None:
        whole = document()
        described = {
            (method.upper(), path): operation
            for path, methods in whole["paths"].items()
            for method, operation in methods.items()
            if not path.startswith("/api/") or path.startswith("/api/v1/")
        }
        assert described.keys() == {(door.method, door.path) for door in DOORS}
        for door in DOORS:
            operation = described[door.method, door.path]
            assert operation["operationId"] == door.name
            assert operation["tags"] == [door.tag]
            assert operation.get("deprecated", False) == (door.generation == "alias")
            for told in operation["responses"].values():
                answer = whole["components"]["responses"][told["$ref"].rpartition("/")[2]] if "$ref" in told else told
                announced = {"Deprecation", "Link"} <= answer.get("headers", {}).keys()
                assert announced == (door.generation == "alias"), door.path


class TestAliases:
    @pytest.mark.parametrize("door", ALIASES, ids=lambda door: f"{door.method} {door.path}")
    async def test_errors_say_it_as_well(self, world: Any, shop: Any, door: Door) -> None:
        newer = _named(str(door.successor))
        stranger = {"Authorization": "Bearer unf_test_wrong"}
        unscoped = world.tenant(scopes=["events:read"]).auth
        takes_body = "body" in door.endpoint.described
        cases: list[tuple[Any, Any, set[int]]] = [
            (stranger, None, {401}),
            (unscoped, {"action": "create"} if takes_body else None, {403}),
            (shop.tenant.auth, b"{" if takes_body else None, {400} if takes_body else {200, 404}),
        ]
        for auth, body, statuses in cases[:1] if str(door.successor).startswith("/api/") else cases:
            answer = await shop.ask(door.method, _named(door.path), body, auth=auth)
            assert answer.status_code in statuses, answer.text
            assert answer.headers["deprecation"] == "@1767225600"
            assert answer.headers["link"] == f'<{newer}>; rel="successor-version"'
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"

    async def test_both_doors_are_one_request(self, shop: Any) -> None:
        for older, newer, body in (
            ("/v1/payments/orders", "/v1/payments", {"amount": "499.00"}),
            ("/v1/subscriptions/create", "/v1/subscriptions", {"plan_id": "plan_There"}),
            ("/sms", "/v1/sms", {"to": "+14155552671", "body": "b"}),
            ("/email", "/v1/email", {"to": "a@example.com", "subject": "s", "text": "t"}),
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
