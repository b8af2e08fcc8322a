"""Files of any size: in pieces, tried again, never with the API key, and never more than one piece in memory."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sdks.python.tests.golden import KEY
from sdks.python.tests.wire import serving

from onerouter import OneRouter, OneRouterSync, PreconditionFailedError, ProviderError, ProviderUnavailableError
from onerouter.testing import FakeServer, Reply, cut_off, problem

MIB: Final = 1024 * 1024
SIGNED: Final = "http://bucket.test/demo-files/"
UPLOAD: Final = "/v1/storage/demo-files/uploads"
_SECRET: Final = "X-Amz-Signature=abc"
CONFLICT: Final = Reply(content=b"<Error><Code>PreconditionFailed</Code></Error>", status=412)


class Bucket:
    """A bucket, and the API before it."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.objects: dict[str, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self.created: list[Any] = []
        self.ended: list[str] = []
        self.refusals: list[Reply] = []
        """What the next PUTs and GETs at the bucket meet."""
        self.after: list[Reply] = []
        """What the next PUTs are answered that arrive all the same."""
        self.completions: list[Reply] = []
        self.puts = 0
        on = self.server.on
        on("PUT", "/v1/storage/demo-files/objects/{key}", self._inline)
        on("POST", UPLOAD, self._create)
        on("GET", f"{UPLOAD}/upl_1", lambda call: self._upload())
        on("GET", f"{UPLOAD}/upl_1/parts", self._urls)
        on("POST", f"{UPLOAD}/upl_1/complete", self._complete)
        on("POST", f"{UPLOAD}/upl_1/abort", self._abort)
        on("POST", "/v1/storage/demo-files/downloads", self._download)
        on("PUT", "/demo-files/{key}", self._put)
        on("GET", "/demo-files/{key}", self._get)

    def _inline(self, call: Any) -> Any:
        key = call.path.partition("/objects/")[2]
        self.objects[key] = call.content
        return {"object": "object", "id": "obj_1", "key": key, "size": len(call.content), "etag": "e1"}

    def _create(self, call: Any) -> Any:
        self.created.append(call.json)
        return Reply(self._upload(), 201)

    def _upload(self, **changed: Any) -> Any:
        asked = self.created[-1]
        in_parts = asked.get("multipart", False)
        return {
            "object": "upload",
            "id": "upl_1",
            "key": asked["key"],
            "status": "pending",
            "url": None if in_parts else f"{SIGNED}{asked['key']}?{_SECRET}",
            "required_headers": {"content-type": "text/x", "content-length": str(asked.get("size"))},
            "parts": [self._part(number) for number in range(1, 3)] if in_parts else [],
            "etag": None,
            **changed,
        }

    def _part(self, number: int) -> Any:
        return {"part_number": number, "url": f"{SIGNED}{self.created[-1]['key']}?partNumber={number}&{_SECRET}"}

    def _urls(self, call: Any) -> Any:
        first, count = int(call.query["from"]), int(call.query["count"])
        return {"object": "list", "data": [self._part(first + number) for number in range(min(count, 3))]}

    def _put(self, call: Any) -> Any:
        assert not {"authorization", "x-api-key", "user-agent"} & set(call.headers)
        self.puts += 1
        if self.refusals:
            return self.refusals.pop(0)
        if "partNumber" in call.query:
            self.parts[int(call.query["partNumber"])] = call.content
            return Reply({}, headers={"ETag": f'"part-{call.query["partNumber"]}"'})
        assert call.headers["content-type"] == "text/x"
        self.objects[call.path.rpartition("/")[2]] = call.content
        return self.after.pop(0) if self.after else Reply({}, headers={"ETag": '"whole"'})

    def _complete(self, call: Any) -> Any:
        if self.completions:
            return self.completions.pop(0)
        if not self.parts and self.created[-1]["key"] not in self.objects:
            return problem(409, "UPLOAD_NOT_MADE")
        self.ended.append("completed")
        parts = (call.json or {}).get("parts", [])
        key = self.created[-1]["key"]
        if parts:
            assert [one["etag"] for one in parts] == [f'"part-{one["part_number"]}"' for one in parts]
            self.objects[key] = b"".join(self.parts[one["part_number"]] for one in parts)
        return self._upload(status="completed", etag="e2", size=len(self.objects[key]))

    def _abort(self, call: Any) -> Any:
        self.ended.append("aborted")
        return self._upload(status="aborted")

    def _download(self, call: Any) -> Any:
        return {"object": "download", "url": f"{SIGNED}{call.json['key']}?{_SECRET}", "method": "GET"}

    def _get(self, call: Any) -> Any:
        assert "authorization" not in call.headers
        if self.refusals:
            return self.refusals.pop(0)
        content = self.objects[call.path.rpartition("/")[2]]
        headers = {"ETag": '"v1"', "Content-Type": "text/plain"}
        if "range" not in call.headers:
            return Reply(content=content, headers=headers)
        assert call.headers["if-match"] == '"v1"'
        first = int(call.headers["range"].removeprefix("bytes=").rstrip("-"))
        return Reply(content=content[first:], status=206, headers=headers)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


class Watched(io.RawIOBase):
    """A stream of so many bytes that cannot be wound, and knows how far it was read before each PUT."""

    def __init__(self, size: int, bucket: Bucket) -> None:
        self._left = size
        self._bucket = bucket
        self._read: dict[int, int] = {}

    def read(self, size: int = -1, /) -> bytes:
        found = b"x" * min(size, self._left)
        self._left -= len(found)
        puts = self._bucket.puts
        self._read[puts] = self._read.get(puts, 0) + len(found)
        return found

    @property
    def most(self) -> int:
        """Bytes that were read between two PUTs."""
        return max(self._read.values())


class TestUpload:
    async def test_what_is_small_goes_through_the_api(self, bucket: Bucket, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"x" * 5 * MIB)
        async with bucket.server.client() as client:
            for source in (path, str(path), b"x" * 5 * MIB, io.BytesIO(b"x" * 5 * MIB), iter([b"x" * MIB] * 5)):
                bucket.objects.clear()
                made = await client.storage.upload("demo-files", "a.txt", source, content_type="text/plain")
                assert (made.size, made.etag, made.upload_id) == (5 * MIB, "e1", None)
                assert bucket.objects == {"a.txt": b"x" * 5 * MIB}
        assert bucket.created == []

    async def test_what_is_larger_is_one_put_at_the_bucket(self, bucket: Bucket) -> None:
        content = os.urandom(5 * MIB + 1)
        async with bucket.server.client() as client:
            made = await client.storage.upload("demo-files", "b", content, if_none_match=True, metadata={"a": 1})
        (asked,) = bucket.created
        assert (asked["size"], asked["multipart"], asked["if_none_match"]) == (len(content), False, "*")
        assert asked["metadata"] == {"a": 1}
        assert bucket.objects["b"] == content
        assert (made.etag, made.upload_id, bucket.ended) == ("e2", "upl_1", ["completed"])

    def test_what_is_large_is_in_parts_of_which_one_is_held(self, bucket: Bucket) -> None:
        size = 3 * 8 * MIB + 5
        source = Watched(size, bucket)
        with bucket.server.sync_client() as client:
            made = client.storage.upload("demo-files", "c", source)
        assert [len(part) for _, part in sorted(bucket.parts.items())] == [8 * MIB] * 3 + [5]
        assert made.size == size
        assert bucket.ended == ["completed"]
        assert source.most <= 8 * MIB

    async def test_pieces_may_arrive(self, bucket: Bucket) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(20):
                yield bytes([number]) * MIB

        async with bucket.server.client() as client:
            await client.storage.upload("demo-files", "d", pieces())
        assert bucket.objects["d"] == b"".join(bytes([number]) * MIB for number in range(20))

    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_a_part_that_fails_is_sent_again(self, bucket: Bucket, kind: str) -> None:
        content = os.urandom(17 * MIB)
        expired = Reply(content=b"<Error><Code>AccessDenied</Code></Error>", status=403)
        bucket.refusals = [Reply(content=b"<Error><Code>SlowDown</Code></Error>", status=503), expired]
        if kind == "async":
            async with bucket.server.client() as client:
                await client.storage.upload("demo-files", "e", content)
        else:
            with bucket.server.sync_client() as client_sync:
                client_sync.storage.upload("demo-files", "e", content)
        assert bucket.objects["e"] == content
        assert len(bucket.server.waits) == 1, "an address that has ended is signed again at once"

    async def test_what_does_not_work_is_given_up_and_thrown_away(self, bucket: Bucket) -> None:
        away = Reply(content=b"<Error><Code>InternalError</Code></Error>", status=500)
        denied = Reply(content=b"<Error><Code>AccessDenied</Code></Error>", status=403)
        async with bucket.server.client(max_retries=1) as client:
            for refusals, kind, code in (
                ([away, away], ProviderUnavailableError, "InternalError"),
                ([denied, denied], ProviderError, "AccessDenied"),
            ):
                bucket.refusals = list(refusals)
                with pytest.raises(kind) as raised:
                    await client.storage.upload("demo-files", "f", b"x" * 17 * MIB)
                assert (raised.value.provider_code, raised.value.effect) == (code, "none")
                assert _SECRET not in f"{raised.value!r}"
        assert bucket.ended == ["aborted", "aborted"]

    def test_a_source_that_breaks_leaves_nothing(self, bucket: Bucket) -> None:
        def pieces() -> Iterator[bytes]:
            yield b"x" * 9 * MIB
            raise OSError("The disk is gone.")

        with bucket.server.sync_client() as client, pytest.raises(OSError, match="disk"):
            client.storage.upload("demo-files", "g", pieces())
        assert bucket.ended == ["aborted"]

    async def test_an_answer_that_was_lost_is_no_object_that_was_not_put(self, bucket: Bucket) -> None:
        """Sent again it meets the condition that it has ended itself."""
        bucket.after = [Reply(content=b"", status=500)]
        content = b"x" * 6 * MIB
        async with bucket.server.client() as client:

            async def meet(seconds: float) -> None:
                bucket.refusals = [CONFLICT]

            client._sleep = meet  # type: ignore[method-assign]
            made = await client.storage.upload("demo-files", "a", content, if_none_match=True)
        assert (made.size, made.upload_id, bucket.ended, bucket.puts) == (len(content), "upl_1", ["completed"], 2)
        assert bucket.objects == {"a": content}

    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_what_is_there_already_is_said_and_nothing_left(self, bucket: Bucket, kind: str) -> None:
        bucket.refusals = [CONFLICT]
        with pytest.raises(PreconditionFailedError) as raised:
            if kind == "async":
                async with bucket.server.client() as client:
                    await client.storage.upload("demo-files", "a", b"x" * 6 * MIB, if_none_match=True)
            else:
                with bucket.server.sync_client() as client_sync:
                    client_sync.storage.upload("demo-files", "a", b"x" * 6 * MIB, if_none_match=True)
        assert (raised.value.provider_code, raised.value.effect) == ("PreconditionFailed", "none")
        assert bucket.ended == ["aborted"]

    async def test_what_may_yet_arrive_is_not_said_to_be_lost(self, bucket: Bucket) -> None:
        bucket.refusals = [Reply(content=b"<Error><Code>InternalError</Code></Error>", status=500)]
        async with bucket.server.client(max_retries=0) as client:
            with pytest.raises(ProviderUnavailableError) as raised:
                await client.storage.upload("demo-files", "a", b"x" * 6 * MIB)
        assert (raised.value.effect, bucket.ended) == ("unknown", []), "who looks when it expires will find it"

    @pytest.mark.parametrize(("effect", "ended"), [("none", ["aborted"]), ("unknown", [])])
    async def test_parts_that_cannot_be_put_together_are_thrown_away(
        self, bucket: Bucket, effect: str, ended: list[str]
    ) -> None:
        bucket.completions = [problem(412, "PRECONDITION_FAILED", effect=effect)]
        async with bucket.server.client(max_retries=0) as client:
            with pytest.raises(PreconditionFailedError):
                await client.storage.upload("demo-files", "a", b"x" * 17 * MIB, if_none_match=True)
        assert bucket.ended == ended

    async def test_who_leaves_leaves_no_parts(self, bucket: Bucket) -> None:
        arrived = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield b"x" * 9 * MIB
            arrived.set()
            await asyncio.sleep(3600)

        async with bucket.server.client() as client:
            uploading = asyncio.create_task(client.storage.upload("demo-files", "a", pieces()))
            await arrived.wait()
            uploading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await uploading
        assert bucket.ended == ["aborted"]

    def test_who_is_interrupted_leaves_no_parts(self, bucket: Bucket) -> None:
        def pieces() -> Iterator[bytes]:
            yield b"x" * 9 * MIB
            raise KeyboardInterrupt

        with bucket.server.sync_client() as client, pytest.raises(KeyboardInterrupt):
            client.storage.upload("demo-files", "a", pieces())
        assert bucket.ended == ["aborted"]

    async def test_only_bytes_are_taken(self, bucket: Bucket) -> None:
        async with bucket.server.client() as client:
            for source in (io.StringIO("text"), 7, [1]):
                with pytest.raises(TypeError):
                    await client.storage.upload("demo-files", "h", source)  # type: ignore[arg-type]
        assert bucket.server.calls == []

    @pytest.mark.parametrize("key", ["", "/a", "a/../b", "."])
    def test_a_key_that_leads_elsewhere_is_refused_here(self, bucket: Bucket, key: str) -> None:
        with bucket.server.sync_client() as client, pytest.raises(ValueError, match="key"):
            client.storage.put("demo-files", key, b"")
        assert bucket.server.calls == []


class TestDownload:
    async def test_to_a_file_or_a_path(self, bucket: Bucket, tmp_path: Path) -> None:
        bucket.objects["a"] = content = os.urandom(3 * MIB)
        file = io.BytesIO()
        async with bucket.server.client() as client:
            found = await client.storage.download("demo-files", "a", file)
            await client.storage.download("demo-files", "a", tmp_path / "a.bin")
        assert (found.size, found.etag, found.content_type) == (len(content), "v1", "text/plain")
        assert file.getvalue() == (tmp_path / "a.bin").read_bytes() == content
        assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]

    def test_a_bucket_that_is_away_is_asked_again(self, bucket: Bucket) -> None:
        bucket.objects["a"] = b"hello"
        bucket.refusals = [Reply(content=b"<Error><Code>SlowDown</Code></Error>", status=503)] * 2
        file = io.BytesIO()
        with bucket.server.sync_client() as client:
            client.storage.download("demo-files", "a", file)
        assert file.getvalue() == b"hello"
        assert len(bucket.server.waits) == 2

    def test_what_fails_leaves_what_was_there(self, bucket: Bucket, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"before")
        bucket.refusals = [Reply(content=b"<Error><Code>NoSuchKey</Code></Error>", status=404)]
        with bucket.server.sync_client() as client, pytest.raises(ProviderError) as raised:
            client.storage.download("demo-files", "a", path)
        assert raised.value.provider_code == "NoSuchKey"
        assert path.read_bytes() == b"before"
        assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]

    def test_two_at_once_do_not_mix_and_nobodys_file_is_lost(self, bucket: Bucket, tmp_path: Path) -> None:
        (tmp_path / "a.bin.part").write_bytes(b"mine")
        with bucket.server.sync_client() as client:

            def other(seconds: float) -> None:
                bucket.objects["a"] = b"second"
                client.storage.download("demo-files", "a", tmp_path / "a.bin")
                bucket.objects["a"] = b"first"

            client._sleep = other  # type: ignore[method-assign]
            bucket.objects["a"] = b"first"
            bucket.refusals = [Reply(content=b"<Error><Code>SlowDown</Code></Error>", status=503)]
            client.storage.download("demo-files", "a", tmp_path / "a.bin")
        assert (tmp_path / "a.bin").read_bytes() == b"first"
        assert (tmp_path / "a.bin.part").read_bytes() == b"mine"
        assert {one.name for one in tmp_path.iterdir()} == {"a.bin", "a.bin.part"}


class TestGet:
    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_an_object_that_is_gzip_itself_is_given_as_it_is_kept(self, kind: str) -> None:
        content = gzip.compress(b"hello" * 100)
        kept = {"ETag": '"x"', "Content-Encoding": "gzip"}
        with serving() as script:
            script.play({"status": 200, "bytes": content, "headers": kept})
            if kind == "async":
                async with OneRouter(KEY, script.url) as client:
                    found = await client.storage.get("demo-files", "a")
            else:
                with OneRouterSync(KEY, script.url) as client_sync:
                    found = client_sync.storage.get("demo-files", "a")
        assert (found.content, found.size, found.content_encoding) == (content, len(content), "gzip")
        assert script.asked[0].headers["accept-encoding"] == "identity"


class TestResults:
    async def test_addresses_do_not_show_what_they_permit(self, bucket: Bucket) -> None:
        async with bucket.server.client() as client:
            upload = await client.storage.uploads.create("demo-files", "a", size=1)
            download = await client.storage.download_url("demo-files", "a")
        for made in (upload, download):
            assert made.url is not None
            assert _SECRET in made.url
            assert _SECRET not in repr(made)

    async def test_raw_and_repeated_answers(self, bucket: Bucket) -> None:
        bucket.server.next(cut_off())
        async with bucket.server.client() as client:
            raw = await client.storage.with_raw_response.put("demo-files", "a", b"hello")
            assert raw.parse().key == "a"
            bucket.server.on(
                "GET", "/v1/storage/demo-files/objects/a", Reply(content=b"hello", headers={"ETag": '"x"'})
            )
            found = await client.storage.with_raw_response.get("demo-files", "a")
        assert (raw.attempts, len(bucket.server.effects)) == (2, 1)
        assert (found.content, found.parse().content, found.parse().etag) == (b"hello", b"hello", "x")

    async def test_one_version_is_deleted_or_whatever_is_there(self, bucket: Bucket) -> None:
        bucket.server.on("DELETE", "/v1/storage/demo-files/objects/{key}", {"object": "object", "deleted": True})
        async with bucket.server.client() as client:
            await client.storage.delete("demo-files", "a", if_match="e1")
            await client.storage.delete("demo-files", "a")
        assert [call.headers.get("if-match") for call in bucket.server.calls] == ['"e1"', None]

    async def test_what_is_there_already(self, bucket: Bucket) -> None:
        bucket.server.next(problem(412, "PRECONDITION_FAILED"))
        async with bucket.server.client() as client:
            with pytest.raises(PreconditionFailedError):
                await client.storage.upload("demo-files", "a", b"", if_none_match=True)


class TestLogs:
    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_what_makes_an_address_a_permission_is_in_none(
        self, bucket: Bucket, caplog: pytest.LogCaptureFixture, kind: str
    ) -> None:
        """An application that logs at INFO, or below, has httpx2 write down each request's address."""
        caplog.set_level(logging.DEBUG)
        for size in (6 * MIB, 17 * MIB):
            if kind == "async":
                async with bucket.server.client() as client:
                    await client.storage.upload("demo-files", "a", b"x" * size)
                    await client.storage.download("demo-files", "a", io.BytesIO())
            else:
                with bucket.server.sync_client() as client_sync:
                    client_sync.storage.upload("demo-files", "a", b"x" * size)
                    client_sync.storage.download("demo-files", "a", io.BytesIO())
        wire = [record.getMessage() for record in caplog.records if record.name == "httpx2"]
        assert f'HTTP Request: PUT {SIGNED}a?… "HTTP/1.1 200 OK"' in wire, "it is said what was done"
        assert "X-Amz" not in caplog.text and "abc" not in caplog.text


class TestResuming:
    def test_what_breaks_off_goes_on_where_it_was(self) -> None:
        with serving() as script, OneRouterSync(KEY, script.url) as client:
            client._sleep = lambda seconds: None  # type: ignore[method-assign]
            url = f"{script.url}/demo-files/a?{_SECRET}"
            signed = {"status": 200, "body": {"object": "download", "url": url}}
            broken = {"status": 200, "text": "hello world", "headers": {"ETag": '"v1"'}, "fault": "close_in_body"}
            rest = {"status": 206, "text": " world", "headers": {"ETag": '"v1"'}}
            script.play(signed, broken, signed, rest)
            file = io.BytesIO()
            assert client.storage.download("demo-files", "a", file).size == 11
            assert file.getvalue() == b"hello world"
            assert (script.asked[3].headers["range"], script.asked[3].headers["if-match"]) == ("bytes=5-", '"v1"')
            assert "authorization" not in script.asked[3].headers

    def test_what_is_of_another_place_is_not_put_there(self) -> None:
        with serving() as script, OneRouterSync(KEY, script.url) as client:
            client._sleep = lambda seconds: None  # type: ignore[method-assign]
            signed = {"status": 200, "body": {"object": "download", "url": f"{script.url}/demo-files/a"}}
            broken = {"status": 200, "text": "hello world", "headers": {"ETag": '"v1"'}, "fault": "close_in_body"}
            elsewhere = {"ETag": '"v1"', "Content-Range": "bytes 6-10/11"}
            script.play(signed, broken, signed, {"status": 206, "text": "world", "headers": elsewhere})
            with pytest.raises(ProviderError, match="206"):
                client.storage.download("demo-files", "a", io.BytesIO())

    def test_another_version_is_not_put_behind_the_first(self) -> None:
        with serving() as script, OneRouterSync(KEY, script.url) as client:
            client._sleep = lambda seconds: None  # type: ignore[method-assign]
            signed = {"status": 200, "body": {"object": "download", "url": f"{script.url}/demo-files/a"}}
            broken = {"status": 200, "text": "hello world", "headers": {"ETag": '"v1"'}, "fault": "close_in_body"}
            changed = {"status": 412, "text": "<Error><Code>PreconditionFailed</Code></Error>"}
            script.play(signed, broken, signed, changed)
            with pytest.raises(ProviderError) as raised:
                client.storage.download("demo-files", "a", io.BytesIO())
            assert raised.value.provider_code == "PreconditionFailed"
