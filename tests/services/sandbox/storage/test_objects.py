"""Objects as AWS's own client sees them, and where R2 is stricter."""

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from .conftest import sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Storage

CHUNKED = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
STREAMING = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


class TestPut:
    async def test_what_it_says_of_itself_is_kept(self, s3: "Storage") -> None:
        said = {"ContentType": "text/plain", "CacheControl": "no-cache", "ContentDisposition": "inline"}
        put = await s3.s3.put_object(Bucket=s3.bucket, Key="a b+c/é.txt", Body=b"hello", Metadata={"A": "1"}, **said)
        shown = await s3.s3.head_object(Bucket=s3.bucket, Key="a b+c/é.txt")
        assert {name: shown[name] for name in said} == said
        assert (shown["Metadata"], shown["ContentLength"], shown["ETag"]) == ({"a": "1"}, 5, put["ETag"])
        (effect,) = (await s3.sandbox.show("/ledger", account=s3.key))["data"]
        assert (effect["kind"], effect["object_id"], effect["amount"]) == ("object.put", f"{s3.bucket}/a b+c/é.txt", 5)

    async def test_chunks_are_for_s3_alone(self, s3: "Storage", r2: "Storage") -> None:
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
        for storage, status in ((s3, 200), (r2, 401)):
            answer = await storage.send(
                "PUT", f"/{storage.bucket}/k", content=CHUNKED, payload=STREAMING, headers=headers
            )
            assert answer.status_code == status
        shown = await s3.s3.get_object(Bucket=s3.bucket, Key="k")
        assert (await shown["Body"].read(), shown.get("ContentEncoding")) == (b"hello", None)
        assert await r2.refused("get_object", Key="k") == (404, "NoSuchKey")

    @pytest.mark.parametrize(
        "param",
        [{"ACL": "private"}, {"Tagging": "a=b"}, {"ServerSideEncryption": "AES256"}, {"RequestPayer": "requester"}],
    )
    async def test_what_r2_has_not(self, s3: "Storage", r2: "Storage", param: dict[str, Any]) -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"x", **param)
        assert await r2.refused("put_object", Key="k", Body=b"x", **param) == (501, "NotImplemented")

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, (400, "BadDigest")),
            ({"Metadata": {"a": "x" * 2_100}}, (400, "MetadataTooLarge")),
            ({"Key": "k" * 1_025}, (400, "KeyTooLongError")),
            ({"IfNoneMatch": '"etag"'}, (501, "NotImplemented")),
            ({"IfMatch": '"etag"'}, (404, "NoSuchKey")),
        ],
    )
    async def test_what_is_wrong_is_refused(
        self, s3: "Storage", params: dict[str, Any], expected: tuple[int, str]
    ) -> None:
        assert await s3.refused("put_object", **{"Key": "k", "Body": b"x", **params}) == expected

    async def test_a_full_bucket(self, s3: "Storage") -> None:
        await s3.register(quota_bytes=5)
        await s3.s3.put_object(Bucket=s3.bucket, Key="a", Body=b"12345")
        assert await s3.refused("put_object", Key="b", Body=b"6") == (403, "QuotaExceeded")


class TestExpect:
    async def ask(self, storage: "Storage") -> tuple[bytes, bytes]:
        """What comes before the body is sent, if anything in a moment, and the answer."""
        url = f"{storage.url}/{storage.bucket}/k"
        headers = sign("PUT", url, storage.key, storage.region, "UNSIGNED-PAYLOAD", {})
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        lines = [f"PUT {parts.path} HTTP/1.1", "content-length: 1", "expect: 100-continue", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        before = b""
        if storage.name == "s3":
            before = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x")
        answer = await reader.read()
        writer.close()
        return before.partition(b"\r\n")[0], answer.partition(b"\r\n")[0]

    async def test_s3_says_to_go_on(self, s3: "Storage") -> None:
        assert await self.ask(s3) == (b"HTTP/1.1 100 Continue", b"HTTP/1.1 200 OK")

    async def test_r2_says_nothing_and_takes_what_comes_all_the_same(self, r2: "Storage") -> None:
        assert await self.ask(r2) == (b"", b"HTTP/1.1 200 OK")


class TestGet:
    @pytest.mark.parametrize(
        ("asked", "status", "content"),
        [
            ("bytes=0-0", 206, b"0"),
            ("bytes=7-99", 206, b"789"),
            ("bytes=-3", 206, b"789"),
            ("bytes=-99", 206, b"0123456789"),
            ("bytes=3-", 206, b"3456789"),
            ("bytes=5-2", 200, b"0123456789"),
            ("pages=1", 200, b"0123456789"),
        ],
    )
    async def test_a_range(self, s3: "Storage", asked: str, status: int, content: bytes) -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"0123456789")
        answer = await s3.send("GET", f"/{s3.bucket}/k", unsigned={"range": asked})
        assert (answer.status_code, answer.content) == (status, content)

    async def test_a_range_beyond_the_end(self, s3: "Storage") -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"0123456789")
        assert await s3.refused("get_object", Key="k", Range="bytes=10-") == (416, "InvalidRange")

    async def test_the_answer_to_a_head_has_no_body(self, s3: "Storage") -> None:
        assert await s3.refused("head_object", Key="absent") == (404, "404")

    async def test_what_is_not_there_is_told(self, s3: "Storage") -> None:
        for path, query in ((f"/{s3.bucket}/k", "acl"), (f"/{s3.bucket}", "versions="), ("", "")):
            answer = await s3.send("GET", path, query=query)
            assert answer.status_code in (404, 501), path
        assert (await s3.send("PATCH", f"/{s3.bucket}/k")).status_code == 501


class TestDelete:
    async def test_it_is_the_same_whether_it_was_there(self, s3: "Storage") -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"x")
        for _ in range(2):
            answer = await s3.s3.delete_object(Bucket=s3.bucket, Key="k")
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        kinds = [one["kind"] for one in (await s3.sandbox.show("/ledger", account=s3.key))["data"]]
        assert kinds == ["object.put", "object.deleted"]

    async def test_s3_deletes_only_what_was_named(self, s3: "Storage") -> None:
        await s3.s3.put_object(Bucket=s3.bucket, Key="k", Body=b"x")
        wrong = {"Key": "k", "IfMatch": '"0"'}
        assert await s3.refused("delete_object", **wrong) == (412, "PreconditionFailed")
        etag = (await s3.s3.head_object(Bucket=s3.bucket, Key="k"))["ETag"]
        await s3.s3.delete_object(Bucket=s3.bucket, Key="k", IfMatch=etag)
        assert await s3.refused("delete_object", **wrong) == (404, "NoSuchKey")

    async def test_r2_has_no_such_condition(self, r2: "Storage") -> None:
        assert await r2.refused("delete_object", Key="k", IfMatch='"0"') == (501, "NotImplemented")


class TestList:
    async def test_a_page_counts_what_is_shared_as_one(self, s3: "Storage") -> None:
        for key in ("a", "b/1", "b/2", "c/1", "c/d/2", "e", "é"):
            await s3.s3.put_object(Bucket=s3.bucket, Key=key, Body=b"")
        pages = [
            (
                [one["Key"] for one in page.get("Contents", [])],
                [one["Prefix"] for one in page.get("CommonPrefixes", [])],
            )
            async for page in s3.s3.get_paginator("list_objects_v2").paginate(
                Bucket=s3.bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
            )
        ]
        assert pages == [(["a"], ["b/"]), (["e"], ["c/"]), (["é"], [])]
        inside = await s3.s3.list_objects_v2(Bucket=s3.bucket, Prefix="c/", Delimiter="/")
        assert [one["Prefix"] for one in inside["CommonPrefixes"]] == ["c/d/"]
        after = await s3.s3.list_objects_v2(Bucket=s3.bucket, StartAfter="c/d/2", MaxKeys=1)
        assert ([one["Key"] for one in after["Contents"]], after["IsTruncated"]) == (["e"], True)
        assert (await s3.s3.list_objects_v2(Bucket=s3.bucket, MaxKeys=0))["KeyCount"] == 0

    async def test_a_token_goes_on_with_its_own_list(self, s3: "Storage") -> None:
        for key in ("a1", "a2", "b"):
            await s3.s3.put_object(Bucket=s3.bucket, Key=key, Body=b"")
        token = (await s3.s3.list_objects_v2(Bucket=s3.bucket, Prefix="a", MaxKeys=1))["NextContinuationToken"]
        for params in ({"Prefix": "b", "ContinuationToken": token}, {"ContinuationToken": "nonsense"}):
            assert await s3.refused("list_objects_v2", **params) == (400, "InvalidArgument")


class TestMultipart:
    async def begun(self, storage: "Storage", *sizes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        made = await storage.s3.create_multipart_upload(Bucket=storage.bucket, Key="k", Metadata={"a": "1"})
        upload = {"Key": "k", "UploadId": made["UploadId"]}
        parts = []
        for number, size in enumerate(sizes, 1):
            put = await storage.s3.upload_part(
                Bucket=storage.bucket, PartNumber=number, Body=bytes([number]) * size, **upload
            )
            parts.append({"PartNumber": number, "ETag": put["ETag"]})
        return upload, parts

    async def test_the_parts_make_one_object(self, s3: "Storage") -> None:
        upload, parts = await self.begun(s3, 10, 12, 3)
        await s3.s3.upload_part(Bucket=s3.bucket, PartNumber=9, Body=b"left out", **upload)
        done = await s3.s3.complete_multipart_upload(Bucket=s3.bucket, MultipartUpload={"Parts": parts}, **upload)
        assert done["ETag"].endswith('-3"')
        shown = await s3.s3.get_object(Bucket=s3.bucket, Key="k")
        assert (await shown["Body"].read(), shown["Metadata"]) == (
            b"\x01" * 10 + b"\x02" * 12 + b"\x03" * 3,
            {"a": "1"},
        )
        assert await s3.refused("list_parts", **upload) == (404, "NoSuchUpload")

    async def test_r2_wants_parts_of_one_size(self, r2: "Storage") -> None:
        for sizes, code in (((10, 12, 3), "InvalidPart"), ((10, 12), "InvalidPart"), ((10, 10, 3), None)):
            upload, parts = await self.begun(r2, *sizes)
            done = {"MultipartUpload": {"Parts": parts}, **upload}
            if code is None:
                await r2.s3.complete_multipart_upload(Bucket=r2.bucket, **done)
            else:
                assert await r2.refused("complete_multipart_upload", **done) == (400, code)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda parts: parts[::-1], "InvalidPartOrder"),
            (lambda parts: [parts[0], parts[0]], "InvalidPartOrder"),
            (lambda parts: [*parts, {"PartNumber": 7, "ETag": parts[0]["ETag"]}], "InvalidPart"),
            (lambda parts: [{**parts[0], "ETag": parts[1]["ETag"]}, parts[1]], "InvalidPart"),
            (lambda parts: [], "MalformedXML"),
        ],
    )
    async def test_a_list_that_is_wrong(self, s3: "Storage", change: "Callable[[Any], Any]", code: str) -> None:
        upload, parts = await self.begun(s3, 10, 10)
        told = {"MultipartUpload": {"Parts": change(parts)}, **upload}
        assert await s3.refused("complete_multipart_upload", **told) == (400, code)

    async def test_a_document_with_entities_is_not_read(self, s3: "Storage") -> None:
        upload, _ = await self.begun(s3, 10)
        bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><CompleteMultipartUpload/>'
        answer = await s3.send("POST", f"/{s3.bucket}/k", query=f"uploadId={upload['UploadId']}", content=bomb)
        assert (answer.status_code, "MalformedXML" in answer.text) == (400, True)

    async def test_an_aborted_one_is_gone(self, s3: "Storage") -> None:
        upload, _ = await self.begun(s3, 10)
        listed = await s3.s3.list_multipart_uploads(Bucket=s3.bucket, Prefix="k")
        assert [one["UploadId"] for one in listed["Uploads"]] == [upload["UploadId"]]
        await s3.s3.abort_multipart_upload(Bucket=s3.bucket, **upload)
        assert await s3.refused("abort_multipart_upload", **upload) == (404, "NoSuchUpload")


class TestBadDays:
    async def test_each_has_its_own_word_for_too_many(self, s3: "Storage", r2: "Storage") -> None:
        for storage, expected in ((s3, (503, "SlowDown")), (r2, (429, "TooManyRequests"))):
            await storage.sandbox.fault("throttle_429", "ListObjectsV2", key_id=storage.key, times=1)
            assert await storage.refused("list_objects_v2") == expected
        await s3.sandbox.fault("error_5xx", "PutObject", key_id=s3.key, times=1, status=500)
        assert await s3.refused("put_object", Key="k", Body=b"x") == (500, "InternalError")
