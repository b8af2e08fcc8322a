"""Objects on the whole stack: kept once, told once, read as they are, and by nobody else."""

import asyncio
import hashlib
import io
import os
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from tests.e2e.world import World, check_problem

from onerouter import OneRouter, PreconditionFailedError

BUCKETS: Final = {"s3": "demo-files", "r2": "demo-media"}
MIB: Final = 1024 * 1024


@pytest.fixture(params=sorted(BUCKETS))
def bucket(request: pytest.FixtureRequest) -> str:
    """At each provider."""
    return BUCKETS[request.param]


def _key(name: str = "orders.csv") -> str:
    return f"e2e/{uuid4().hex[:12]}/{name}"


async def _put(world: World, bucket: str, key: str, content: bytes, **headers: str) -> httpx.Response:
    sent = {"Idempotency-Key": str(uuid4())} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.api.put(f"/v1/storage/{bucket}/objects/{key}", content=content, headers=sent)


async def _kept(world: World, bucket: str, key: str) -> bytes | None:
    """What the bucket itself has."""
    provider = next(name for name, one in BUCKETS.items() if one == bucket)
    answer = await world.sandbox.get(f"/control/{provider}/buckets/{bucket}/content", params={"key": key})
    return answer.content if answer.is_success else None


class TestObject:
    async def test_is_put_read_listed_and_deleted(self, world: World, bucket: str) -> None:
        key, content = _key("a b/ü+c.bin"), os.urandom(70_000)
        put = await _put(
            world,
            bucket,
            key,
            content,
            Content_Type="image/x",
            X_OneRouter_Metadata_Who="%C3%A9",
            Cache_Control="no-cache",
        )
        assert put.status_code == 201, put.text
        made = put.json()
        assert (made["key"], made["size"], made["metadata"]) == (key, len(content), {"who": "é"})
        assert made["sha256"] == hashlib.sha256(content).hexdigest()
        assert await _kept(world, bucket, key) == content
        path = f"/v1/storage/{bucket}/objects/{key}"
        read = await world.api_2.get(path)
        assert (read.status_code, read.content, read.headers["content-type"]) == (200, content, "image/x")
        assert read.headers["x-onerouter-metadata-who"] == "%C3%A9"
        assert read.headers["content-disposition"].startswith("attachment")
        assert (await world.api.get(path, headers={"Range": "bytes=5-9"})).content == content[5:10]
        assert (await world.api.get(path, headers={"If-None-Match": read.headers["etag"]})).status_code == 304
        head = await world.api.head(path)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
        listed = (await world.api.get(f"/v1/storage/{bucket}", params={"prefix": key[:12]})).json()["data"]
        assert [(one["key"], one["id"]) for one in listed] == [(key, made["id"])]
        deleted = await world.api.delete(path)
        assert (deleted.json()["deleted"], deleted.json()["id"]) == (True, made["id"])
        check_problem(await world.api.get(path), 404, "OBJECT_NOT_FOUND")
        assert (await world.api.head(path)).headers["x-onerouter-error-code"] == "OBJECT_NOT_FOUND"
        events = await world.events_of(made["id"], "storage.object.deleted")
        assert [event.type for event in events] == ["storage.object.created", "storage.object.deleted"]

    async def test_is_put_once_however_often_it_is_asked_for(self, world: World, bucket: str) -> None:
        key, idempotency_key = _key(), str(uuid4())
        sent = {"Idempotency_Key": idempotency_key, "If_None_Match": "*"}
        answers = await asyncio.gather(*(_put(world, bucket, key, b"hello", **sent) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
        assert len({answer.json()["operation_id"] for answer in answers}) == 1
        assert len(await world.effects(answers[0].json()["operation_id"])) == 1
        other = await _put(world, bucket, key, b"other", Idempotency_Key=idempotency_key)
        check_problem(other, 422, "IDEMPOTENCY_KEY_REUSED")

    async def test_is_not_put_over_what_is_there(self, world: World, bucket: str) -> None:
        key = _key()
        first = (await _put(world, bucket, key, b"one", If_None_Match="*")).json()
        check_problem(await _put(world, bucket, key, b"two", If_None_Match="*"), 412, "PRECONDITION_FAILED")
        check_problem(await _put(world, bucket, key, b"two", If_Match='"another"'), 412, "PRECONDITION_FAILED")
        assert (await _put(world, bucket, key, b"two", If_Match=f'"{first["etag"]}"')).status_code == 201
        assert await _kept(world, bucket, key) == b"two"

    async def test_a_lost_answer_is_found_out(self, world: World) -> None:
        """The bucket has it, and its answer never came."""
        key = _key()
        await world.fault("timeout_after_effect", provider="s3", operation="PutObject", hold_s=1)
        put = await _put(world, BUCKETS["s3"], key, b"hello", Prefer="wait=20")
        assert put.status_code in (201, 202), put.text
        operation = put.headers["x-onerouter-operation-id"]
        await world.reached(f"/v1/operations/{operation}", "succeeded")
        assert await _kept(world, BUCKETS["s3"], key) == b"hello"
        assert len(await world.effects(operation)) == 1

    async def test_stands_in_the_log_of_operations(self, world: World) -> None:
        key = _key()
        made = (await _put(world, BUCKETS["s3"], key, b"x")).json()
        listed = await world.api.get("/v1/operations", params={"category": "storage", "resource": made["id"]})
        (operation,) = listed.json()["data"]
        assert (operation["operation"], operation["status"]) == ("object.put", "succeeded")
        assert operation["id"] == made["operation_id"]
        timeline = await world.api.get(f"/v1/operations/{operation['id']}/timeline")
        assert "storage.object.created" in timeline.text


class TestNeighbours:
    async def test_a_bucket_is_its_tenants_and_environments(self, world: World) -> None:
        path = f"/v1/storage/{BUCKETS['s3']}"
        for headers in ({"X-OneRouter-Environment": "live"},):
            check_problem(await world.api.get(path, headers=headers), 403, "FORBIDDEN")
        check_problem(await world.api.get("/v1/storage/nobodys-files"), 404, "BUCKET_NOT_CONNECTED")
        check_problem(await world.api.get(path, params={"provider": "r2"}), 404, "BUCKET_NOT_CONNECTED")

    async def test_discovery_names_the_buckets(self, world: World) -> None:
        found = (await world.api.get("/v1/services", params={"category": "storage"})).json()["data"]
        assert {one["provider"]: one["connections"][0]["bucket"] for one in found} == BUCKETS


class TestUploads:
    async def test_one_piece_goes_past_us(self, world: World, bucket: str) -> None:
        key = _key()
        asked = {"key": key, "content_type": "text/csv", "size": 5, "metadata": {"user": "u-77"}}
        upload = (await world.api.post(f"/v1/storage/{bucket}/uploads", json=asked)).json()
        path = f"/v1/storage/{bucket}/uploads/{upload['id']}"
        check_problem(await world.api.post(f"{path}/complete", json={}), 409, "UPLOAD_NOT_MADE")
        async with httpx.AsyncClient() as anyone:
            wrong = await anyone.put(upload["url"], content=b"hello", headers={"Content-Type": "text/html"})
            assert wrong.status_code == 403
            put = await anyone.put(upload["url"], content=b"hello", headers=upload["required_headers"])
            assert put.status_code == 200, put.text
        done = await world.api.post(f"{path}/complete", json={})
        assert (done.status_code, done.json()["status"], done.json()["url"]) == (200, "completed", None)
        head = await world.api.head(f"/v1/storage/{bucket}/objects/{key}")
        assert (head.headers["content-type"], head.headers["x-onerouter-metadata-user"]) == ("text/csv", "u-77")
        await world.events_of(upload["id"], "storage.upload.completed")
        await world.events_of(upload["object_id"], "storage.object.created")

    async def test_an_aborted_one_is_over(self, world: World, bucket: str) -> None:
        asked = {"key": _key(), "multipart": True}
        upload = (await world.api.post(f"/v1/storage/{bucket}/uploads", json=asked)).json()
        path = f"/v1/storage/{bucket}/uploads/{upload['id']}"
        aborted = await world.api.post(f"{path}/abort", json={})
        assert (aborted.status_code, aborted.json()["status"]) == (200, "aborted"), aborted.text
        check_problem(
            await world.api.post(f"{path}/complete", json={"parts": [{"part_number": 1, "etag": "a"}]}),
            409,
            "UPLOAD_ABORTED",
        )
        assert (await world.api.get(path)).json()["parts"] == []

    async def test_no_address_is_kept(self, world: World) -> None:
        asked = {"key": _key(), "size": 5}
        upload = (await world.api.post(f"/v1/storage/{BUCKETS['s3']}/uploads", json=asked)).json()
        signature = upload["url"].partition("X-Amz-Signature=")[2][:64]
        assert len(signature) == 64
        world.secrets.append(signature)


class TestSdk:
    async def test_files_of_any_size(self, world: World, bucket: str, tmp_path: Any) -> None:
        """Through us, in one piece past us, and in parts."""
        url, key = str(world.api.base_url), world.secrets[0]
        async with OneRouter(key, url) as client:
            for size in (100, 6 * MIB, 17 * MIB):
                content = os.urandom(size)
                name = _key(f"{size}.bin")
                made = await client.storage.upload(bucket, name, content, content_type="image/x", metadata={"n": size})
                assert (made.size, made.key) == (size, name)
                found = await client.storage.download(bucket, name, tmp_path / "found.bin")
                assert (found.size, (tmp_path / "found.bin").read_bytes() == content) == (size, True)
                head = await client.storage.head(bucket, name)
                assert (head.size, head.content_type, head.metadata) == (size, "image/x", {"n": str(size)})
            with pytest.raises(PreconditionFailedError):
                await client.storage.put(bucket, name, b"", if_none_match=True)
            into = io.BytesIO()
            await client.storage.download(bucket, name, into)
            assert into.getvalue() == content
            listed = [one.key async for one in client.storage.list(bucket, prefix=name[:12], limit=1)]
            assert listed == [name]
            assert (await client.storage.delete(bucket, name)).deleted
