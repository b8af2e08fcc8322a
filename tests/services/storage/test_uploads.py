"""Uploads: signed for whoever has the bytes, ended once, swept when nobody ends them."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
from tests.services.storage.stack import FILES, MEDIA, Stack
from tests.services.storage.test_objects import a_key, read, view

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.storage import MIB, AbortUpload, CompleteUpload, CreateUpload, UploadedPart
from onerouter_common.db.engine import worker_pool
from onerouter_common.ids import new_id
from onerouter_providers.objects import MultipartReference
from onerouter_storage.upload.sweep import Sweep

if TYPE_CHECKING:
    from onerouter_local.testing import Database

PART = 5 * MIB


@pytest.fixture(scope="module")
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    """Whoever has the bytes."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


async def create(stack: Stack, key: str, *, bucket: str = FILES, **said: Any) -> str:
    """The id of an upload that was made."""
    given = {"content_type": "text/plain", **stack.place(key, bucket), **said}
    command = CreateUpload(provider=stack.buckets[bucket].account.provider, **given)
    made = view(await stack.ask("upload.create", command, new_id("upl")))
    assert (made["status"], made["url"], made["parts"]) == ("pending", None, [])
    return str(made["id"])


async def complete(stack: Stack, upload_id: str, *parts: UploadedPart) -> Reply:
    return await stack.ask("upload.complete", CompleteUpload(upload_id=upload_id, parts=list(parts)), upload_id)


async def abort(stack: Stack, upload_id: str) -> Reply:
    return await stack.ask("upload.abort", AbortUpload(upload_id=upload_id), upload_id)


async def send(outside: httpx.AsyncClient, stack: Stack, upload_id: str, content: bytes, **headers: str) -> None:
    """What the holder of the address does, who may say more of the object than was asked for."""
    signed = await stack.read(f"/uploads/{upload_id}")
    wire = {**signed["required_headers"], **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = await outside.put(signed["url"], content=content, headers=wire)
    assert answer.status_code == 200, answer.text


async def send_part(outside: httpx.AsyncClient, url: str, number: int, content: bytes) -> UploadedPart:
    answer = await outside.put(url, content=content)
    assert answer.status_code == 200, answer.text
    return UploadedPart(part_number=number, etag=answer.headers["etag"].strip('"'))


@pytest.mark.parametrize("bucket", [FILES, MEDIA])
async def test_a_single_put(stack: Stack, outside: httpx.AsyncClient, bucket: str) -> None:
    key = a_key()
    upload_id = await create(stack, key, bucket=bucket, size_bytes=5, metadata={"order": "7"})
    early = await complete(stack, upload_id)
    assert (early.status, early.problem and early.problem.code) == (409, "UPLOAD_NOT_MADE")
    await send(outside, stack, upload_id, b"hello", content_encoding="gzip")
    done = view(await complete(stack, upload_id))
    assert (done["status"], done["size"], done["object_id"]) == ("completed", 5, stack.id_of(key, bucket))
    assert await stack.content_at(key, bucket) == b"hello"
    told = await stack.event(upload_id, 1)
    assert (told.type, told.data) == ("storage.upload.completed", done)
    born = await stack.event(stack.id_of(key, bucket), 1)
    assert (born.type, born.data["upload_id"], born.data["etag"]) == (
        "storage.object.created", upload_id, done["etag"],
    )  # fmt: skip
    assert born.data["metadata"] == {"order": "7"}
    assert view(await complete(stack, upload_id)) == done
    late = await abort(stack, upload_id)
    assert late.problem is not None
    assert late.problem.code == "UPLOAD_COMPLETED"
    shown = await stack.read(f"/uploads/{upload_id}")
    assert (shown["status"], shown["url"], shown["required_headers"]) == ("completed", None, {})


async def test_a_single_put_that_landed_is_not_aborted(stack: Stack, outside: httpx.AsyncClient) -> None:
    """Whoever put it may not have heard of it, and gives up."""
    upload_id = await create(stack, key := a_key())
    await send(outside, stack, upload_id, b"hello", content_encoding="br")
    ended = view(await abort(stack, upload_id))
    assert (ended["status"], ended["size"]) == ("completed", 5)
    assert (await stack.event(upload_id, 1)).type == "storage.upload.completed"
    assert (await stack.event(stack.id_of(key), 1)).type == "storage.object.created"
    assert view(await abort(stack, await create(stack, a_key())))["status"] == "aborted"


async def test_parts(stack: Stack, outside: httpx.AsyncClient) -> None:
    key = a_key("film.mp4")
    said: dict[str, Any] = {"is_multipart": True, "part_size": PART, "size_bytes": PART + 3}
    upload_id = await create(stack, key, **said)
    signed = await stack.read(f"/uploads/{upload_id}")
    assert (signed["part_count"], [one["part_number"] for one in signed["parts"]]) == (2, [1, 2])
    second = await stack.read(f"/uploads/{upload_id}/parts", **{"from": 2, "count": 5})
    assert ([one["part_number"] for one in second["data"]], second["has_more"]) == ([2], False)
    assert signed["parts"][0]["required_headers"] == {"Content-Length": str(PART)}
    for other in (b"a" * (PART + 1), b"a" * (PART - 1)):
        refused = await outside.put(signed["parts"][0]["url"], content=other)
        assert refused.status_code == 403, "each address is for the bytes of its part"
    parts = [
        await send_part(outside, signed["parts"][0]["url"], 1, b"a" * PART),
        await send_part(outside, second["data"][0]["url"], 2, b"end"),
    ]
    for given in ((UploadedPart(part_number=1, etag="0" * 32), parts[1]), parts[:1]):
        wrong = await complete(stack, upload_id, *given)
        assert (wrong.status, wrong.problem and wrong.problem.errors[0]["field"]) == (422, "parts")
    await stack.fault("timeout_after_effect", "CompleteMultipartUpload", hold_s=0.1)
    done = view(await complete(stack, upload_id, *parts))
    assert (done["status"], done["size"]) == ("completed", PART + 3)
    assert await stack.effects("upload.completed", upload_id) == 1
    assert (await stack.content_at(key) or b"")[-4:] == b"aend"
    too_large = await read(stack, key)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert (await read(stack, key, Range="bytes=-3")).content == b"end"
    await stack.event(upload_id, 1)
    assert [event.type for event in stack.told_of(upload_id)] == ["storage.upload.completed"]


async def test_an_aborted_one_leaves_nothing(stack: Stack, outside: httpx.AsyncClient) -> None:
    key = a_key()
    upload_id = await create(stack, key, is_multipart=True, part_size=PART)
    signed = await stack.read(f"/uploads/{upload_id}")
    assert len(signed["parts"]) == 100
    assert (await stack.read(f"/uploads/{upload_id}/parts", **{"from": 101}))["has_more"] is True
    part = await send_part(outside, signed["parts"][0]["url"], 1, b"x")
    await stack.fault("timeout_after_effect", "AbortMultipartUpload", hold_s=0.1)
    assert view(await abort(stack, upload_id))["status"] == "aborted"
    open_ones = (await stack.sandbox.get(f"/control/s3/buckets/{FILES}/uploads")).json()["data"]
    assert key not in [one["key"] for one in open_ones]
    assert (await stack.event(upload_id, 1)).type == "storage.upload.aborted"
    assert view(await abort(stack, upload_id))["version"] == 1
    late = await complete(stack, upload_id, part)
    assert late.problem is not None
    assert (late.status, late.problem.code) == (409, "UPLOAD_ABORTED")
    refused = await stack.storage.get(f"/internal/uploads/{upload_id}/parts", headers=stack.headers())
    assert (refused.status_code, refused.json()["code"]) == (409, "UPLOAD_ENDED")


async def test_what_the_bucket_has_thrown_away_is_told_as_aborted(stack: Stack, outside: httpx.AsyncClient) -> None:
    upload_id = await create(stack, key := a_key(), is_multipart=True, part_size=PART)
    signed = await stack.read(f"/uploads/{upload_id}")
    part = await send_part(outside, signed["parts"][0]["url"], 1, b"x")
    await throw_away(stack, key, upload_id)
    lost = await complete(stack, upload_id, part)
    assert (lost.status, lost.problem and lost.problem.code) == (404, "UPLOAD_NOT_FOUND")
    assert (await stack.event(upload_id, 1)).type == "storage.upload.aborted"
    assert (await stack.read(f"/uploads/{upload_id}"))["status"] == "aborted"


async def throw_away(stack: Stack, key: str, upload_id: str) -> None:
    """As a bucket's own rule does."""
    found = (await stack.sandbox.get(f"/control/s3/buckets/{FILES}/uploads")).json()["data"]
    provider_upload_id = next(one["id"] for one in found if one["key"] == key)
    async with stack.past_us() as bucket:
        await bucket.abort_multipart(MultipartReference(key, upload_id, provider_upload_id))


class TestAbandoned:
    async def test_parts_are_thrown_away_and_told_of(
        self, stack: Stack, service_database: "Database", outside: httpx.AsyncClient
    ) -> None:
        key = a_key()
        upload_id = await create(stack, key, is_multipart=True, part_size=PART)
        assert await sweep(service_database, upload_id) == 1
        told = await stack.event(upload_id, 1)
        assert told.type == "storage.upload.aborted"
        open_ones = (await stack.sandbox.get(f"/control/s3/buckets/{FILES}/uploads")).json()["data"]
        assert key not in [one["key"] for one in open_ones]
        found = await stack.read("/operations", resource_id=upload_id, operation="upload.abort")
        assert [one["status"] for one in found["data"]] == ["succeeded"]

    async def test_a_put_that_was_never_confirmed_is_found(
        self, stack: Stack, service_database: "Database", outside: httpx.AsyncClient
    ) -> None:
        made, unmade = a_key(), a_key()
        first, second = await create(stack, made), await create(stack, unmade)
        await send(outside, stack, first, b"hello")
        assert await sweep(service_database, first, second) == 2
        assert (await stack.event(first, 1)).type == "storage.upload.completed"
        assert (await stack.event(stack.id_of(made), 1)).data["upload_id"] == first
        assert (await stack.event(second, 1)).type == "storage.upload.aborted"

    async def test_what_cannot_be_looked_at_keeps_nobody_from_its_key(
        self, stack: Stack, service_database: "Database", outside: httpx.AsyncClient
    ) -> None:
        upload_id = await create(stack, key := a_key())
        await send(outside, stack, upload_id, b"hello")
        await stack.fault("error_5xx", "HeadObject")
        assert await sweep(service_database, upload_id) == 1
        async with asyncio.timeout(60):
            while not await put_off(service_database, upload_id, "1 hour"):
                await asyncio.sleep(0.01)
        assert view(await stack.put(key, b"since"))["version"] == 1
        assert view(await stack.delete(key))["deleted"] is True
        assert await put_off(service_database, upload_id, "0")
        assert (await stack.event(upload_id, 1)).type == "storage.upload.aborted"

    async def test_one_that_has_time_left_is_left_alone(self, stack: Stack, service_database: "Database") -> None:
        upload_id = await create(stack, a_key())
        assert await sweep(service_database) == 0
        assert (await stack.read(f"/uploads/{upload_id}"))["status"] == "pending"


async def put_off(database: "Database", upload_id: str, by: str) -> bool:
    """Its abort is due so much later from now; whether it waits to be tried again."""
    admin = await asyncpg.connect(database.admin_dsn)
    try:
        statement = (
            "UPDATE operations SET due_at = now() + $2::text::interval WHERE resource_id = $1 AND state = 'retrying' "
            "AND operation = 'upload.abort' RETURNING true"
        )
        return bool(await admin.fetchval(statement, upload_id, by))
    finally:
        await admin.close()


async def sweep(database: "Database", *upload_ids: str) -> int:
    """These are a day past their end; how many were found to be."""
    admin = await asyncpg.connect(database.admin_dsn)
    try:
        await admin.execute("UPDATE uploads SET sweep_at = now() WHERE id = ANY($1::text[])", list(upload_ids))
    finally:
        await admin.close()
    async with worker_pool(database.dsn, "storage", size=1) as pool:
        return await Sweep(pool, SystemClock(), interval_s=60).sweep_once()


async def test_no_address_ever_crosses_the_log(stack: Stack) -> None:
    """What was signed in this module is in no reply and no event that was read."""
    upload_id = await create(stack, a_key())
    assert "X-Amz-Signature" in (await stack.read(f"/uploads/{upload_id}"))["url"]
    assert stack.replies.seen
    for record in (*stack.replies.seen, *stack.events.seen):
        assert b"X-Amz-" not in record


async def test_another_tenant_sees_no_upload(stack: Stack) -> None:
    upload_id = await create(stack, a_key())
    for tenant, environment in ((stack.other_id, "test"), (stack.tenant_id, "live")):
        for path in ("", "/parts"):
            answer = await stack.storage.get(
                f"/internal/uploads/{upload_id}{path}", headers=stack.headers(tenant, environment)
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "UPLOAD_NOT_FOUND")
    reply = await stack.ask("upload.abort", AbortUpload(upload_id=upload_id), upload_id, tenant=stack.other_id)
    assert (reply.status, reply.problem and reply.problem.code) == (404, "UPLOAD_NOT_FOUND")
    assert (await stack.read(f"/uploads/{upload_id}"))["status"] == "pending"
