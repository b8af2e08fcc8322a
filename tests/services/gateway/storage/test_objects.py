"""Bytes go to where the worker finds them, and the command only names them."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.datastructures import Headers
from tests.services.gateway.depot import OBJECTS, Depot
from tests.services.gateway.vault import BUCKET, CONNECTION, Vault

from onerouter_common.contracts.storage import INLINE_BYTES, DeleteObject, PutObject, object_id
from onerouter_gateway.storage.putting import Kept

CARD = b"4111 1111 1111 1111"


class TestKept:
    def test_blanks_around_a_header_are_not_of_its_value(self) -> None:
        """Not every server in front of us takes them away."""
        said = {"Content-Type": "text/plain; ", "Cache-Control": " no-cache ", "Content-Disposition": "inline "}
        kept = Kept.of(Headers(said))
        assert (kept.content_type, kept.cache_control, kept.content_disposition) == (
            "text/plain;",
            "no-cache",
            "inline",
        )


class TestPut:
    async def test_the_command_names_the_bytes_and_what_is_said_of_them(self, depot: Depot, vault: Vault) -> None:
        content = CARD + b"\x00\xff{not json"
        digest = hashlib.sha256(content).hexdigest()
        answer = await depot.put(
            "invoices/2026/1042.pdf",
            content,
            Content_Type="application/pdf; v=1",
            Cache_Control="max-age=60",
            Content_Disposition='inline; filename="a.pdf"',
            X_OneRouter_Metadata_Order="10%20%C3%A9",
            X_OneRouter_Metadata_Desk_No="7",
            X_Checksum_Sha256=digest.upper(),
        )
        assert answer.status_code == 201, answer.text
        (kept,) = vault.of(depot.shop.tenant.id, "/contents")
        assert (kept.body, kept.headers["content-type"]) == (content, "application/pdf; v=1")
        command = depot.shop.command_of(answer.headers["x-onerouter-operation-id"])
        assert (command.operation, command.category) == ("object.put", "storage")
        assert command.resource_id == command.ordering_key == object_id(CONNECTION, "invoices/2026/1042.pdf")
        assert PutObject.model_validate(command.payload) == PutObject(
            bucket=BUCKET,
            key="invoices/2026/1042.pdf",
            connection_id=CONNECTION,
            content_id=f"cnt_{digest[:26]}",
            content_type="application/pdf; v=1",
            size_bytes=len(content),
            sha256=digest,
            cache_control="max-age=60",
            content_disposition='inline; filename="a.pdf"',
            metadata={"order": "10 é", "desk-no": "7"},
        )
        assert b"not json" not in command.to_bytes()

    @pytest.mark.parametrize(
        ("path", "key"),
        [
            ("a%2Fb%20c", "a/b c"),
            ("a/b+c", "a/b+c"),
            ("%C3%BC/%E2%82%AC.txt", "ü/€.txt"),
            ("a%252Fb", "a%2Fb"),
            ("folder/", "folder/"),
            ("a//b", "a//b"),
            ("a?b=1".replace("?", "%3F"), "a?b=1"),
            ("objects/objects/x", "objects/objects/x"),
        ],
    )
    async def test_a_key_is_the_rest_of_the_path(self, depot: Depot, path: str, key: str) -> None:
        answer = await depot.put(path)
        assert answer.status_code == 201, answer.text
        assert answer.json()["payload"]["key"] == key

    @pytest.mark.parametrize(
        ("path", "key"),
        [
            ("/v1/storage/objects/objects/a", "a"),
            ("/v1/storage/objects/objects/objects/a", "objects/a"),
            ("/v1/storage/objects/%6Fbjects/x/objects/y", "x/objects/y"),
            ("/v1/storage/%6Fbjects/%6Fbjects/a", "a"),
        ],
    )
    async def test_a_bucket_may_be_called_objects(self, depot: Depot, vault: Vault, path: str, key: str) -> None:
        vault.buckets["objects"] = CONNECTION
        for method in ("PUT", "DELETE"):
            command = await depot.shop.command(method, path)
            assert (command.payload["bucket"], command.payload["key"]) == ("objects", key)
        vault.objects[key] = (200, {}, b"hello")
        assert (await depot.shop.gateway.http.get(path, headers=depot.shop.tenant.auth)).content == b"hello"

    @pytest.mark.parametrize("path", ["/v1%2Fstorage/aaa/objects/b", f"/v1/storage/{BUCKET}%2Fobjects/a"])
    async def test_a_path_that_can_be_read_in_two_ways_is_none(self, depot: Depot, path: str) -> None:
        answer = await depot.shop.ask("DELETE", path)
        await depot.refused(answer, 404)

    @pytest.mark.parametrize(
        "path",
        ["", "%2Fa", "a/%2E%2E/b", "a%5Cb", "a%00", "a%0A", "a%1Fb", "%FF", "x" * 1025, "4111%201111%201111%201111"],
    )
    async def test_what_can_be_no_key_is_refused(self, depot: Depot, vault: Vault, path: str) -> None:
        assert await depot.refused(await depot.put(path)) == "key"
        assert vault.of(depot.shop.tenant.id, "/contents") == []

    @pytest.mark.parametrize(
        ("headers", "field"),
        [
            ({"If_None_Match": '"abc"'}, "If-None-Match"),
            ({"If_Match": '"a", "b"'}, "If-Match"),
            ({"If_Match": "*"}, "If-Match"),
            ({"If_Match": 'W/"a"'}, "If-Match"),
            ({"If_Match": '"a"', "If_None_Match": "*"}, "If-Match"),
            ({"If_Unmodified_Since": "Sat, 31 Jan 2026 09:30:00 GMT"}, "If-Unmodified-Since"),
            ({"If_Modified_Since": "Sat, 31 Jan 2026 09:30:00 GMT"}, "If-Modified-Since"),
            ({"Content_Range": "bytes 0-4/5"}, "Content-Range"),
            ({"Content_Type": "pdf"}, "Content-Type"),
            ({"Cache_Control": "x" * 256}, "Cache-Control"),
            ({"X_Checksum_Sha256": "abc"}, "X-Checksum-Sha256"),
            ({"X_Checksum_Sha256": "0" * 64}, "X-Checksum-Sha256"),
            ({"X_OneRouter_Metadata_a": "%FF"}, "X-OneRouter-Metadata-a"),
            ({"X_OneRouter_Metadata_a": "x" * 1801}, "metadata"),
            ({"X_OneRouter_Metadata_onerouter_operation": "op_1"}, "metadata.onerouter-operation"),
            ({"X_OneRouter_Metadata_note": CARD.decode()}, "metadata.note"),
            ({f"X_OneRouter_Metadata_{number}": "1" for number in range(21)}, "metadata"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, depot: Depot, vault: Vault, headers: dict[str, str], field: str
    ) -> None:
        assert await depot.refused(await depot.put("a", b"hello", **headers)) == field
        assert vault.of(depot.shop.tenant.id, "/contents") == []

    async def test_a_key_leaves_room_for_the_connections_prefix(self, depot: Depot, vault: Vault) -> None:
        vault.key_bytes = 1000
        assert await depot.refused(await depot.put("%C3%BC" * 501)) == "key"
        assert vault.of(depot.shop.tenant.id, "/contents") == []
        assert (await depot.put("%C3%BC" * 500)).status_code == 201

    async def test_conditions_reach_the_worker(self, depot: Depot) -> None:
        once = await depot.put("a", If_None_Match="*")
        again = await depot.put("a", If_Match='"d41d8-2"')
        assert [one.json()["payload"].get("if_none_match") for one in (once, again)] == [True, False]
        assert again.json()["payload"]["if_match"] == "d41d8-2"

    async def test_an_empty_object_is_one(self, depot: Depot) -> None:
        assert (await depot.put("empty", b"")).json()["payload"]["size_bytes"] == 0

    async def test_five_mebibytes_are_taken_and_one_byte_more_is_not(self, depot: Depot, vault: Vault) -> None:
        async def pieces(size: int) -> AsyncIterator[bytes]:
            while size > 0:
                yield b"x" * min(size, 65_536)
                size -= 65_536

        assert (await depot.put("most", pieces(INLINE_BYTES))).status_code == 201
        for content in (b"x" * (INLINE_BYTES + 1), pieces(INLINE_BYTES + 1)):
            refused = await depot.put("more", content)
            assert (refused.status_code, refused.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
            assert "/uploads" in refused.json()["detail"]
        assert len(vault.of(depot.shop.tenant.id, "/contents")) == 1

    async def test_what_is_encoded_is_not_taken_for_what_it_holds(self, depot: Depot) -> None:
        answer = await depot.put("a", Content_Encoding="gzip")
        await depot.refused(answer, 415)

    async def test_a_bucket_that_nobody_connected_is_told(self, depot: Depot, vault: Vault) -> None:
        http, auth = depot.shop.gateway.http, depot.shop.tenant.auth
        for bucket in ("other-files", "Not_A_Bucket"):
            answer = await http.put(f"/v1/storage/{bucket}/objects/a", content=b"x", headers=auth)
            assert (answer.status_code, answer.json()["code"]) == (404, "BUCKET_NOT_CONNECTED")
        refused = await http.put(f"{OBJECTS}/a?provider=ftp", content=b"x", headers=auth)
        assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_PROVIDER")
        assert vault.of(depot.shop.tenant.id, "/contents") == []
        assert (await http.put(f"{OBJECTS}/a?provider=s3", content=b"x", headers=auth)).status_code == 201
        assert vault.of(depot.shop.tenant.id, BUCKET)[-1].query == {"provider": "s3", "writing": "true"}

    async def test_one_of_several_connections_is_named_by_its_id(self, depot: Depot, vault: Vault) -> None:
        path = f"{OBJECTS}/a?connection_id={CONNECTION}"
        command = await depot.shop.command("PUT", path)
        assert vault.of(depot.shop.tenant.id, BUCKET)[-1].query == {"connection_id": CONNECTION, "writing": "true"}
        other = await depot.shop.command("PUT", f"{OBJECTS}/a")
        assert command.fingerprint != other.fingerprint
        vault.objects["a"] = (200, {}, b"hello")
        await depot.shop.gateway.http.get(path, headers=depot.shop.tenant.auth)
        assert vault.of(depot.shop.tenant.id, "/object")[-1].query == {"key": "a", "connection_id": CONNECTION}
        for method in ("PUT", "GET", "DELETE"):
            answer = await depot.shop.gateway.http.request(
                method, f"{OBJECTS}/a?connection_id=con_1", headers=depot.shop.tenant.auth
            )
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "connection_id")

    @pytest.mark.parametrize(("status", "told"), [(413, 413), (429, 429), (503, 503), (500, 503)])
    async def test_bytes_that_cannot_be_kept_are_no_command(
        self, depot: Depot, vault: Vault, status: int, told: int
    ) -> None:
        vault.refuses["contents"] = (status, "X")
        await depot.refused(await depot.put("a"), told)

    async def test_scopes_and_signatures_count(self, world: Any, depot: Depot) -> None:
        depot.shop.tenant = world.tenant(scopes=["storage:read"])
        await depot.refused(await depot.put("a"), 403)
        depot.shop.tenant = world.tenant(scopes=["storage:write"])
        now = str(int(time.time()))
        message = f"PUT\n{OBJECTS}/a%20b\n{now}\n".encode() + CARD
        good = hmac.new(depot.shop.tenant.key.encode(), message, hashlib.sha256).hexdigest()
        assert (await depot.put("a%20b", CARD, X_Signature=good, X_Request_Timestamp=now)).status_code == 201
        wrong = await depot.put("a%20b", CARD + b"!", X_Signature=good, X_Request_Timestamp=now)
        assert wrong.status_code == 401


class TestIdempotency:
    async def test_the_same_bytes_and_headers_are_the_same_operation(self, depot: Depot, vault: Vault) -> None:
        first = await depot.put("a", Idempotency_Key="k", X_OneRouter_Metadata_n="1")
        operation = first.headers["x-onerouter-operation-id"]
        self._stored(depot, operation, first.json())
        kept = len(vault.of(depot.shop.tenant.id, "/contents"))
        again = await depot.put("a", Idempotency_Key="k", X_OneRouter_Metadata_n="1")
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert len(vault.of(depot.shop.tenant.id, "/contents")) == kept, "its bytes are not kept again"

    @pytest.mark.parametrize(
        "changed",
        [
            {"content": b"other"},
            {"key": "b"},
            {"X_OneRouter_Metadata_n": "2"},
            {"Content_Type": "text/plain"},
            {"If_None_Match": "*"},
            {"Cache_Control": "no-cache"},
        ],
    )
    async def test_anything_else_is_another_request(self, depot: Depot, changed: dict[str, Any]) -> None:
        first = await depot.put("a", b"hello", Idempotency_Key="k", X_OneRouter_Metadata_n="1")
        self._stored(depot, first.headers["x-onerouter-operation-id"], first.json())
        asked = {"key": "a", "content": b"hello", "X_OneRouter_Metadata_n": "1", **changed}
        answer = await depot.put(**asked, Idempotency_Key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    async def test_a_repeat_is_answered_though_the_bucket_is_gone(self, depot: Depot, vault: Vault) -> None:
        first = await depot.put("a", Idempotency_Key="k")
        self._stored(depot, first.headers["x-onerouter-operation-id"], first.json())
        vault.buckets.clear()
        assert (await depot.put("a", Idempotency_Key="k")).json() == first.json()
        assert (await depot.put("a", Idempotency_Key="k2")).status_code == 404

    def _stored(self, depot: Depot, operation_id: str, result: Any) -> None:
        stored(depot, operation_id, result)


def stored(depot: Depot, operation_id: str, result: Any) -> None:
    """As the storage service replies from then on."""
    command = depot.shop.command_of(operation_id)
    told = depot.shop.tenant.operation(command, state="succeeded", result=result, category="storage")
    depot.shop.world.storage.operations[operation_id] = told


class TestDelete:
    async def test_is_ordered_with_what_else_is_done_to_the_object(self, depot: Depot) -> None:
        put = depot.shop.command_of((await depot.put("a/b")).headers["x-onerouter-operation-id"])
        command = await depot.shop.command("DELETE", f"{OBJECTS}/a%2Fb")
        assert (command.operation, command.ordering_key) == ("object.delete", put.ordering_key)
        assert DeleteObject.model_validate(command.payload) == DeleteObject(
            bucket=BUCKET, key="a/b", connection_id=CONNECTION
        )

    async def test_a_repeat_is_answered_though_the_bucket_is_gone(self, depot: Depot, vault: Vault) -> None:
        first = await depot.shop.ask("DELETE", f"{OBJECTS}/a", Idempotency_Key="k")
        stored(depot, first.headers["x-onerouter-operation-id"], first.json())
        vault.buckets.clear()
        again = await depot.shop.ask("DELETE", f"{OBJECTS}/a", Idempotency_Key="k")
        assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
        other = await depot.shop.ask("DELETE", f"{OBJECTS}/b", Idempotency_Key="k")
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert (await depot.shop.ask("DELETE", f"{OBJECTS}/a")).status_code == 404

    async def test_one_version_alone(self, depot: Depot) -> None:
        assert await depot.refused(await depot.shop.ask("DELETE", f"{OBJECTS}/a", If_Match="*")) == "If-Match"
        command = await depot.shop.command("DELETE", f"{OBJECTS}/a", If_Match='"e1"')
        assert DeleteObject.model_validate(command.payload).if_match == "e1"
        assert "if_match" not in (await depot.shop.command("DELETE", f"{OBJECTS}/a")).payload
        first = await depot.shop.ask("DELETE", f"{OBJECTS}/b", Idempotency_Key="b", If_Match='"e1"')
        again = await depot.shop.ask("DELETE", f"{OBJECTS}/b", Idempotency_Key="b")
        assert (first.is_success, again.json()["code"]) == (True, "IDEMPOTENCY_KEY_REUSED")

    @pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])
    async def test_a_condition_is_not_passed_over(self, depot: Depot, name: str) -> None:
        """Whoever sends it does not want another's version deleted."""
        asked = await depot.shop.ask("DELETE", f"{OBJECTS}/a", **{name.replace("-", "_"): '"a"'})
        assert await depot.refused(asked) == name

    async def test_needs_a_key_that_may_write(self, world: Any, depot: Depot) -> None:
        depot.shop.tenant = world.tenant(scopes=["storage:read"])
        await depot.refused(await depot.shop.ask("DELETE", f"{OBJECTS}/a"), 403)
