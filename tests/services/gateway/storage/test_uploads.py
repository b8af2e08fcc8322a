"""An upload is made by command, and its addresses are signed for the answer alone."""

from typing import Any

import pytest
from tests.services.gateway.depot import UPLOADS, Depot
from tests.services.gateway.vault import BUCKET, CONNECTION, Vault

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.storage import MIB, CreateUpload
from onerouter_common.ids import new_id

GIB = 1024 * MIB


def made(depot: Depot, vault: Vault) -> None:
    """The worker makes uploads, which the storage service then knows."""

    async def make(command: Command) -> Reply:
        vault.add_upload(command.tenant_id, command.resource_id)
        return Reply(
            operation_id=command.operation_id,
            made_by=command.command_id,
            fingerprint=command.fingerprint,
            state="succeeded",
            resource_id=command.resource_id,
            status=201 if command.operation == "upload.create" else 200,
            result={"id": command.resource_id, "object": "upload", "status": "pending"},
        )

    depot.shop.world.worker.outcomes[depot.shop.tenant.id] = make


class TestCreate:
    async def test_the_answer_has_addresses_that_no_log_has_seen(self, depot: Depot, vault: Vault) -> None:
        made(depot, vault)
        asked = {
            "key": "films/1.mp4",
            "content_type": "video/mp4",
            "size": 4821,
            "metadata": {"Film": 1},
            "if_none_match": "*",
            "expires_in": 60,
            "cache_control": "no-cache",
        }
        first = await depot.shop.ask("POST", UPLOADS, asked, Idempotency_Key="k")
        assert (first.status_code, first.json()["url"]) == (201, "https://signed.example")
        command = depot.shop.command_of(first.headers["x-onerouter-operation-id"])
        assert command.resource_id == command.ordering_key == first.json()["id"]
        assert "signed.example" not in command.to_bytes().decode()
        assert CreateUpload.model_validate(command.payload) == CreateUpload(
            bucket=BUCKET,
            key="films/1.mp4",
            connection_id=CONNECTION,
            provider="s3",
            content_type="video/mp4",
            size_bytes=4821,
            cache_control="no-cache",
            metadata={"film": "1"},
            if_none_match=True,
            expires_in=60,
        )
        again = await depot.shop.ask("POST", UPLOADS, asked, Idempotency_Key="k")
        assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")

    @pytest.mark.parametrize(
        ("asked", "is_multipart", "part_size"),
        [
            ({}, False, None),
            ({"size": 100 * MIB}, False, None),
            ({"size": 100 * MIB + 1}, True, 8 * MIB),
            ({"size": 4 * GIB, "multipart": False}, False, None),
            ({"multipart": True}, True, 8 * MIB),
            ({"multipart": True, "part_size": 5 * MIB}, True, 5 * MIB),
            ({"size": 1000 * GIB}, True, 103 * MIB),
        ],
    )
    async def test_large_ones_are_in_parts(
        self, depot: Depot, asked: dict[str, Any], is_multipart: bool, part_size: int | None
    ) -> None:
        before = len(depot.shop.commands())
        await depot.shop.ask("POST", UPLOADS, {"key": "a", **asked})
        command = depot.shop.commands()[before]
        assert (command.payload["is_multipart"], command.payload.get("part_size")) == (is_multipart, part_size)

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"key": ""}, "key"),
            ({"key": "../a"}, "key"),
            ({"size": -1}, "size"),
            ({"size": 10**14}, "size"),
            ({"size": 6 * GIB, "multipart": False}, "multipart"),
            ({"part_size": 8 * MIB}, "part_size"),
            ({"multipart": True, "part_size": MIB}, "part_size"),
            ({"size": 1000 * GIB, "part_size": 5 * MIB}, "part_size"),
            ({"expires_in": 604_801}, "expires_in"),
            ({"content_type": "nothing"}, "content_type"),
            ({"content_type": "text/plain; "}, "content_type"),
            ({"cache_control": "no-cache "}, "cache_control"),
            ({"cache_control": " "}, "cache_control"),
            ({"content_disposition": "a\r\nb"}, "content_disposition"),
            ({"metadata": {"a b": "1"}}, "metadata.a b"),
            ({"if_none_match": "abc"}, "if_none_match"),
            ({"provider": "ftp"}, "provider"),
            ({"connection_id": "con_1"}, "connection_id"),
        ],
    )
    async def test_what_is_wrong_is_named(self, depot: Depot, asked: dict[str, Any], field: str) -> None:
        assert await depot.shop.names("POST", UPLOADS, {"key": "a", **asked}) == field

    async def test_a_key_leaves_room_for_the_connections_prefix(self, depot: Depot, vault: Vault) -> None:
        vault.key_bytes = 1000
        assert await depot.shop.names("POST", UPLOADS, {"key": "x" * 1001}) == "key"

    async def test_what_can_never_be_signed_is_not_to_be_repeated(self, depot: Depot, vault: Vault) -> None:
        made(depot, vault)
        for refused, told in (((422, "CREDENTIALS_UNREADABLE"), 422), ((500, "X"), 503), ((404, "X"), 503)):
            vault.refuses["uploads"] = refused
            answer = await depot.shop.ask("POST", UPLOADS, {"key": "a"})
            assert answer.status_code == told, answer.text

    async def test_a_repeat_is_answered_though_the_bucket_is_gone(self, depot: Depot, vault: Vault) -> None:
        made(depot, vault)
        first = await depot.shop.ask("POST", UPLOADS, {"key": "a"}, Idempotency_Key="k")
        command = depot.shop.command_of(first.headers["x-onerouter-operation-id"])
        depot.shop.world.storage.operations[command.operation_id] = depot.shop.tenant.operation(
            command, state="succeeded", status=201, result={"id": command.resource_id}, category="storage"
        )
        vault.buckets.clear()
        again = await depot.shop.ask("POST", UPLOADS, {"key": "a"}, Idempotency_Key="k")
        assert (again.status_code, again.json()) == (201, first.json()), again.text
        assert (await depot.shop.ask("POST", UPLOADS, {"key": "a"})).status_code == 404

    async def test_a_bucket_that_nobody_connected_is_told(self, depot: Depot) -> None:
        answer = await depot.shop.ask("POST", "/v1/storage/other-files/uploads", {"key": "a"})
        assert (answer.status_code, answer.json()["code"]) == (404, "BUCKET_NOT_CONNECTED")


class TestGet:
    async def test_addresses_are_for_who_may_write(self, world: Any, depot: Depot, vault: Vault) -> None:
        for scopes, url in ((["*"], "https://signed.example"), (["storage:read"], None)):
            depot.shop.tenant = world.tenant(scopes=scopes)
            path = f"{UPLOADS}/{vault.add_upload(depot.shop.tenant.id)}"
            answer = await depot.shop.ask("GET", path)
            assert (answer.status_code, answer.json()["url"]) == (200, url)
            assert bool(answer.json()["parts"]) == (url is not None)
            parts = await depot.shop.ask("GET", f"{path}/parts?from=101&count=100")
            assert parts.status_code == (403 if url is None else 200)
        depot.shop.tenant = world.tenant(scopes=["sms:read"])
        assert (await depot.shop.ask("GET", path)).status_code == 403

    async def test_it_is_of_its_own_bucket_and_tenant(self, world: Any, depot: Depot, vault: Vault) -> None:
        mine = vault.add_upload(depot.shop.tenant.id, bucket="other-files")
        theirs = vault.add_upload(world.tenant().id)
        for id_ in (mine, theirs, new_id("upl"), "upl_1", "..%2Fx"):
            for method, verb in (("GET", ""), ("GET", "/parts"), ("POST", "/complete"), ("POST", "/abort")):
                answer = await depot.shop.ask(method, f"{UPLOADS}/{id_}{verb}", {} if method == "POST" else None)
                assert answer.status_code == 404, answer.text
        assert depot.shop.commands() == []

    @pytest.mark.parametrize("query", ["from=0", "from=10001", "count=0", "count=101", "count=x", "from=%D9%A1"])
    async def test_parts_that_there_cannot_be_are_named(self, depot: Depot, vault: Vault, query: str) -> None:
        answer = await depot.shop.ask("GET", f"{UPLOADS}/{vault.add_upload(depot.shop.tenant.id)}/parts?{query}")
        assert await depot.refused(answer) == query.partition("=")[0]


class TestEnd:
    async def test_parts_reach_the_worker_without_their_quotes(self, depot: Depot, vault: Vault) -> None:
        made(depot, vault)
        upload = vault.add_upload(depot.shop.tenant.id)
        parts = [{"part_number": 1, "etag": '"aa"'}, {"part_number": 2, "etag": "bb"}]
        command = await depot.shop.command("POST", f"{UPLOADS}/{upload}/complete", {"parts": parts})
        assert (command.operation, command.ordering_key) == ("upload.complete", upload)
        assert command.payload == {
            "upload_id": upload,
            "parts": [{"part_number": 1, "etag": "aa"}, {"part_number": 2, "etag": "bb"}],
        }

    async def test_ten_thousand_parts_fit(self, depot: Depot, vault: Vault) -> None:
        upload = vault.add_upload(depot.shop.tenant.id)
        parts = [{"part_number": number, "etag": f'"{number:032x}"'} for number in range(1, 10_001)]
        command = await depot.shop.command("POST", f"{UPLOADS}/{upload}/complete", {"parts": parts})
        assert len(list(command.payload["parts"])) == 10_000  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ([(2, "a"), (1, "b")], "parts.1.part_number"),
            ([(1, "a"), (1, "b")], "parts.1.part_number"),
            ([(0, "a")], "parts.0.part_number"),
            ([(1, "a b")], "parts.0.etag"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, depot: Depot, vault: Vault, parts: list[tuple[int, str]], field: str
    ) -> None:
        upload = vault.add_upload(depot.shop.tenant.id)
        asked = {"parts": [{"part_number": number, "etag": etag} for number, etag in parts]}
        assert await depot.shop.names("POST", f"{UPLOADS}/{upload}/complete", asked) == field

    async def test_what_cannot_be_used_any_more_is_not_shown(self, depot: Depot, vault: Vault) -> None:
        made(depot, vault)
        upload = vault.add_upload(depot.shop.tenant.id)
        answer = await depot.shop.ask("POST", f"{UPLOADS}/{upload}/abort")
        assert (answer.status_code, answer.json()["url"], answer.json()["parts"]) == (200, None, [])
        command = depot.shop.command_of(answer.headers["x-onerouter-operation-id"])
        assert (command.operation, command.payload) == ("upload.abort", {"upload_id": upload, "reason": "asked"})
