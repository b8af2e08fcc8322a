"""Objects from the log to the bucket and back: put, read, deleted, told of; each effect once, whatever is lost."""

import asyncio
import hashlib
from typing import Any

import pytest
from tests.services.storage.stack import FILES, MEDIA, OTHERS, Stack

from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.storage import INLINE_BYTES, DeleteObject, PutObject
from onerouter_common.ids import new_id


def view(reply: Reply) -> dict[str, Any]:
    assert reply.result is not None, reply.problem
    return dict(reply.result)


def a_key(name: str = "invoice.txt") -> str:
    return f"{new_id('obj')}/{name}"


async def read(stack: Stack, key: str, method: str = "GET", bucket: str = FILES, **headers: str) -> Any:
    return await stack.storage.request(
        method,
        f"/internal/buckets/{bucket}/object",
        params={"key": key},
        headers={**stack.headers(), **headers},
    )


@pytest.mark.parametrize("bucket", [FILES, MEDIA])
async def test_an_object_lives_its_life(stack: Stack, bucket: str) -> None:
    key = a_key("Rechnung ä+b #1.txt")
    said = {"cache_control": "max-age=60", "metadata": {"order": "7", "note": "für Ann"}}
    put = view(await stack.put(key, b"hello", bucket=bucket, **said))
    assert (put["object"], put["status"], put["bucket"], put["key"]) == ("object", "stored", bucket, key)
    assert (put["size"], put["sha256"]) == (5, hashlib.sha256(b"hello").hexdigest())
    assert (put["id"], put["version"], put["effect_guarantee"]) == (stack.id_of(key, bucket), 1, "exactly_once")
    assert put["metadata"] == said["metadata"]
    public = put["url"] is not None and put["url"].startswith("https://media.example.com/shop/")
    assert public == (bucket == MEDIA)
    assert await stack.content_at(key, bucket) == b"hello"
    assert await stack.effects("object.put", put["operation_id"]) == 1

    born = await stack.event(put["id"], 1)
    assert (born.type, born.resource.kind, born.data) == ("storage.object.created", "object", put)

    answer = await read(stack, key, bucket=bucket)
    assert (answer.status_code, answer.content) == (200, b"hello")
    assert answer.headers["etag"] == f'"{put["etag"]}"'
    assert answer.headers["x-onerouter-sha256"] == put["sha256"]
    assert answer.headers["x-onerouter-metadata-note"] == "f%C3%BCr Ann"
    assert not [name for name in answer.headers if name.startswith("x-onerouter-metadata-onerouter-")]

    gone = view(await stack.delete(key, bucket=bucket))
    assert (gone["deleted"], gone["status"], gone["size"], gone["etag"]) == (True, "deleted", None, None)
    assert (await stack.event(put["id"], 2)).type == "storage.object.deleted"
    assert (await read(stack, key, bucket=bucket)).json()["code"] == "OBJECT_NOT_FOUND"
    again = view(await stack.put(key, b"", bucket=bucket))
    assert (again["size"], again["version"], again["metadata"]) == (0, 3, {})
    assert (await stack.event(put["id"], 3)).type == "storage.object.created"


async def test_it_is_read_in_part_and_only_if(stack: Stack) -> None:
    key = a_key()
    etag = view(await stack.put(key, b"0123456789"))["etag"]
    part = await read(stack, key, Range="bytes=2-4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (await read(stack, key, **{"If-None-Match": f'W/"{etag}"'})).status_code == 304
    assert (await read(stack, key, **{"If-Match": '"another"'})).status_code == 412
    for method in ("GET", "HEAD"):
        several = {"If-None-Match": f'"other", W/"{etag}"'}
        known = await read(stack, key, method, **several)
        assert (known.status_code, known.headers["etag"], known.content) == (304, f'"{etag}"', b"")
        assert (await read(stack, key, method, **{"If-None-Match": '"other", "another"'})).status_code == 200
    outside = await read(stack, key, Range="bytes=50-")
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
    same = await read(stack, key, Range="bytes=0-0", **{"If-Range": f'"{etag}"'})
    other = await read(stack, key, Range="bytes=0-0", **{"If-Range": '"another"'})
    assert (same.status_code, same.content) == (206, b"0")
    assert (other.status_code, other.content) == (200, b"0123456789")
    head = await read(stack, key, "HEAD")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")
    missing = await read(stack, a_key(), "HEAD")
    assert (missing.status_code, missing.headers["x-onerouter-error-code"]) == (404, "OBJECT_NOT_FOUND")


async def test_only_one_version_is_deleted_where_the_provider_can_be_told(stack: Stack) -> None:
    for bucket, other in ((FILES, (412, "PRECONDITION_FAILED")), (MEDIA, (422, "CAPABILITY_UNSUPPORTED"))):
        etag = view(await stack.put(key := a_key(), b"x", bucket=bucket))["etag"]
        refused = await stack.delete(key, bucket=bucket, if_match="0" * 32)
        assert (refused.status, refused.problem and refused.problem.code) == other
        assert await stack.content_at(key, bucket) == b"x"
        if bucket == FILES:
            assert view(await stack.delete(key, bucket=bucket, if_match=etag))["deleted"] is True
            assert await stack.content_at(key, bucket) is None


async def test_what_is_done_at_one_place_is_done_in_order(stack: Stack) -> None:
    key = a_key()
    commands = [await stack.begin_put(key, f"version {number}".encode()) for number in range(6)]
    versions = [view(await stack.reply_to(command))["version"] for command in commands]
    assert versions == [1, 2, 3, 4, 5, 6]
    assert await stack.content_at(key) == b"version 5"
    await stack.event(stack.id_of(key), 6)
    assert [event.sequence for event in stack.told_of(stack.id_of(key))] == [1, 2, 3, 4, 5, 6]


async def test_conditions_hold_or_nothing_happens(stack: Stack) -> None:
    key = a_key()
    first = view(await stack.put(key, b"first", if_none_match=True))
    for condition in ({"if_none_match": True}, {"if_match": "another"}):
        refused = await stack.put(key, b"second", **condition)
        assert (refused.state, refused.status) == ("failed", 412)
        assert refused.problem is not None
        assert (refused.problem.code, refused.problem.effect) == ("PRECONDITION_FAILED", "none")
    assert await stack.content_at(key) == b"first"
    assert view(await stack.put(key, b"second", if_match=first["etag"]))["version"] == 2


async def test_another_tenant_has_neither_the_bucket_nor_the_bytes(stack: Stack) -> None:
    key = a_key()
    view(await stack.put(key, b"mine"))
    for tenant, environment in ((stack.other_id, "test"), (stack.tenant_id, "live")):
        headers = stack.headers(tenant, environment)
        for path in ("", "/object?key=x", "/objects"):
            answer = await stack.storage.get(f"/internal/buckets/{FILES}{path}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "BUCKET_NOT_CONNECTED")
    # Commands come from the gateway alone; were one forged, it would reach nothing of another's.
    forged = DeleteObject(**stack.place(key))
    reply = await stack.ask("object.delete", forged, stack.id_of(key), tenant=stack.other_id)
    assert reply.state == "failed"
    assert await stack.content_at(key) == b"mine"
    kept = await stack.hand_over(b"secret")
    place = stack.place(a_key(), OTHERS)
    stolen = PutObject(content_id=kept["id"], content_type="x/y", size_bytes=6, sha256="0" * 64, **place)
    reply = await stack.ask("object.put", stolen, stack.id_of(place["key"], OTHERS), tenant=stack.other_id)
    assert (reply.problem and reply.problem.code, reply.status) == ("CONTENT_GONE", 409)


async def test_a_bucket_is_listed_page_by_page(stack: Stack) -> None:
    folder = a_key("list")
    for name in ("a.txt", "b.txt", "c/1.txt", "c/2.txt", "d.txt"):
        await stack.put(f"{folder}/{name}", b"x")
    asked = {"prefix": f"{folder}/", "delimiter": "/", "limit": 2}
    seen, prefixes, cursor = [], [], None
    async with asyncio.timeout(60):
        while True:
            page = await stack.read(f"/buckets/{FILES}/objects", **asked, **({"cursor": cursor} if cursor else {}))
            seen += [one["key"].removeprefix(f"{folder}/") for one in page["data"]]
            prefixes += page["prefixes"]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
    assert (seen, prefixes) == (["a.txt", "b.txt", "d.txt"], [f"{folder}/c/"])
    assert page["next_cursor"] is None
    entry = (await stack.read(f"/buckets/{FILES}/objects", prefix=f"{folder}/a"))["data"][0]
    assert (entry["id"], entry["size"], entry["storage_class"]) == (stack.id_of(f"{folder}/a.txt"), 1, "STANDARD")
    others: list[dict[str, Any]] = [{**asked, "prefix": folder}, {**asked, "delimiter": "x"}, {"prefix": f"{folder}/"}]
    for wrong in others:
        answer = await stack.storage.get(
            f"/internal/buckets/{FILES}/objects", headers=stack.headers(), params={**wrong, "cursor": cursor}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_a_download_is_signed_and_read_without_us(stack: Stack) -> None:
    key = a_key()
    await stack.put(key, b"<h1>hi</h1>", content_type="text/html")
    wanted = {"key": key, "expires_in": 60, "filename": "Grüße.txt", "content_type": "text/plain"}
    answer = await stack.storage.post(f"/internal/buckets/{FILES}/downloads", headers=stack.headers(), json=wanted)
    told = answer.json()
    assert (told["object"], told["method"], told["key"]) == ("download", "GET", key)
    async with httpx_client() as outside:
        got = await outside.get(told["url"])
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, b"<h1>hi</h1>", "text/plain")
    assert got.headers["content-disposition"].startswith("attachment")


async def test_bad_keys_are_named(stack: Stack) -> None:
    for key in ("/a", "a/../b", "a\\b", "x" * 1025, "a\nb"):
        answer = await read(stack, key)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "key")


async def test_the_largest_that_goes_through_us(stack: Stack) -> None:
    key = a_key()
    content = b"x" * INLINE_BYTES
    assert view(await stack.put(key, content))["size"] == INLINE_BYTES
    answer = await read(stack, key)
    assert (answer.status_code, answer.content == content) == (200, True)
    refused = await stack.storage.post("/internal/contents", content=content + b"x", headers=stack.headers())
    assert (refused.status_code, refused.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_what_a_bucket_says_no_to_is_told(stack: Stack) -> None:
    await stack.fault("error_5xx", "GetObject", status=503, times=20)
    answer = await read(stack, a_key())
    assert (answer.status_code, answer.json()["effect"]) == (503, "none")
    await stack.sandbox.delete("/control/faults")


def httpx_client() -> Any:
    import httpx

    return httpx.AsyncClient(timeout=30)
