"""The conformance suite of storage providers.

A provider's test module subclasses `ObjectsSuite` and brings a fixture `lab` that gives an `ObjectsLab`: one bucket of the
provider behind real HTTP (our sandbox; yours may be any server of its protocol).

    class TestAcme(ObjectsSuite):
        @pytest.fixture
        async def lab(self) -> AsyncIterator[ObjectsLab]: ...

Each test makes keys of its own under a folder that `lab.folder()` names, so that one lab may serve many tests. Signed
addresses are used by a plain HTTP client. Needs pytest with asyncio_mode=auto.
"""
# ruff: noqa: S101 - a suite asserts

import asyncio
import functools
import gzip
import hashlib
import ssl
import traceback
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol

import httpx
import pytest

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    NotFound,
    OneRouterError,
    PayloadTooLarge,
    PreconditionFailed,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
    RangeNotSatisfiable,
)
from onerouter_common.ids import new_id
from onerouter_providers.objects import (
    Conditions,
    DownloadRequest,
    ListRequest,
    MultipartReference,
    NotModified,
    ObjectContent,
    ObjectSnapshot,
    Part,
    PresignedRequest,
    PutRequest,
    StoresObjects,
    UploadRequest,
)
from onerouter_providers.testing.payments_suite import overheard

Act = Literal["put", "head", "get", "list", "delete", "complete"]
"""A wire call that a fault can hit."""
Fault = Literal["cut", "cut_after", "error_before", "error_after", "throttle"]
"""Cut before or after it was done; a 5xx before or after it was done; too many calls (for 3 s)."""

HOSTILE: Final = (
    "a b+c.txt",
    "100%.txt",
    "%2F%20%zz",
    "ação/日本語/👋🏽.png",
    "שלום עולם",
    "e\u0301 and \u00e9",
    "quotes'and\"more`",
    "all !*'();:@&=+$,?#[]<>{}|^~",
    "double//slash///",
    " blank at both ends ",
    "amp;&amp;&lt;",
    "-._~",
)
"""Keys that suffer where an encoding is wrong; each is another object."""
WORDS: Final = 'Olá 👋 ₹ 100% + "A&B" = <ok>; שלום'
TEXT: Final = b"What is kept is given back."
INLINE: Final = 5 * 1024**2
LOST: Final[tuple[Fault, ...]] = ("cut", "error_before", "error_after", "cut_after")
_DONE: Final = ("error_after", "cut_after")


class ObjectsLab(Protocol):
    """A bucket under test and its outside world."""

    def client(
        self, *, timeout_s: float = 30.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> StoresObjects:
        """A client of the connection under test; `credentials` replace its own of the same names."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be seen outside of a request to the provider."""
        ...

    @property
    def wrong_credentials(self) -> Mapping[str, str]: ...

    @property
    def part_bytes_least(self) -> int:
        """Of each part but the last."""
        ...

    def folder(self) -> str:
        """What begins keys that nobody else uses; ends with a slash."""
        ...

    async def content_of(self, key: str) -> bytes | None:
        """What is in the object, of the provider's own books; None: there is no such object."""
        ...

    async def writes(self, reference: str) -> int:
        """How often our operation or upload really wrote its object."""
        ...

    async def fault(self, fault: Fault, act: Act) -> None:
        """The next such call goes wrong in this way."""
        ...

    async def advance(self, seconds: float) -> None:
        """The provider's clock goes ahead of ours."""
        ...


class ObjectsSuite:
    """Inherit and bring `lab`. Class variables say what differs."""

    is_strict: ClassVar[bool] = True
    """Whether the server checks signatures and times, takes faults and keeps books; a simulator may do none of it."""
    uniform_parts: ClassVar[bool] = False
    conditional_complete: ClassVar[bool] = True
    conditional_delete: ClassVar[bool] = True

    async def test_what_is_put_is_given_back(self, lab: ObjectsLab) -> None:
        request = replace(
            self._put(lab, "report.pdf"),
            content_type="application/pdf",
            cache_control="max-age=60",
            content_disposition='inline; filename="report.pdf"',
            metadata={"author": WORDS, "plain": "as it is", "escaped": "%41"},
        )
        client = lab.client()
        made = await client.put_object(request)
        shown, got = await self._head(client, request.key), await self._get(client, request.key)
        assert got.content == TEXT
        assert got.object == shown
        assert shown.last_modified is not None
        assert abs(shown.last_modified - datetime.now(UTC)) < timedelta(hours=1)
        assert replace(shown, last_modified=None) == made
        assert (made.size_bytes, made.metadata) == (len(TEXT), request.metadata)
        assert (made.operation_id, made.sha256) == (request.operation_id, hashlib.sha256(TEXT).hexdigest())

    async def test_keys_of_every_kind_are_what_they_are(self, lab: ObjectsLab) -> None:
        client, folder = lab.client(), lab.folder()
        keys = [*(f"{folder}{key}" for key in HOSTILE), f"{folder}{'ü' * 300}"]
        for key in keys:
            await client.put_object(replace(self._put(lab), key=key, content=key.encode()))
            assert (await self._get(client, key)).content == key.encode(), key
            assert await lab.content_of(key) == key.encode(), key
        page = await client.list_objects(ListRequest(folder, limit=1_000))
        assert [one.key for one in page.objects] == sorted(keys, key=str.encode)
        for key in keys:
            signed = await client.presign_get(DownloadRequest(key, filename=key), expires_in_s=60)
            assert (await use(signed)).content == key.encode(), key
            await client.delete_object(key)
        assert not (await client.list_objects(ListRequest(folder))).objects

    async def test_an_empty_object_is_one(self, lab: ObjectsLab) -> None:
        request, client = replace(self._put(lab), content=b""), lab.client()
        await client.put_object(request)
        assert (await self._get(client, request.key)).content == b""
        with pytest.raises(RangeNotSatisfiable):
            await client.get_object(request.key, most_bytes=INLINE, byte_range="bytes=0-3")

    async def test_the_largest_that_goes_through_us(self, lab: ObjectsLab) -> None:
        request, client = replace(self._put(lab), content=bytes(range(256)) * (INLINE // 256)), lab.client()
        await client.put_object(request)
        assert (await self._get(client, request.key)).content == request.content

    async def test_a_part_of_an_object(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        await client.put_object(request)
        got = await client.get_object(request.key, most_bytes=8, byte_range="bytes=5-11")
        assert isinstance(got, ObjectContent)
        assert (got.content, got.content_range) == (TEXT[5:12], f"bytes 5-11/{len(TEXT)}")
        assert got.object.size_bytes == len(TEXT)
        with pytest.raises(RangeNotSatisfiable):
            await client.get_object(request.key, most_bytes=8, byte_range="bytes=1000-")
        with pytest.raises(PayloadTooLarge):
            await client.get_object(request.key, most_bytes=8)

    async def test_what_is_absent_is_not_found(self, lab: ObjectsLab) -> None:
        client, key = lab.client(), f"{lab.folder()}nothing"
        for call in (client.head_object(key), client.get_object(key, most_bytes=8)):
            with pytest.raises(NotFound) as caught:
                await call
            assert caught.value.error_code == "OBJECT_NOT_FOUND"
        assert await client.find_put(replace(self._put(lab), key=key)) is None

    async def test_deleting_may_be_repeated(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        await client.put_object(request)
        for _ in range(2):
            await client.delete_object(request.key)
        assert await lab.content_of(request.key) is None

    async def test_only_the_one_that_is_known_is_deleted(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        before = (await client.put_object(request)).etag
        now = (await client.put_object(replace(request, content=b"since"))).etag
        assert client.has_conditional_delete is self.conditional_delete
        with pytest.raises(PreconditionFailed if self.conditional_delete else CapabilityUnsupported):
            await client.delete_object(request.key, if_match=before)
        assert await lab.content_of(request.key) == b"since"
        if self.conditional_delete:
            await client.delete_object(request.key, if_match=now)
            assert await lab.content_of(request.key) is None
            with pytest.raises(PreconditionFailed):
                await client.delete_object(request.key, if_match=now)

    async def test_only_where_there_is_none(self, lab: ObjectsLab) -> None:
        request, client = replace(self._put(lab), if_none_match=True), lab.client()
        await client.put_object(request)
        with pytest.raises(PreconditionFailed):
            await client.put_object(replace(request, content=b"other", operation_id=new_id("op")))
        assert await lab.content_of(request.key) == TEXT

    async def test_only_over_the_one_that_is_known(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        etag = (await client.put_object(request)).etag
        await client.put_object(replace(request, content=b"second", if_match=etag))
        with pytest.raises(PreconditionFailed):
            await client.put_object(replace(request, content=b"third", if_match=etag))
        assert await lab.content_of(request.key) == b"second"
        with pytest.raises(PreconditionFailed):
            await client.put_object(replace(self._put(lab, "nothing"), if_match=etag))

    async def test_conditions_of_reading(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        etag = (await client.put_object(request)).etag
        hour = timedelta(hours=1)
        known = (Conditions(if_none_match=etag), Conditions(if_modified_since=datetime.now(UTC) + hour))
        other = (Conditions(if_match="0" * 32), Conditions(if_unmodified_since=datetime.now(UTC) - hour))
        for conditions in known:
            for found in (
                await client.head_object(request.key, conditions),
                await client.get_object(request.key, most_bytes=INLINE, conditions=conditions),
            ):
                assert isinstance(found, NotModified)
        for conditions in other:
            with pytest.raises(PreconditionFailed):
                await client.get_object(request.key, most_bytes=INLINE, conditions=conditions)
        assert (await self._get(client, request.key, Conditions(if_match=etag))).content == TEXT

    async def test_a_list_goes_on_where_it_ended(self, lab: ObjectsLab) -> None:
        client, folder = lab.client(), lab.folder()
        keys = [f"{folder}{name}" for name in ("a", "b/1", "b/2", "c", "d/1", "é")]
        for key in keys:
            await client.put_object(replace(self._put(lab), key=key))
        request, seen, tokens = ListRequest(folder, "/", limit=2), list[str](), list[str]()
        while True:
            page = await client.list_objects(request)
            assert len(page.objects) + len(page.prefixes) <= 2
            seen += sorted([*(one.key for one in page.objects), *page.prefixes])
            if page.next_token is None:
                break
            tokens.append(page.next_token)
            request = replace(request, token=page.next_token)
        assert seen == [f"{folder}{name}" for name in ("a", "b/", "c", "d/", "é")]
        assert len(tokens) == 2
        inside = await client.list_objects(ListRequest(f"{folder}b/"))
        assert [(one.key, one.size_bytes) for one in inside.objects] == [(keys[1], len(TEXT)), (keys[2], len(TEXT))]
        assert {one.storage_class for one in inside.objects} == {"STANDARD"}

    async def test_a_token_of_nobody_is_refused(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().list_objects(ListRequest(token="nonsense"))  # noqa: S106 - of a list
        assert caught.value.errors[0].field == "cursor"

    async def test_who_wrote_it_is_told(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab), lab.client()
        await client.put_object(request)
        found = await client.find_put(request)
        assert found is not None
        assert found.operation_id == request.operation_id
        assert await client.find_put(replace(request, operation_id=new_id("op"))) is None
        assert await client.find_put(replace(request, content=b"other")) is None
        assert await client.find_put(replace(request, content=b"", sha256=hashlib.sha256(TEXT).hexdigest())) == found

    @pytest.mark.parametrize("fault", LOST)
    async def test_a_lost_answer_is_unknown_and_is_found_out(self, lab: ObjectsLab, fault: Fault) -> None:
        self._need_strictness()
        request = self._put(lab)
        await lab.fault(fault, "put")
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client().put_object(request)
        assert await lab.writes(request.operation_id) == (fault in _DONE)
        found = await lab.client().find_put(request)
        assert (found is not None) == (fault in _DONE)

    async def test_a_throttled_call_did_nothing_and_says_when(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        request = self._put(lab)
        await lab.fault("throttle", "put")
        with pytest.raises(ProviderThrottled) as caught:
            await lab.client().put_object(request)
        assert (caught.value.reason, caught.value.retry_after_s) == ("rate_limited", 3)
        assert await lab.content_of(request.key) is None

    async def test_an_unreachable_provider_got_nothing(self, lab: ObjectsLab) -> None:
        nowhere = lab.client(base_url="http://127.0.0.1:9")
        for call in (nowhere.put_object(self._put(lab)), nowhere.list_objects(ListRequest())):
            with pytest.raises(ProviderUnavailable):
                await call

    async def test_a_question_without_an_answer_changes_nothing(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        request, client = self._put(lab), lab.client()
        await client.put_object(request)
        await lab.fault("error_before", "head")
        with pytest.raises(ProviderUnavailable):
            await client.find_put(request)
        await lab.fault("error_before", "get")
        with pytest.raises(ProviderUnavailable):
            await client.get_object(request.key, most_bytes=INLINE)
        await lab.fault("error_before", "list")
        with pytest.raises(ProviderUnavailable):
            await client.list_objects(ListRequest())

    async def test_an_address_to_upload_to(self, lab: ObjectsLab) -> None:
        request, client = self._upload(lab, "photo of you & me.png"), lab.client()
        signed = await client.presign_put(request, expires_in_s=900)
        assert signed.method == "PUT"
        assert abs(signed.expires_at - datetime.now(UTC) - timedelta(seconds=900)) < timedelta(minutes=2)
        assert (await use(signed, TEXT)).status_code == 200
        found = await client.find_upload(request)
        assert found is not None
        assert (found.size_bytes, found.content_type, found.metadata) == (len(TEXT), "image/png", request.metadata)
        assert await client.find_upload(replace(request, upload_id=new_id("upl"))) is None

    async def test_what_is_stored_compressed_is_what_it_is(self, lab: ObjectsLab) -> None:
        """Who has the address may say so; it is looked at, read and found like any other."""
        packed, said = gzip.compress(TEXT), {"Content-Encoding": "gzip"}
        request, client = replace(self._upload(lab), size_bytes=len(packed)), lab.client()
        assert (await use(await client.presign_put(request, expires_in_s=900), packed, said)).status_code == 200
        found, got = await client.find_upload(request), await self._get(client, request.key)
        assert found == got.object == await self._head(client, request.key)
        assert (got.content, found.content_encoding) == (packed, "gzip")
        assert isinstance(await client.head_object(request.key, Conditions(if_none_match=found.etag)), NotModified)

    async def test_an_address_takes_only_what_was_signed(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        request, client = replace(self._upload(lab), if_none_match=True), lab.client()
        signed = await client.presign_put(request, expires_in_s=900)
        headers = {name: value for name, value in signed.required_headers.items() if name != "Content-Length"}
        for name in headers:
            without = {key: value for key, value in headers.items() if key != name}
            for other in ({**headers, name: "other"}, without):
                assert (await use(replace(signed, required_headers=other), TEXT)).status_code == 403, name
        more = {**headers, "x-amz-meta-more": "1"}
        assert (await use(replace(signed, required_headers=more), TEXT)).status_code == 403
        assert (await use(replace(signed, required_headers=headers), b"of another size")).status_code == 403
        assert await lab.content_of(request.key) is None
        assert (await use(signed, TEXT)).status_code == 200
        assert (await use(signed, TEXT)).status_code == 412  # if_none_match is signed, too

    async def test_an_address_to_download_from(self, lab: ObjectsLab) -> None:
        request, client = self._put(lab, "page.html"), lab.client()
        await client.put_object(replace(request, content_type="text/html"))
        asked = DownloadRequest(request.key, filename='Café "1".html', content_type="application/octet-stream")
        answer = await use(await client.presign_get(asked, expires_in_s=60))
        assert (answer.status_code, answer.content) == (200, TEXT)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"Caf_ _1_.html\"; filename*=UTF-8''Caf%C3%A9%20%221%22.html"
        )

    async def test_an_address_is_no_other_address(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        request, client = self._put(lab, "mine"), lab.client()
        await client.put_object(request)
        signed = await client.presign_get(DownloadRequest(request.key), expires_in_s=60)
        for url in (
            signed.url.replace("/mine", "/yours"),
            signed.url.replace("attachment", "inline"),
            signed.url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        ):
            assert url != signed.url
            assert (await use(replace(signed, url=url))).status_code == 403

    async def test_an_address_expires(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        request, client = self._put(lab), lab.client()
        await client.put_object(request)
        signed = await client.presign_get(DownloadRequest(request.key), expires_in_s=300)
        assert (await use(signed)).status_code == 200
        await lab.advance(301)
        answer = await use(signed)
        assert answer.status_code in (400, 403)
        assert "expired" in answer.text

    async def test_clocks_that_differ_are_told(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        await lab.advance(1_000)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().probe()
        assert (caught.value.reason, caught.value.provider_code) == ("authentication_failed", "RequestTimeTooSkewed")
        assert "clock" in caught.value.detail

    @pytest.mark.parametrize("seconds", [0, 604_801])
    async def test_an_address_holds_a_week_at_most(self, lab: ObjectsLab, seconds: int) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().presign_get(DownloadRequest("key"), expires_in_s=seconds)
        assert caught.value.errors[0].field == "expires_in"

    async def test_an_upload_in_parts(self, lab: ObjectsLab) -> None:
        request, client = self._upload(lab, "film of you & me.mp4"), lab.client()
        reference = await client.create_multipart(request)
        first, last = b"1" * lab.part_bytes_least, b"the rest"
        for number, content in ((2, last), (1, first)):
            signed = await client.presign_part(reference, number, expires_in_s=900)
            assert (await use(signed, content)).status_code == 200
        page = await client.list_parts(reference, limit=1)
        rest = await client.list_parts(reference, after=page.next_after or 0)
        parts = [*page.parts, *rest.parts]
        assert [(one.part_number, one.size_bytes) for one in parts] == [(1, len(first)), (2, len(last))]
        assert rest.next_after is None
        assert await client.find_upload(request) is None
        made = await client.complete_multipart(reference, parts)
        assert made.object is not None
        assert made.etag == made.object.etag
        assert (made.object.size_bytes, made.object.metadata, made.object.upload_id) == (
            len(first) + len(last),
            request.metadata,
            request.upload_id,
        )
        assert await client.find_upload(request) == made.object
        assert (await client.complete_multipart(reference, parts)).object == made.object
        assert await lab.content_of(request.key) == first + last
        with pytest.raises(NotFound) as caught:
            await client.list_parts(reference)
        assert caught.value.error_code == "UPLOAD_NOT_FOUND"

    async def test_parts_that_are_not_as_uploaded_are_named(self, lab: ObjectsLab) -> None:
        client, reference, parts = await self._in_parts(lab, [1, lab.part_bytes_least])
        wrong = [
            [replace(parts[0], etag="0" * 32), parts[1]],
            [*parts, Part(3, parts[0].etag)],
            parts,  # the first is too small
        ]
        if self.is_strict:
            wrong.append(list(reversed(parts)))
        for told in wrong:
            with pytest.raises(InvalidRequest) as caught:
                await client.complete_multipart(reference, told)
            assert caught.value.errors[0].field == "parts"
        assert await lab.content_of(reference.key) is None

    async def test_parts_of_one_size(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        least = lab.part_bytes_least
        client, reference, parts = await self._in_parts(lab, [least, least + 1, 1])
        if not self.uniform_parts:
            await client.complete_multipart(reference, parts)
            return
        with pytest.raises(InvalidRequest) as caught:
            await client.complete_multipart(reference, parts)
        assert caught.value.errors[0].field == "parts"

    async def test_parts_only_where_there_is_no_object(self, lab: ObjectsLab) -> None:
        client, reference, parts = await self._in_parts(lab, [3])
        await client.put_object(replace(self._put(lab), key=reference.key))
        expected = PreconditionFailed if self.conditional_complete else CapabilityUnsupported
        with pytest.raises(expected):
            await client.complete_multipart(reference, parts, if_none_match=True)
        assert await lab.content_of(reference.key) == TEXT

    async def test_an_aborted_upload_is_gone(self, lab: ObjectsLab) -> None:
        client, reference, parts = await self._in_parts(lab, [3])
        assert reference.provider_upload_id in [
            one.provider_upload_id for one in await client.list_multiparts(reference.key)
        ]
        for _ in range(2):
            await client.abort_multipart(reference)
        assert not await client.list_multiparts(reference.key)
        calls: list[Awaitable[object]] = [client.list_parts(reference)]
        if self.is_strict:  # moto answers with a 500 of its own
            calls.append(client.complete_multipart(reference, parts))
        for call in calls:
            with pytest.raises(NotFound) as caught:
                await call
            assert caught.value.error_code == "UPLOAD_NOT_FOUND"

    @pytest.mark.parametrize("fault", ["cut", "error_after"])
    async def test_a_lost_completion_is_found_out(self, lab: ObjectsLab, fault: Fault) -> None:
        self._need_strictness()
        client, reference, parts = await self._in_parts(lab, [3])
        await lab.fault(fault, "complete")
        with pytest.raises(ProviderOutcomeUnknown):
            await client.complete_multipart(reference, parts)
        request = UploadRequest(reference.key, reference.upload_id)
        assert (await client.find_upload(request) is not None) == (fault in _DONE)
        made = await client.complete_multipart(reference, parts)
        assert made.object is not None
        assert made.object.upload_id == reference.upload_id
        assert await lab.writes(reference.upload_id) == 1

    async def test_probe_proves_the_credentials(self, lab: ObjectsLab) -> None:
        await lab.client().probe()
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client(credentials={"bucket": "nobodys-bucket"}).probe()
        assert caught.value.reason == "invalid_request"
        assert "bucket" in caught.value.detail

    async def test_wrong_credentials_are_our_fault(self, lab: ObjectsLab) -> None:
        self._need_strictness()
        for name, value in lab.wrong_credentials.items():
            client, request = lab.client(credentials={name: value}), self._put(lab)
            for call in (client.put_object(request), client.head_object(request.key), client.probe()):
                with pytest.raises(ProviderRefusedUs) as caught:
                    await call
                assert caught.value.reason == "authentication_failed"
            assert await lab.content_of(request.key) is None

    async def test_many_at_once_do_not_mix(self, lab: ObjectsLab) -> None:
        client = lab.client()
        requests = [replace(self._put(lab), content=str(number).encode()) for number in range(20)]
        await asyncio.gather(*(client.put_object(request) for request in requests))
        got = await asyncio.gather(*(self._get(client, request.key) for request in requests))
        assert [one.content for one in got] == [request.content for request in requests]

    async def test_secrets_and_addresses_are_seen_nowhere(self, lab: ObjectsLab) -> None:
        client, wrong = lab.client(), lab.client(credentials=lab.wrong_credentials)
        request, errors = replace(self._put(lab), content=b"Only for your eyes."), list[OneRouterError]()
        with overheard() as heard:
            signed = await client.presign_put(self._upload(lab), expires_in_s=60)
            await client.put_object(request)
            for each in (lab.client(base_url="http://127.0.0.1:9"), *((wrong,) if self.is_strict else ())):
                with pytest.raises(ProviderError) as caught:
                    await each.put_object(request)
                errors.append(caught.value)
        seen = [heard.getvalue(), repr(client), repr(wrong), repr(request), repr(signed), str(vars(client))]
        seen += [
            text for error in errors for text in (repr(error), *traceback.format_exception(error), str(vars(error)))
        ]
        signature = signed.url.rpartition("X-Amz-Signature=")[2]
        for secret in (*lab.secrets, *lab.wrong_credentials.values(), signature, "Only for your eyes"):
            assert not any(secret in text for text in seen)

    def _need_strictness(self) -> None:
        if not self.is_strict:
            pytest.skip("this server checks no signature and takes no faults")

    def _put(self, lab: ObjectsLab, name: str = "object.bin") -> PutRequest:
        return PutRequest(f"{lab.folder()}{name}", TEXT, new_id("op"))

    def _upload(self, lab: ObjectsLab, name: str = "upload.png") -> UploadRequest:
        return UploadRequest(
            f"{lab.folder()}{name}", new_id("upl"), "image/png", size_bytes=len(TEXT), metadata={"who": WORDS}
        )

    async def _in_parts(
        self, lab: ObjectsLab, sizes: Sequence[int]
    ) -> tuple[StoresObjects, MultipartReference, list[Part]]:
        """An upload whose parts are there."""
        client = lab.client()
        reference = await client.create_multipart(self._upload(lab))
        for number, size in enumerate(sizes, 1):
            signed = await client.presign_part(reference, number, expires_in_s=900)
            assert (await use(signed, b"x" * size)).status_code == 200
        return client, reference, list((await client.list_parts(reference)).parts)

    async def _head(self, client: StoresObjects, key: str) -> ObjectSnapshot:
        found = await client.head_object(key)
        assert isinstance(found, ObjectSnapshot)
        return found

    async def _get(self, client: StoresObjects, key: str, conditions: Conditions | None = None) -> ObjectContent:
        got = await client.get_object(key, most_bytes=INLINE, conditions=conditions or Conditions())
        assert isinstance(got, ObjectContent)
        return got


async def use(
    signed: PresignedRequest, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """What a plain HTTP client that was given the address makes of it. `headers`: besides those it must send."""
    wire = {**signed.required_headers, **(headers or {})}
    async with httpx.AsyncClient(timeout=60, trust_env=False, verify=_tls()) as http:
        return await http.request(signed.method, signed.url, headers=wire, content=content)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: to read the certificates of this machine takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)
