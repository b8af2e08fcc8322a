"""`/api/v1/api-keys`: older words for the registry's keys, carried out by a real registry."""

from typing import Any

import pytest

from onerouter_gateway.compatibility.schemas import LegacyApiKeyList, LegacyApiKeyMade

DOOR = "/api/v1/api-keys"


@pytest.fixture
async def holder(registered: Any) -> Any:
    registry, _ = registered
    return await registry.key(await registry.tenant())


class TestApiKeys:
    async def test_a_key_lives_from_its_making_to_its_end(self, registered: Any, holder: Any) -> None:
        http = registered[1].http
        made = await http.post(DOOR, json={"name": "backend"}, headers=holder.auth)
        key = made.json()
        LegacyApiKeyMade.model_validate(key)
        assert (made.status_code, key["name"], key["scopes"]) == (201, "backend", ["*"])
        assert key["trace_id"] == made.headers["x-trace-id"]
        new = {"X-API-Key": key["key"]}
        path = f"{DOOR}/{key['id']}"

        listed = (await http.get(DOOR, headers=new)).json()
        LegacyApiKeyList.model_validate(listed)
        assert [one["id"] for one in listed["keys"]] == [key["id"], holder.created.api_key.id]
        assert (listed["total"], listed["has_more"]) == (2, False)
        page = (await http.get(f"{DOOR}?limit=1&offset=1", headers=new)).json()
        assert [one["id"] for one in page["keys"]] == [holder.created.api_key.id]

        renamed = await http.put(path, json={"name": "worker"}, headers=new)
        assert (renamed.status_code, renamed.json()["name"]) == (200, "worker")
        rotated = await http.patch(path, json={"action": "rotate", "name": "rotated", "overlap_s": 0}, headers=new)
        assert (rotated.status_code, rotated.json()["name"]) == (200, "rotated")
        newest = {"X-API-Key": rotated.json()["key"]}
        assert (await http.get(path, headers=newest)).json()["replaced_by"] == rotated.json()["id"]

        path = f"{DOOR}/{rotated.json()['id']}"
        revoked = await http.put(path, json={"action": "revoke"}, headers=holder.auth)
        again = await http.delete(path, headers=holder.auth)
        for answer in (revoked, again):
            assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
            assert "key" not in answer.json()
            assert answer.json()["trace_id"] == answer.headers["x-trace-id"]

    async def test_a_key_gives_what_it_has_where_nothing_is_said(self, registered: Any, holder: Any) -> None:
        http = registered[1].http
        scopes = ["api_keys:read", "api_keys:write", "payments:read"]
        made = await http.post(DOOR, json={"name": "a", "scopes": scopes}, headers=holder.auth)
        weak = {"X-API-Key": made.json()["key"]}
        assert (await http.post(DOOR, json={"name": "b"}, headers=weak)).json()["scopes"] == scopes
        refused = await http.post(DOOR, json={"name": "c", "scopes": ["*"]}, headers=weak)
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")

    async def test_who_asks_is_told_before_what_is_asked(self, registered: Any) -> None:
        for headers in ({}, {"X-API-Key": "unf_test_wrong"}):
            answer = await registered[1].http.post(DOOR, content=b"{", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")

    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "field"),
        [
            ("POST", DOOR, {}, 422, "name"),
            ("POST", DOOR, {"name": "a", "scopes": ["fly:high"]}, 422, "scopes"),
            ("POST", DOOR, {"name": "4111 1111 1111 1111"}, 422, "name"),
            ("POST", DOOR, {"name": "a", "rate_limit_per_s": 10**30}, 422, "rate_limit_per_s"),
            ("PUT", f"{DOOR}/key_1", {}, 422, "action"),
            ("PUT", f"{DOOR}/key_1", {"action": "explode"}, 422, "action"),
            ("GET", f"{DOOR}?limit=101", None, 422, "limit"),
            ("PUT", f"{DOOR}/key_1", {"action": "revoke"}, 404, None),
            ("DELETE", f"{DOOR}/a%20b", None, 404, None),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, registered: Any, holder: Any, method: str, path: str, body: Any, status: int, field: str | None
    ) -> None:
        answer = await registered[1].http.request(method, path, json=body, headers=holder.auth)
        assert answer.status_code == status, answer.text
        if field is not None:
            assert answer.json()["errors"][0]["field"] == field
