"""What goes over the wire, and what each answer means: the traps of S3's protocol, and its words."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.storage.lab import package

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    NotFound,
    OneRouterError,
    Overloaded,
    PayloadTooLarge,
    PreconditionFailed,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
    RangeNotSatisfiable,
)
from onerouter_providers.aws import AwsRefused
from onerouter_providers.http import _admitted
from onerouter_providers.objects import (
    REASONS,
    Conditions,
    ListRequest,
    MultipartReference,
    NotModified,
    ObjectContent,
    ObjectSnapshot,
    Part,
    PutRequest,
    UploadRequest,
)
from onerouter_providers.storage.r2.client import PROFILE as R2
from onerouter_providers.storage.s3.client import PROFILE as S3
from onerouter_providers.storage.s3_protocol.client import S3Objects
from onerouter_providers.storage.s3_protocol.errors import CODES, refusal

PUT: Final = PutRequest("k k", b"content", "op_1")
REFERENCE: Final = MultipartReference("k", "upl_1", "provider-upload-1")
PARTS: Final = [Part(1, "e")]
CREDENTIALS: Final[Mapping[str, Mapping[str, str]]] = {
    "s3": {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "region": "eu-central-1",
        "bucket": "my-bucket",
    },
    "r2": {
        "access_key_id": "0" * 32,
        "secret_access_key": "0" * 64,
        "account_id": "1" * 32,
        "bucket": "my-bucket",
    },
}
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, provider: str = "s3", **credentials: str) -> S3Objects:
    opened: S3Objects = package(provider).open(
        {name: SecretStr(value) for name, value in {**CREDENTIALS[provider], **credentials}.items()},
        http=httpx.MockTransport(answer),
        environment="live",
    )
    return opened


def error(status: int, code: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    body = f"<Error><Code>{code}</Code><Message>About k k.</Message><RequestId>r-1</RequestId></Error>"
    return httpx.Response(status, content=body.encode(), headers=headers)


class Script:
    """Answers in order, and what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self.answers.pop(0)


class TestTraps:
    @pytest.mark.parametrize("provider", ["s3", "r2"])
    async def test_a_body_is_sent_plain_and_signed(self, provider: str) -> None:
        script = Script(httpx.Response(200, headers={"ETag": '"e"'}))
        await client(script, provider).put_object(PUT)
        (request,) = script.seen
        assert request.content == b"content"
        assert request.headers["x-amz-content-sha256"] == hashlib.sha256(b"content").hexdigest()
        assert request.headers["content-length"] == "7"
        forbidden = {"expect", "content-encoding", "transfer-encoding", "x-amz-trailer", "x-amz-decoded-content-length"}
        assert not forbidden & set(request.headers)
        checksums = [name for name in request.headers if name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum"))]
        assert checksums == (["x-amz-checksum-sha256"] if provider == "s3" else [])
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")

    @pytest.mark.parametrize(
        ("status", "code"),
        [(301, "PermanentRedirect"), (307, "TemporaryRedirect"), (400, "AuthorizationHeaderMalformed")],
    )
    async def test_a_bucket_of_another_region_is_not_followed(self, status: int, code: str) -> None:
        headers = {"x-amz-bucket-region": "us-west-2", "Location": "https://my-bucket.s3.us-west-2.amazonaws.com/k"}
        script = Script(error(status, code, headers))
        with pytest.raises(ProviderRefusedUs) as caught:
            await client(script).put_object(PUT)
        assert (caught.value.reason, len(script.seen)) == ("invalid_request", 1)
        assert "region" in caught.value.detail

    async def test_an_error_in_a_200_is_no_success(self) -> None:
        script = Script(error(200, "InternalError"))
        with pytest.raises(ProviderOutcomeUnknown):
            await client(script).complete_multipart(REFERENCE, PARTS)

    @pytest.mark.parametrize(
        "looked_at",
        [
            httpx.Response(503),
            httpx.Response(404),
            httpx.Response(200, headers={"x-amz-meta-onerouter-upload": "upl_2", "ETag": '"e-9"'}),
            httpx.Response(200, headers={"x-amz-meta-onerouter-upload": "upl_1", "ETag": '"e-9"'}),
            httpx.Response(200, headers={"x-amz-meta-onerouter-operation": "op_9", "ETag": '"e-1"'}),
        ],
    )
    async def test_another_object_is_not_taken_for_the_one_that_was_completed(self, looked_at: httpx.Response) -> None:
        done = b"<CompleteMultipartUploadResult><ETag>&quot;e-1&quot;</ETag></CompleteMultipartUploadResult>"
        script = Script(httpx.Response(200, content=done, headers={"x-amz-version-id": "v1"}), looked_at)
        made = await client(script).complete_multipart(REFERENCE, PARTS)
        assert (made.etag, made.object, made.version_id) == ("e-1", None, "v1")

    async def test_only_s3_is_told_which_object_to_delete(self) -> None:
        script = Script(httpx.Response(204))
        await client(script).delete_object("k", if_match="e")
        assert script.seen[0].headers["if-match"] == '"e"'
        with pytest.raises(CapabilityUnsupported):
            await client(Script(), "r2").delete_object("k", if_match="e")
        for refused in (error(412, "PreconditionFailed"), error(404, "NoSuchKey")):
            with pytest.raises(PreconditionFailed):
                await client(Script(refused)).delete_object("k", if_match="e")

    async def test_an_upload_that_is_gone_is_asked_for_by_its_object(self) -> None:
        mine = {"x-amz-meta-onerouter-upload": "upl_1", "ETag": '"e-1"', "Content-Length": "0"}
        script = Script(error(404, "NoSuchUpload"), httpx.Response(200, headers=mine))
        assert (await client(script).complete_multipart(REFERENCE, PARTS)).etag == "e-1"
        for other in (httpx.Response(404), httpx.Response(200, headers={**mine, "x-amz-meta-onerouter-upload": "x"})):
            with pytest.raises(NotFound) as caught:
                await client(Script(error(404, "NoSuchUpload"), other)).complete_multipart(REFERENCE, PARTS)
            assert caught.value.error_code == "UPLOAD_NOT_FOUND"

    async def test_a_race_is_run_once_more(self) -> None:
        script = Script(error(409, "ConditionalRequestConflict"), httpx.Response(200, headers={"ETag": '"e"'}))
        assert (await client(script).put_object(PUT)).etag == "e"
        script = Script(*(error(409, "ConditionalRequestConflict") for _ in range(2)))
        with pytest.raises(ProviderRefusedUs) as caught:
            await client(script).put_object(PUT)
        assert caught.value.reason == "conflict"

    async def test_what_is_stored_compressed_stays_so(self) -> None:
        packed = gzip.compress(b"content" * 100)
        answer = httpx.Response(200, content=b"", headers={"Content-Encoding": "gzip", "ETag": '"e"'})
        answer.stream, answer._content = httpx.ByteStream(packed), packed
        got = await client(Script(answer)).get_object("k", most_bytes=1_000)
        assert isinstance(got, ObjectContent)
        assert (got.content, got.object.content_encoding) == (packed, "gzip")

    @pytest.mark.parametrize("encoding", ["gzip", "br", "aws-chunked", ""])
    async def test_what_is_stored_in_whatever_form_can_be_looked_at(self, encoding: str) -> None:
        """HEAD, and 304, say how the object is stored, and bring nothing of it."""
        headers = {"Content-Encoding": encoding, "Content-Length": "70", "ETag": '"e"'}
        looked = await client(Script(httpx.Response(200, headers=headers))).head_object("k")
        assert isinstance(looked, ObjectSnapshot)
        assert (looked.size_bytes, looked.content_encoding or "") == (70, encoding)
        known = await client(Script(httpx.Response(304, headers=headers))).head_object(
            "k", Conditions(if_none_match="e")
        )
        assert isinstance(known, NotModified)

    async def test_what_others_wrote_is_shown_as_it_is(self) -> None:
        headers = {"x-amz-meta-Title": "%41 b", "ETag": '"e"', "Content-Length": "3"}
        shown = await client(Script(httpx.Response(200, headers=headers))).head_object("k")
        assert isinstance(shown, ObjectSnapshot)
        assert shown.metadata == {"title": "%41 b"}
        assert (shown.operation_id, shown.upload_id, shown.sha256) == (None, None, None)


class TestRefusedHere:
    """Before anything is sent."""

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"metadata": {"onerouter-operation": "mine"}}, "metadata"),
            ({"metadata": {"a": "x" * 2_048}}, "metadata"),
            ({"metadata": {"a": "ü" * 400}}, "metadata"),
            ({"metadata": {"a": "b\r\nx-evil: 1"}}, "metadata"),
            ({"metadata": {"a: b": "c"}}, "metadata"),
            ({"content_type": "text/plain\r\nx-evil: 1"}, "content_type"),
            ({"cache_control": "naïve"}, "cache_control"),
            ({"content_disposition": " inline"}, "content_disposition"),
            ({"key": "ü" * 510}, "key"),
            ({"key": ""}, "key"),
        ],
    )
    async def test_what_no_request_can_carry(self, changes: dict[str, object], field: str) -> None:
        opened = client(Script(), prefix="tenants/one/")
        whole = {"key": "k", "metadata": {}, "content_type": "text/plain", "cache_control": None, **changes}
        for call in (
            opened.put_object(PutRequest(content=b"", operation_id="op_1", **whole)),  # type: ignore[arg-type]
            opened.presign_put(UploadRequest(upload_id="upl_1", **whole), expires_in_s=60),  # type: ignore[arg-type]
        ):
            with pytest.raises(InvalidRequest) as caught:
                await call
            assert [one.field for one in caught.value.errors] == [field]


class TestAdmission:
    async def test_there_is_room_for_content_before_it_is_read(self) -> None:
        told: list[int] = []

        async def admit(size: int) -> None:
            told.append(size)

        whole = httpx.Response(200, content=b"content", headers={"ETag": '"e"'})
        without_length = httpx.Response(200, content=b"content", headers={"ETag": '"e"'})
        del without_length.headers["content-length"]
        for answer in (whole, without_length):
            await client(Script(answer)).get_object("k", most_bytes=9, admit=admit)
        for answer in (error(404, "NoSuchKey"), error(503, "SlowDown")):
            with pytest.raises(OneRouterError):
                await client(Script(answer)).get_object("k", most_bytes=9, admit=admit)
        await client(Script(httpx.Response(304, headers={"Content-Length": "7"}))).get_object(
            "k", most_bytes=9, admit=admit
        )
        with pytest.raises(PayloadTooLarge):
            await client(Script(whole)).get_object("k", most_bytes=6, admit=admit)
        assert told == [7, 9], "nobody needs room for a refusal, or for what is not read"

    async def test_who_has_no_room_says_so(self) -> None:
        async def admit(_: int) -> None:
            raise Overloaded("Full.")

        answer = httpx.Response(200, content=b"content", headers={"ETag": '"e"'})
        with pytest.raises(Overloaded, match="Full"):
            await client(Script(answer)).get_object("k", most_bytes=9, admit=admit)

    async def test_the_providers_time_stands_still_meanwhile(self) -> None:
        """It has answered; what it is waited for is ours."""
        async with asyncio.timeout(60) as limit:
            until = limit.when()
            assert until is not None

            async def admit(_: int) -> None:
                assert limit.when() is None

            await _admitted(admit, httpx.Response(200, content=b"x"), 9, limit)
            resumed = limit.when()
            assert resumed is not None and resumed >= until


class TestDoubt:
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize("body", [b"", b"<html>oh</html>", b"<Error><Code>InternalError</Code></Error>"])
    async def test_a_5xx_is_a_doubt_only_where_something_is_written(self, status: int, body: bytes) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, content=body)

        opened = client(answer)
        for write in (opened.put_object(PUT), opened.delete_object("k"), opened.complete_multipart(REFERENCE, PARTS)):
            with pytest.raises(ProviderOutcomeUnknown):
                await write
        for read in (opened.get_object("k", most_bytes=9), opened.head_object("k"), opened.list_objects(ListRequest())):
            with pytest.raises(ProviderUnavailable):
                await read

    async def test_slow_down_says_that_nothing_was_done(self) -> None:
        with pytest.raises(ProviderThrottled) as caught:
            await client(Script(error(503, "SlowDown", {"Retry-After": "7"}))).put_object(PUT)
        assert (caught.value.reason, caught.value.retry_after_s) == ("rate_limited", 7)

    async def test_service_unavailable_is_s3s_own_word_that_nothing_was_done(self) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return error(503, "ServiceUnavailable", {"Retry-After": "7"})

        opened = client(answer)
        for write in (opened.put_object(PUT), opened.delete_object("k"), opened.complete_multipart(REFERENCE, PARTS)):
            with pytest.raises(ProviderUnavailable) as caught:
                await write
            assert (caught.value.reason, caught.value.retry_after_s) == ("provider_unavailable", 7)

    async def test_what_is_not_there_is_no_doubt(self) -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await client(Script(error(501, "NotImplemented"))).put_object(PUT)
        assert caught.value.reason == "invalid_request"

    @pytest.mark.parametrize("body", [b"<html>hello", b"", b"{}"])
    async def test_an_answer_that_says_nothing_is_none(self, body: bytes) -> None:
        opened = client(lambda _: httpx.Response(200, content=body))
        for read in (
            opened.list_objects(ListRequest()),
            opened.list_parts(REFERENCE),
            opened.list_multiparts(),
            opened.find_put(PUT),
            opened.get_object("k", most_bytes=99),
            opened.probe(),
        ):
            with pytest.raises(ProviderUnavailable):
                await read
        for write in (opened.create_multipart(UploadRequest("k", "upl_1")), opened.put_object(PUT)):
            with pytest.raises(ProviderOutcomeUnknown):
                await write

    @pytest.mark.parametrize("body", [b"", b"<html>404</html>"])
    async def test_a_404_to_a_list_is_about_the_bucket(self, body: bytes) -> None:
        opened = client(lambda _: httpx.Response(404, content=body))
        for read in (opened.probe(), opened.list_objects(ListRequest())):
            with pytest.raises(ProviderRefusedUs) as caught:
                await read
            assert caught.value.reason == "invalid_request"

    async def test_a_proxys_404_is_no_absence(self) -> None:
        with pytest.raises(ProviderRefusedUs):
            await client(Script(httpx.Response(404, content=b"<html>404</html>"))).get_object("k", most_bytes=99)


class TestWords:
    @pytest.mark.parametrize("profile", [S3, R2])
    def test_every_word_has_a_reason(self, profile: object) -> None:
        assert CODES.keys() <= REASONS
        words = [code for codes in CODES.values() for code in codes]
        assert len(words) == len(set(words))
        assert profile

    @pytest.mark.parametrize(
        ("status", "code", "kind", "reason"),
        [
            (403, "InvalidAccessKeyId", ProviderRefusedUs, "authentication_failed"),
            (403, "SignatureDoesNotMatch", ProviderRefusedUs, "authentication_failed"),
            (400, "ExpiredToken", ProviderRefusedUs, "authentication_failed"),
            (401, "Unauthorized", ProviderRefusedUs, "authentication_failed"),
            (403, "AccessDenied", ProviderRefusedUs, "authentication_failed"),
            (403, "", ProviderRefusedUs, "authentication_failed"),
            (400, "ExpiredRequest", ProviderRefusedUs, "authentication_failed"),
            (403, "RequestTimeTooSkewed", ProviderRefusedUs, "authentication_failed"),
            (404, "NoSuchBucket", ProviderRefusedUs, "invalid_request"),
            (404, "", ProviderRefusedUs, "invalid_request"),
            (400, "", ProviderRefusedUs, "invalid_request"),
            (411, "MissingContentLength", ProviderRefusedUs, "invalid_request"),
            (400, "EntityTooLarge", ProviderDeclined, "payload_too_large"),
            (403, "ObjectLockedByBucketPolicy", ProviderDeclined, "content_rejected"),
            (400, "BadDigest", ProviderUnavailable, "provider_unavailable"),
            (400, "IncompleteBody", ProviderUnavailable, "provider_unavailable"),
            (400, "RequestTimeout", ProviderUnavailable, "provider_unavailable"),
            (409, "OperationAborted", ProviderRefusedUs, "conflict"),
            (429, "TooManyRequests", ProviderThrottled, "rate_limited"),
            (429, "", ProviderThrottled, "rate_limited"),
            (403, "QuotaExceeded", ProviderRefusedUs, "insufficient_credit"),
            (418, "Teapot", ProviderRefusedUs, "invalid_request"),
        ],
    )
    def test_of_the_provider(self, status: int, code: str, kind: type[ProviderError], reason: str) -> None:
        told = _refused(status, code)
        assert type(told) is kind
        assert isinstance(told, ProviderError)
        assert (told.reason, told.provider, told.http_status_seen) == (reason, "s3", status)

    @pytest.mark.parametrize(
        ("status", "code", "kind", "told"),
        [
            (404, "NoSuchKey", NotFound, "OBJECT_NOT_FOUND"),
            (404, "404", NotFound, "OBJECT_NOT_FOUND"),
            (404, "NoSuchUpload", NotFound, "UPLOAD_NOT_FOUND"),
            (403, "InvalidObjectState", NotFound, "OBJECT_ARCHIVED"),
            (412, "PreconditionFailed", PreconditionFailed, "PRECONDITION_FAILED"),
            (412, "412", PreconditionFailed, "PRECONDITION_FAILED"),
            (416, "InvalidRange", RangeNotSatisfiable, "RANGE_NOT_SATISFIABLE"),
        ],
    )
    def test_of_the_callers_thing(self, status: int, code: str, kind: type[OneRouterError], told: str) -> None:
        error = _refused(status, code)
        assert type(error) is kind
        assert error.error_code == told

    @pytest.mark.parametrize(
        ("code", "field"),
        [
            ("InvalidPart", "parts"),
            ("InvalidPartOrder", "parts"),
            ("EntityTooSmall", "parts"),
            ("KeyTooLongError", "key"),
            ("MetadataTooLarge", "metadata"),
        ],
    )
    def test_of_the_callers_field(self, code: str, field: str) -> None:
        error = _refused(400, code)
        assert isinstance(error, InvalidRequest)
        assert [one.field for one in error.errors] == [field]

    def test_a_refusal_that_may_hide_an_absence_says_so(self) -> None:
        assert "s3:ListBucket" in _refused(403, "AccessDenied").detail
        assert "s3:ListBucket" in _refused(403, "403").detail
        assert "s3:ListBucket" not in _refused(403, "SignatureDoesNotMatch").detail


def _refused(status: int, code: str) -> OneRouterError:
    return refusal(AwsRefused(code, "About it.", status=status, retry_after_s=None, request_id="r-1"), S3)
