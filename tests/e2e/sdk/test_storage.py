"""Objects by the published client: through the API, past it, in parts, by others' hands, and once for one key."""

import io
import os
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest
from tests.e2e.sdk.driver import Sdk

from onerouter import ConflictError, NotFoundError, PreconditionFailedError

BUCKET: Final = "demo-files"
MIB: Final = 1024 * 1024


def name(of: str = "orders.csv") -> str:
    return f"sdk/{uuid4().hex[:12]}/{of}"


async def test_objects_are_put_read_listed_and_deleted(sdk: Sdk) -> None:
    key = name("a b/ü+c.bin")
    made = await sdk.call("storage.put", BUCKET, key, b"hello", content_type="text/x", metadata={"who": "é"})
    assert (made.key, made.size, made.metadata) == (key, 5, {"who": "é"})
    with pytest.raises(PreconditionFailedError):
        await sdk.call("storage.put", BUCKET, key, b"", if_none_match=True)
    found = await sdk.call("storage.get", BUCKET, key, byte_range=(1, 3))
    assert found.content == b"ell"
    head = await sdk.call("storage.head", BUCKET, key)
    assert (head.size, head.content_type, head.etag) == (5, "text/x", made.etag)
    assert [one.key for one in await sdk.all_of("storage.list", BUCKET, prefix=key[:12])] == [key]
    link = await sdk.call("storage.download_url", BUCKET, key, filename="hello.txt")
    async with httpx.AsyncClient() as anyone:
        assert (await anyone.get(link.url)).content == b"hello"
    assert (await sdk.call("storage.delete", BUCKET, key, if_match=made.etag)).deleted
    with pytest.raises(NotFoundError):
        await sdk.call("storage.head", BUCKET, key)


@pytest.mark.parametrize("size", [100, 6 * MIB, 17 * MIB], ids=["through the API", "in one piece", "in parts"])
async def test_files_go_there_and_back(sdk: Sdk, tmp_path: Path, size: int) -> None:
    content, key = os.urandom(size), name(f"{size}.bin")
    asked = {"idempotency_key": str(uuid4()), "metadata": {"n": str(size)}, "deadline": 60.0}
    made = await sdk.call("storage.upload", BUCKET, key, content, **asked)
    again = await sdk.call("storage.upload", BUCKET, key, content, **asked)
    assert (made.size, again.etag, again.upload_id) == (size, made.etag, made.upload_id)
    found = await sdk.call("storage.download", BUCKET, key, tmp_path / "found.bin", deadline=60.0)
    assert (found.size, (tmp_path / "found.bin").read_bytes() == content) == (size, True)
    into = io.BytesIO()
    await sdk.call("storage.download", BUCKET, key, into)
    assert into.getvalue() == content


async def test_others_upload_in_one_piece(sdk: Sdk) -> None:
    key = name()
    upload = await sdk.call("storage.uploads.create", BUCKET, key, content_type="text/csv", size=5)
    with pytest.raises(ConflictError):
        await sdk.call("storage.uploads.complete", BUCKET, upload.id)
    async with httpx.AsyncClient() as anyone:
        put = await anyone.put(upload.url, content=b"hello", headers=upload.required_headers)
        assert put.status_code == 200, put.text
    done = await sdk.call("storage.uploads.complete", BUCKET, upload.id)
    assert (done.status, done.size) == ("completed", 5)
    assert (await sdk.call("storage.uploads.get", BUCKET, upload.id)).status == "completed"


async def test_what_was_given_up_is_said_so(sdk: Sdk) -> None:
    """Also to whoever uploads under its key."""
    key, idempotency_key = name(), str(uuid4())
    asked = {"size": 6 * MIB, "multipart": False, "expires_in": 3_600, "idempotency_key": idempotency_key}
    single = await sdk.call("storage.uploads.create", BUCKET, key, **asked)
    assert (await sdk.call("storage.uploads.abort", BUCKET, single.id)).status == "aborted"
    with pytest.raises(ConflictError, match="aborted") as raised:
        await sdk.call("storage.upload", BUCKET, key, b"x" * 6 * MIB, idempotency_key=idempotency_key)
    assert (raised.value.code, raised.value.effect) == ("UPLOAD_ENDED", "unknown")
    upload = await sdk.call("storage.uploads.create", BUCKET, name(), multipart=True)
    page = await sdk.call("storage.uploads.list_parts", BUCKET, upload.id, first=2, count=3)
    assert [part.part_number for part in page.data] == [2, 3, 4]
    assert (await sdk.call("storage.uploads.abort", BUCKET, upload.id)).status == "aborted"
