"""`storage.upload` and `download` as one call: its key, its options and its deadline hold for all that they ask."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import pytest
from sdks.python.tests import faulty
from sdks.python.tests.faulty import says
from sdks.python.tests.test_storage import MIB, SIGNED, UPLOAD, Bucket

import onerouter._course
from onerouter import (
    APITimeoutError,
    ConflictError,
    OneRouter,
    OneRouterSync,
    OutcomeUnknownError,
    ProviderUnavailableError,
)
from onerouter.testing import API_KEY, Reply, problem, unreachable

SLOW: Final = Reply(content=b"<Error><Code>SlowDown</Code></Error>", status=503)
WHOLE: Final = b"x" * 6 * MIB
LARGE: Final = b"x" * 17 * MIB
LONG: Final = 30.0
"""Seconds that no test needs."""
KINDS: Final = pytest.mark.parametrize("kind", ["async", "sync"])
SIZES: Final = pytest.mark.parametrize("content", [WHOLE, LARGE], ids=["whole", "in parts"])


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


async def upload(bucket: Bucket, kind: str, content: bytes, **options: Any) -> Any:
    if kind == "async":
        async with bucket.server.client() as client:
            return await client.storage.upload("demo-files", "a", content, **options)
    with bucket.server.sync_client() as client_sync:
        return client_sync.storage.upload("demo-files", "a", content, **options)


async def download(bucket: Bucket, kind: str, **options: Any) -> Any:
    if kind == "async":
        async with bucket.server.client() as client:
            return await client.storage.download("demo-files", "a", io.BytesIO(), **options)
    with bucket.server.sync_client() as client_sync:
        return client_sync.storage.download("demo-files", "a", io.BytesIO(), **options)


class TestRepeated:
    @KINDS
    @SIZES
    async def test_what_was_completed_is_given_again(self, bucket: Bucket, kind: str, content: bytes) -> None:
        done: dict[str, Any] = {"status": "completed", "url": None, "parts": [], "size": len(content), "etag": "e2"}
        bucket.server.on("POST", UPLOAD, lambda call: bucket._create(call) and Reply(bucket._upload(**done), 201))
        found = await upload(bucket, kind, content, idempotency_key="file-1")
        assert (found.upload_id, found.size, found.etag) == ("upl_1", len(content), "e2")
        assert (bucket.puts, bucket.ended) == (0, [])

    @SIZES
    @pytest.mark.parametrize("status", ["aborted", "failed"])
    async def test_what_has_ended_otherwise_says_so(self, bucket: Bucket, content: bytes, status: str) -> None:
        over: dict[str, Any] = {"status": status, "url": None, "parts": []}
        bucket.server.on("POST", UPLOAD, lambda call: bucket._create(call) and Reply(bucket._upload(**over), 201))
        with pytest.raises(ConflictError, match=f"upl_1 of this idempotency key is {status}") as raised:
            await upload(bucket, "async", content, idempotency_key="file-1")
        assert (raised.value.code, raised.value.effect, raised.value.retryable) == ("UPLOAD_ENDED", "unknown", False)
        assert raised.value.idempotency_key == "file-1"
        assert (bucket.puts, bucket.ended) == (0, [])

    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_what_another_call_completes_meanwhile_is_there(self, bucket: Bucket, kind: str) -> None:
        bucket.refusals = [Reply(content=b"<Error><Code>NoSuchUpload</Code></Error>", status=404)]
        bucket.server.on("POST", f"{UPLOAD}/upl_1/abort", problem(409, "UPLOAD_COMPLETED"))
        bucket.server.on("GET", f"{UPLOAD}/upl_1", lambda call: bucket._upload(status="completed", size=len(LARGE)))
        found = await upload(bucket, kind, LARGE, idempotency_key="file-1")
        assert (found.upload_id, found.size) == ("upl_1", len(LARGE))

    async def test_what_cannot_be_told_of_it_is_not_nothing(self, bucket: Bucket) -> None:
        """Another call with the key may have completed it, and nobody answers who could tell."""
        denied = Reply(content=b"<Error><Code>NoSuchUpload</Code></Error>", status=404)
        for options, effect in (({"idempotency_key": "file-1"}, "unknown"), ({}, "none")):
            bucket.refusals = [denied]
            bucket.server.on("POST", f"{UPLOAD}/upl_1/abort", problem(403, "NOT_PERMITTED"))
            with pytest.raises(Exception, match="NoSuchUpload") as raised:
                await upload(bucket, "async", LARGE, **options)
            assert raised.value.effect == effect  # type: ignore[attr-defined]


class TestAccepted:
    """The answer to `uploads.create` comes late: what is kept of it has no addresses."""

    @pytest.fixture
    def bucket(self, bucket: Bucket) -> Bucket:
        operation = {"object": "operation", "id": "op_1", "operation": "upload.create", "status": "accepted"}
        kept: dict[str, Any] = {"status": "pending", "url": None, "parts": [], "required_headers": {}}
        on = bucket.server.on
        on("POST", UPLOAD, lambda call: bucket._create(call) and Reply(operation, 202))
        on("GET", "/v1/operations/op_1", lambda call: _found(call, {**operation, "status": "succeeded"}, kept, bucket))
        return bucket

    @KINDS
    @SIZES
    async def test_its_addresses_are_asked_for(self, bucket: Bucket, kind: str, content: bytes) -> None:
        found = await upload(bucket, kind, content, environment="test")
        assert (found.size, bucket.objects["a"]) == (len(content), content)
        assert {call.headers.get("x-onerouter-environment") for call in bucket.server.calls if "/v1/" in call.path} == {
            "test"
        }

    async def test_it_is_not_followed_for_longer_than_the_deadline(self, bucket: Bucket, clock: Clock) -> None:
        going = {"object": "operation", "id": "op_1", "status": "executing"}
        bucket.server.on("GET", "/v1/operations/op_1", clock.passes(5, lambda call: going))
        with pytest.raises(OutcomeUnknownError):
            await clock.upload(bucket, WHOLE, deadline=20)
        assert 20 <= clock.now < 40


def _found(call: Any, operation: dict[str, Any], kept: dict[str, Any], bucket: Bucket) -> Any:
    if call.headers.get("x-onerouter-environment") != "test":
        return problem(404)
    return {**operation, "result": bucket._upload(**kept)}


class Clock:
    """Of the course of a call, on which time passes while a client waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def passes(self, seconds: float, then: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Before each answer."""

        def answer(call: Any) -> Any:
            self.now += seconds
            return then(call)

        return answer

    async def upload(self, bucket: Bucket, content: bytes, **options: Any) -> Any:
        async with bucket.server.client() as client:
            client._sleep = self._wait  # type: ignore[method-assign]
            return await client.storage.upload("demo-files", "a", content, **options)

    async def _wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (onerouter._course, onerouter._base):
        monkeypatch.setattr(module, "monotonic", lambda: clock.now)
    return clock


def drips(server: faulty.Faulty, connection: socket.socket, came: faulty.Came) -> bool:
    """An object, a byte now and then."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 100000\r\n\r\n')
    with suppress(OSError):
        while not server.is_over.wait(0.01):
            connection.sendall(b"x")
    return False


class TestDeadline:
    @SIZES
    async def test_an_upload_ends_with_it(self, bucket: Bucket, clock: Clock, content: bytes) -> None:
        bucket.refusals = [SLOW] * 99
        with pytest.raises(ProviderUnavailableError) as raised:
            await clock.upload(bucket, content, deadline=30, max_retries=99)
        assert 1 < bucket.puts < 20
        assert clock.now < 30
        assert (raised.value.effect, raised.value.attempts, bucket.ended) == ("none", bucket.puts, ["aborted"])

    async def test_what_was_put_and_could_not_be_asked_about_may_be_there(self, bucket: Bucket, clock: Clock) -> None:
        put = bucket._put
        bucket.server.on("PUT", "/demo-files/{key}", clock.passes(90, put))
        with pytest.raises(APITimeoutError, match="deadline of 30 s") as raised:
            await clock.upload(bucket, WHOLE, deadline=30)
        assert (raised.value.effect, bucket.objects) == ("unknown", {"a": WHOLE})

    async def test_parts_that_come_too_late_are_thrown_away(self, bucket: Bucket, clock: Clock) -> None:
        put = bucket._put
        bucket.server.on("PUT", "/demo-files/{key}", clock.passes(20, put))
        with pytest.raises(APITimeoutError, match="deadline of 30 s") as raised:
            await clock.upload(bucket, LARGE, deadline=30)
        assert (raised.value.effect, bucket.puts, bucket.ended) == ("none", 2, ["aborted"])

    @KINDS
    async def test_a_download_ends_with_it(self, bucket: Bucket, clock: Clock, kind: str) -> None:
        bucket.objects["a"] = b"hello"
        bucket.refusals = [SLOW] * 99
        signed = bucket._download
        bucket.server.on("POST", "/v1/storage/demo-files/downloads", clock.passes(10, signed))
        with pytest.raises((ProviderUnavailableError, APITimeoutError)):
            await download(bucket, kind, deadline=30, max_retries=99)
        assert 1 < len(bucket.server.waits) < 5

    @KINDS
    @pytest.mark.parametrize("step", [drips, faulty.drips_headers])
    async def test_a_bucket_that_is_slow_is_left(
        self, kind: str, step: faulty.Step, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time is over as soon as the bucket is asked, and not before, however long that takes."""
        with faulty.serving() as server:

            def tell(time: Callable[[], float]) -> Callable[[], float]:
                return lambda: time() + (LONG if len(server.came) > 1 else 0.0)

            for module in ("_course", "_deadline"):
                monkeypatch.setattr(f"onerouter.{module}.monotonic", tell(monotonic))
            loop = asyncio.get_running_loop()
            monkeypatch.setattr(loop, "time", tell(loop.time))
            server.plan(says(200, {"object": "download", "url": f"{server.url}/demo-files/a"}), step)
            asked: Any = {"deadline": LONG, "timeout": 2 * LONG, "max_retries": 9}
            with pytest.raises(APITimeoutError):
                if kind == "async":
                    async with OneRouter(API_KEY, server.url) as client:
                        await client.storage.download("demo-files", "a", io.BytesIO(), **asked)
                else:
                    with OneRouterSync(API_KEY, server.url) as client_sync:
                        client_sync.storage.download("demo-files", "a", io.BytesIO(), **asked)
            assert (len(server.came), server.waited_for) == (2, False)


class TestOptions:
    @KINDS
    @pytest.mark.parametrize("work", [upload, download])
    async def test_so_many_retries(self, bucket: Bucket, kind: str, work: Callable[..., Any]) -> None:
        bucket.refusals = [SLOW] * 9
        with pytest.raises(ProviderUnavailableError) as raised:
            await work(bucket, kind, **({"content": WHOLE} if work is upload else {}), max_retries=1)
        assert (raised.value.attempts, len(bucket.server.waits), len(bucket.refusals)) == (2, 1, 7)

    @pytest.mark.parametrize(
        ("options", "limits"),
        [
            ({"timeout": 1.5}, [1.5]),
            ({"timeout": 500.0, "deadline": 90.0}, [90.0]),
            ({}, [len(WHOLE) / (32 * 1024)]),  # on a slow line
        ],
    )
    async def test_so_long_an_attempt(
        self, bucket: Bucket, clock: Clock, options: dict[str, Any], limits: list[float]
    ) -> None:
        """As the call says it, though a slow line would take longer."""
        seen: list[float] = []
        async with bucket.server.client() as client:
            put = client._transport.put

            async def told(url: str, headers: Any, content: bytes, limit_s: float) -> Any:
                seen.append(limit_s)
                return await put(url, headers, content, limit_s)

            client._transport.put = told  # type: ignore[method-assign]
            await client.storage.upload("demo-files", "a", WHOLE, **options)
        assert seen == limits
        with bucket.server.sync_client() as client_sync:
            put_sync = client_sync._transport.put

            def told_sync(url: str, headers: Any, content: bytes, limit_s: float) -> Any:
                seen.append(limit_s)
                return put_sync(url, headers, content, limit_s)

            client_sync._transport.put = told_sync  # type: ignore[method-assign]
            client_sync.storage.upload("demo-files", "a", WHOLE, **options)
        assert seen == limits * 2
        assert clock.now == 0

    async def test_who_cannot_be_asked_what_became_of_it_says_nothing(self, bucket: Bucket) -> None:
        put = bucket._put

        def put_and_gone(call: Any) -> Any:
            bucket.server.next(*[unreachable()] * 9)
            return put(call)

        bucket.server.on("PUT", "/demo-files/{key}", put_and_gone)
        with pytest.raises(Exception, match="Nobody is there") as raised:
            await upload(bucket, "async", WHOLE, max_retries=1)
        assert raised.value.effect == "unknown"  # type: ignore[attr-defined]
        assert SIGNED not in str(raised.value)

    @pytest.mark.parametrize("options", [{"deadline": 0}, {"deadline": -1}, {"max_retries": -1}])
    async def test_what_no_call_takes_is_refused_before_anything_is_sent(self, bucket: Bucket, options: Any) -> None:
        for work in (upload(bucket, "async", WHOLE, **options), download(bucket, "sync", **options)):
            with pytest.raises(ValueError, match="deadline"):
                await work
        with pytest.raises(TypeError, match="'retries'"):
            await upload(bucket, "sync", WHOLE, retries=1)
        assert bucket.server.calls == []
