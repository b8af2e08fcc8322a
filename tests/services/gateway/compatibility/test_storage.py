"""`POST /api/v1/services/storage`: the same commands, with the bucket among the fields."""

import base64
from typing import Any

import pytest
from tests.services.gateway.vault import BUCKET, CONNECTION

from onerouter_common.contracts.storage import INLINE_BYTES

DOOR = "/api/v1/services/storage"
CARD = "4111111111111111"


async def _act(shop: Any, action: str, **data: Any) -> Any:
    return await shop.ask("POST", DOOR, {"action": action, "data": {"bucket": BUCKET, **data}})


class TestUpload:
    async def test_bytes_are_put(self, shop: Any) -> None:
        content = (CARD * 3).encode()
        answer = await _act(
            shop,
            "upload",
            key="a/b.txt",
            content=base64.b64encode(content).decode(),
            contentType="text/plain",
            metadata={"Order": "7"},
            ifNoneMatch="*",
        )
        assert answer.status_code == 201, answer.text
        payload = shop.command_of(answer.headers["x-onerouter-operation-id"]).payload
        assert (payload["connection_id"], payload["key"], payload["content_type"]) == (
            CONNECTION,
            "a/b.txt",
            "text/plain",
        )
        assert (payload["metadata"], payload["if_none_match"]) == ({"order": "7"}, True)
        assert shop.world.vault.of(shop.tenant.id, "/contents")[-1].body == content

    async def test_both_doors_are_one_request(self, shop: Any) -> None:
        path = f"/v1/storage/{BUCKET}/objects/a"
        first = await shop.gateway.http.put(
            path, content=b"hello", headers={**shop.tenant.auth, "Idempotency-Key": "k"}
        )
        asked = {"bucket": BUCKET, "key": "a", "content": base64.b64encode(b"hello").decode()}
        again = await shop.ask("POST", DOOR, {"action": "upload", "data": asked}, Idempotency_Key="k")
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true"), again.text
        assert again.json() == first.json()

    @pytest.mark.parametrize(("given", "taken"), [("*", True), (True, True), (False, False), (None, False)])
    async def test_only_where_nothing_is_yet(self, shop: Any, given: Any, taken: bool) -> None:
        answer = await _act(shop, "upload", key="a", content="", ifNoneMatch=given)
        assert (answer.status_code, answer.json()["payload"]["if_none_match"]) == (201, taken)

    @pytest.mark.parametrize("given", ["true", '"*"', " * ", '"5d41402abc4b2a76b9719d911017c592"', "", ["*"], 7])
    async def test_a_condition_that_is_not_understood_is_not_dropped(self, shop: Any, given: Any) -> None:
        asked = {"bucket": BUCKET, "key": "a", "content": "", "if_none_match": given}
        named = await shop.names("POST", DOOR, {"action": "upload", "data": asked})
        assert named == "if_none_match"

    async def test_two_conditions_of_which_one_never_holds_are_refused(self, shop: Any) -> None:
        asked = {"bucket": BUCKET, "key": "a", "content": "", "if_match": "abc"}
        both = {"action": "upload", "data": {**asked, "if_none_match": "*"}}
        assert await shop.names("POST", DOOR, both) == "data.if_match"
        del asked["content"]
        assert await shop.names("POST", DOOR, {"action": "upload", "data": asked}) == "data.if_match"

    async def test_without_bytes_an_address_is_asked_for(self, shop: Any) -> None:
        answer = await _act(shop, "upload", key="a", size=5, expiresIn=60)
        (command,) = shop.commands()
        assert (command.operation, command.payload["expires_in"]) == ("upload.create", 60)
        assert answer.status_code == 503, "the storage service of this test knows no such upload"

    async def test_the_largest_fits_and_nothing_larger(self, shop: Any) -> None:
        most = base64.b64encode(b"x" * INLINE_BYTES).decode()
        assert (await _act(shop, "upload", key="a", content=most)).status_code == 201
        more = base64.b64encode(b"x" * (INLINE_BYTES + 1)).decode()
        assert (await _act(shop, "upload", key="a", content=more)).status_code == 413


class TestWithoutAKey:
    """By the clients in the field that repeat without one: what they set last is what is there."""

    CLIENT: Any = {"user_agent": "onerouter-python/1.0.0", "prefer": "wait=0"}

    @pytest.mark.parametrize("data", [{"action": "upload", "content": "QQ=="}, {"action": "delete"}])
    async def test_a_repeat_is_another_operation(self, shop: Any, data: dict[str, str]) -> None:
        asked = {"action": data["action"], "data": {"bucket": BUCKET, "key": "a", **data}}
        told = [await shop.ask("POST", DOOR, asked, **self.CLIENT) for _ in range(2)]
        assert [one.status_code for one in told] == [202, 202]
        assert len({one.headers["x-onerouter-operation-id"] for one in told}) == 2

    async def test_an_upload_is_made_once(self, shop: Any) -> None:
        asked = {"action": "upload", "data": {"bucket": BUCKET, "key": "a"}}
        told = [await shop.ask("POST", DOOR, asked, **self.CLIENT) for _ in range(2)]
        assert len({one.json()["resource_id"] for one in told}) == 1


class TestOthers:
    async def test_download_list_and_delete(self, shop: Any) -> None:
        download = await _act(shop, "download", key="a", expiresIn=60)
        assert download.json()["url"] == "https://signed.example"
        listed = await _act(shop, "list", prefix="a/", limit=5)
        assert listed.json()["data"] == []
        assert shop.world.vault.of(shop.tenant.id, "/objects")[-1].query == {"prefix": "a/", "limit": "5"}
        deleted = await _act(shop, "delete", key="a")
        assert deleted.status_code == 200
        assert [one.operation for one in shop.commands()] == ["object.delete"]

    @pytest.mark.parametrize(
        ("action", "data", "field"),
        [
            ("upload", {"key": "a", "bucket": None}, "data.bucket"),
            ("upload", {"key": "a", "content": "not base64"}, "data.content"),
            ("upload", {"key": CARD, "content": ""}, "key"),
            ("upload", {"key": CARD}, "key"),
            ("upload", {"key": "a", "metadata": {"note": CARD}}, "data.metadata.note"),
            ("delete", {}, "data.key"),
            ("list", {"order": "name"}, "data.order"),
            ("list", {"connectionId": 7}, "data.connection_id"),
            ("delete", {"key": "a", "connectionId": "con_1"}, "connection_id"),
            ("rename", {}, "action"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, action: str, data: dict[str, Any], field: str) -> None:
        asked = {"action": action, "data": {"bucket": BUCKET, **data}}
        assert await shop.names("POST", DOOR, asked) == field

    async def test_each_needs_its_scope(self, world: Any, shop: Any) -> None:
        shop.tenant = world.tenant(scopes=["storage:read"])
        assert (await _act(shop, "list")).status_code == 200
        assert (await _act(shop, "delete", key="a")).status_code == 403
